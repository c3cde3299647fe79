"""A run can stop after any step and go on, here or elsewhere, to the same bits; scores
are those of the steps."""
import json
import pickle

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.optimizers import OPTIMIZERS
from nn_from_scratch.schedules import SCHEDULES
from nn_from_scratch.training import Training

X, y = nn.two_moons(150, 0.2, seed=0)
rng = np.random.default_rng(0)


def network(seed=0, **more):
    model = nn.Network(2, seed=seed)
    model.add_layer(8, nn.Tanh(), **more)
    model.add(nn.Residual(nn.Dense(8, nn.ReLU()), nn.BatchNorm()))
    model.add_output_layer(1, nn.Sigmoid())
    return model


def same(a, b):
    "Whether two networks, and what they would draw next, are equal to the last bit."
    tensors = a.tensors(), b.tensors()
    equal = all(
        np.array_equal(tensors[0][name], tensors[1][name]) for name in tensors[0]
    )
    return (
        equal
        and tensors[0].keys() == tensors[1].keys()
        and str(a.generators()[0].bit_generator.state)
        == str(b.generators()[0].bit_generator.state)
    )


def median_output(A, Y):
    return np.median(A)  # no mean over the samples


# the others fit any run
SHORT = {"step": nn.Step(every=9), "warm_up": nn.WarmUp(steps=9)}
RECIPES = {
    **{f"optimizer {name}": dict(optimizer=name, eta=0.01) for name in OPTIMIZERS},
    **{
        f"schedule {name}": dict(schedule=SHORT.get(name, name), optimizer="adam")
        for name in SCHEDULES
    },
    "early stopping": dict(
        callbacks=lambda: [nn.EarlyStopping(1, "val_loss")], eta=0.5
    ),
    "recorder": dict(callbacks=lambda: [nn.LayerRecorder(every=2)]),
    "weights": dict(
        class_weight={0: 1, 1: 3}, sample_weight=rng.uniform(0.5, 2, 150),
        regularizer="l2",
    ),
    "clipped": dict(clip_norm=0.1),
    "no shuffle": dict(shuffle=False),
    "metric": dict(estimator=nn.BinaryAccuracy()),
    "function": dict(estimator=median_output),
    "one batch": dict(batch_size=200),
}


def training(model, recipe, epochs=4):
    options = dict(RECIPES[recipe])
    if "callbacks" in options:
        options["callbacks"] = options["callbacks"]()
    return Training(
        model, X, y, validation_split=0.2, epochs=epochs,
        **{"batch_size": 16, **options},
    )


@pytest.mark.parametrize(
    "more",
    [{}, dict(dropout=0.3), dict(batch_norm=True, dropout=0.2)],
    ids=["plain", "dropout", "normalised"],
)
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_stopped_run_goes_on_to_the_same_bits(recipe, more):
    whole = network(**more)
    run = training(whole, recipe)
    history = run.run()
    for place in (0, 8, 13):
        first = training(network(**more), recipe)
        for step in first:
            if step >= place:
                break
        state = pickle.loads(pickle.dumps(first.state()))
        other = network(seed=7, **more)
        second = training(other, recipe)
        second.restore(state)
        for step in second:
            if step % 3 == 0:
                break
        later = second.run()
        assert same(other, whole) and later == history, place
        assert all(
            np.array_equal(
                np.array(a.__dict__.get("rows", 0)), np.array(b.__dict__.get("rows", 0))
            )
            for a, b in zip(run.callbacks, second.callbacks)
        )


def test_a_loop_by_hand_is_train():
    by_hand, trained = network(), network()
    run = Training(by_hand, X, y, epochs=3, batch_size=16)
    steps = list(run)
    assert steps == list(range(1, 31)) and run.finished
    assert run.history == trained.train(X, y, epochs=3, batch_size=16, verbose=False)
    assert same(by_hand, trained)
    assert list(run) == [] and run.step() == 30 and run.run() == run.history


def test_a_training_object_changes_nothing_before_its_first_step():
    model, twin = network(), network()
    Training(
        model, X, y, loss=nn.MeanSquaredError(), optimizer="adam", regularizer="l2"
    )
    assert same(model, twin) and model.optimizer is None and model.regularizer is None
    assert isinstance(model.loss, nn.BinaryCrossEntropy)


def test_the_state_is_plain_and_holds_no_samples():
    marker = 123.456
    data = np.full((40, 2), marker) * rng.choice([-1, 1], (40, 2))
    run = Training(
        network(), data, np.arange(40) % 2, estimator=median_output, batch_size=8
    )
    for step in run:
        if step == 7:
            break
    found = []

    def plain(value):
        if isinstance(value, dict):
            return {str(k): plain(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(v) for v in value]
        if isinstance(value, np.ndarray):
            found.append(np.isin(np.abs(value), [marker, np.float32(marker)]).any())
            return value.tolist()
        return value
    json.dumps(plain(run.state()))
    assert found and not any(found)


def test_a_state_of_another_run_is_refused():
    state = Training(network(), X, y, optimizer="adam").state()
    for other in (
        dict(optimizer="momentum"),
        dict(optimizer="adam", batch_size=8),
        dict(optimizer="adam", callbacks=[nn.EarlyStopping()]),
    ):
        model = network(seed=1)
        run = Training(model, X, y, **other)
        before = {name: t.copy() for name, t in model.tensors().items()}
        with pytest.raises(ValueError, match="expected the state of a run with"):
            run.restore(state)
        assert all(
            np.array_equal(t, before[name]) for name, t in model.tensors().items()
        )
        assert model.optimizer is None
    narrow = nn.Network(2, seed=0)
    narrow.add_layer(3, nn.ReLU())
    narrow.add_output_layer(1, nn.Sigmoid())
    with pytest.raises(ValueError, match="tensors of this network"):
        Training(narrow, X, y, optimizer="adam").restore(state)
    with pytest.raises(ValueError, match="run"):
        Training(network(), X, y).restore({"step": 3})


def test_an_error_by_hand_goes_back_to_the_last_epoch():
    class Failing(nn.GradientDescent):
        def step(self, theta, grad, eta):
            super().step(theta, grad, eta)
            self.steps = vars(self).get("steps", 0) + 1
            if self.steps == 14:
                raise RuntimeError("mine")
    model, short = network(dropout=0.2), network(dropout=0.2)
    run = Training(model, X, y, epochs=3, batch_size=16, optimizer=Failing())
    with pytest.raises(RuntimeError, match="mine"):
        for _ in run:
            pass
    short.train(X, y, epochs=1, batch_size=16, verbose=False)
    assert same(model, short) and run.t == 10 and len(run.history["train_loss"]) == 1


def test_a_second_training_of_a_network_raises():
    model, messages = network(), []

    def again(network):
        for call in (
            lambda: network.train(X, y, epochs=1),
            lambda: network.find_learning_rate(X, y),
            lambda: next(iter(Training(network, X, y))),
        ):
            with pytest.raises(RuntimeError, match="being trained already"):
                call()
            messages.append(call)
    model.train(
        X, y, epochs=1, batch_size=150,
        callbacks=[nn.LambdaCallback(on_batch_end=again)], verbose=False,
    )
    assert len(messages) == 3
    model.train(X, y, epochs=1, verbose=False)


@pytest.mark.parametrize("size", [1, 7, 32, 150, 1000])
def test_scores_do_not_depend_on_blocks_and_pages(size, monkeypatch):
    import nn_from_scratch.data as data
    import nn_from_scratch.metrics as metrics
    def history():
        return (
            network().train(
                X, y, X[:33], y[:33], batch_size=size, epochs=2,
                estimator=nn.BinaryAccuracy(), shuffle=False, verbose=False,
            )
            if size > 1
            else plain().train(
                X, y, X[:33], y[:33], batch_size=1, epochs=2,
                estimator=nn.BinaryAccuracy(), verbose=False,
            )
        )
    def plain():
        model = nn.Network(2, seed=0)
        model.add_output_layer(1, nn.Sigmoid())
        return model
    together = history()
    for module in (data, metrics):
        monkeypatch.setattr(module, "PAGE", 16)
    monkeypatch.setattr(nn.data.Samples, "room", lambda self, size: size)
    apart = history()
    for name in together:
        assert np.allclose(together[name], apart[name], rtol=1e-5)


def test_divergence_survives_pickling():
    error = nn.TrainingDiverged(
        3, 97, "2", "outputs of layer 2", 0.1, nn.History(train_loss=[1.0]), "Scale it"
    )
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.history == error.history
    assert "epoch 3, step 97" in str(error) and again.layer == "2"
