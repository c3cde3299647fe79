"""Compiled runs behave as runs by NumPy do, up to rounding, in whatever happens."""
import copy
import pickle
import warnings

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.training import TrainingDiverged

pytest.importorskip("numba")
acceleration = pytest.importorskip("nn_from_scratch.acceleration")
compiled = pytest.importorskip("nn_from_scratch.compiled")
KINDS = nn.Training, acceleration.CompiledTraining
X, y = nn.two_moons(203, noise=0.2, seed=0)


def moons(dtype=np.float64, **more):
    model = nn.Network(2, seed=0, dtype=dtype)
    model.add_layer(7, nn.Tanh(), **more)
    model.add_layer(5, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid(a=1))
    return model


def close(a, b, tolerance=1e-10):
    assert np.abs(a - b).max() <= tolerance * np.abs(a).max()


class Watching(nn.Callback):
    "Looks at each step, so that no epoch is compiled whole."
    def on_train_begin(self, network):
        self.losses = []

    def on_step_end(self, training):
        self.losses.append(training.t)


@pytest.mark.parametrize("callbacks", [[], [Watching()]], ids=["epoch", "kernels"])
@pytest.mark.parametrize("recipe", [
    {"optimizer": "adam", "schedule": "cosine", "class_weight": "balanced"},
    {"optimizer": "nesterov", "clip_norm": 0.1, "regularizer": "l1", "batch_size": 1},
    {"optimizer": "adamw", "shuffle": False, "batch_size": 101},
    {"optimizer": "rmsprop", "validation_split": 0.2, "estimator": nn.BinaryAccuracy()},
], ids=lambda recipe: recipe["optimizer"])
@pytest.mark.parametrize("network", [{}, {"dropout": 0.3}])
def test_both_modes_train_to_the_same(network, recipe, callbacks):
    plain, fast = moons(**network), moons(**network)
    settings = dict(epochs=5, verbose=False, callbacks=callbacks) | recipe
    expected = plain.train(X, y, **settings)
    found = fast.train(X, y, compiled=True, **settings)
    close(plain.theta, fast.theta)
    assert expected.keys() == found.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-9)
    for a, b in zip(plain.generators(), fast.generators()):
        assert a.bit_generator.state == b.bit_generator.state


def test_batch_norm_and_a_rest_of_one_sample():
    models = moons(batch_norm=True), moons(batch_norm=True)
    for model, mode in zip(models, (False, True)):
        model.train(X[:101], y[:101], epochs=5, batch_size=10, compiled=mode,
                    verbose=False)
    for plain, fast in zip(*(model.tensors().values() for model in models)):
        close(plain, fast)


def test_single_precision_stays_single():
    plain, fast = moons(np.float32), moons(np.float32)
    plain.train(X, y, epochs=3, optimizer="adam", verbose=False)
    fast.train(X, y, epochs=3, optimizer="adam", compiled=True, verbose=False)
    assert fast.theta.dtype == np.float32
    close(plain.theta, fast.theta, 1e-4)


def test_a_run_may_change_its_mode_between_two_calls():
    model, other = moons(), moons()
    for mode in (True, False, True):
        model.train(X, y, epochs=2, optimizer="adam", compiled=mode, verbose=False)
        other.train(X, y, epochs=2, optimizer="adam", verbose=False)
    close(other.theta, model.theta)


def test_read_only_samples():
    samples, labels = X.copy(), y.astype(float)
    samples.flags.writeable = labels.flags.writeable = False
    model, other = moons(), moons()
    model.train(samples, labels, epochs=2, shuffle=False, compiled=True, verbose=False)
    other.train(samples, labels, epochs=2, shuffle=False, verbose=False)
    close(other.theta, model.theta)


@pytest.mark.parametrize("kind", KINDS)
def test_divergence_names_step_and_layer_and_goes_back(kind):
    # outputs of a sigmoid stay finite whatever the parameters; those of a line do not
    model = nn.Network(2, seed=0, dtype=np.float64)
    model.add_layer(7, nn.ReLU())
    model.add_output_layer(1, nn.Linear())
    before = model.theta.copy()
    with pytest.raises(TrainingDiverged) as caught:
        kind(model, X, y, eta=1e200, epochs=2).run()
    assert caught.value.epoch == 1 and caught.value.step is not None
    assert (model.theta == before).all()


def test_both_modes_diverge_at_the_same_step():
    found = []
    for kind in KINDS:
        model = nn.Network(2, seed=0, dtype=np.float64)
        model.add_layer(7, nn.ReLU())
        model.add_output_layer(1, nn.Linear())
        with pytest.raises(TrainingDiverged) as caught:
            kind(model, X, y, eta=30.0, epochs=9).run()
        found.append((caught.value.epoch, caught.value.step, caught.value.what))
    assert found[0] == found[1]


def test_going_on_from_a_state_to_the_same_bits():
    runs = [acceleration.CompiledTraining(moons(dropout=0.2), X, y, epochs=6,
                                          optimizer="adam") for _ in range(3)]
    runs[0].run()
    for _ in range(11):
        runs[1].step()
    runs[2].restore(pickle.loads(pickle.dumps(runs[1].state())))
    runs[2].run()
    assert (runs[0].network.theta == runs[2].network.theta).all()
    assert runs[0].history == runs[2].history


class Interrupting(nn.Callback):
    def on_epoch_end(self, network, stats):
        if len(stats["train_loss"]) == 3:
            raise KeyboardInterrupt


def test_ctrl_c_keeps_the_history():
    model = moons()
    stats = model.train(X, y, epochs=9, callbacks=[Interrupting()], compiled=True,
                        verbose=False)
    assert len(stats["train_loss"]) == 3 and stats.interrupted


class Own(nn.GradientDescent):
    pass


def test_an_optimizer_without_a_loop_is_refused_by_name():
    model = moons()
    before = model.theta.copy()
    with pytest.raises(TypeError, match=r"one of GradientDescent, .*, got Own\(\)"):
        model.train(X, y, optimizer=Own(), compiled=True, verbose=False)
    assert (model.theta == before).all() and model.optimizer is None


class Bent(nn.ReLU):
    pass


@pytest.mark.parametrize("change, reason", [
    (lambda model: model.add(Bent()), "Bent()"),
    (lambda model: model.add(nn.LayerNorm()), "LayerNorm()"),
])
def test_a_run_says_what_keeps_its_epoch_from_being_compiled(change, reason):
    model = nn.Network(2, seed=0)
    model.add_layer(4, nn.ReLU())
    change(model)
    model.add_output_layer(1, nn.Sigmoid(a=1))
    run = acceleration.CompiledTraining(model, X, y)
    assert reason in run.reason and reason in repr(run)
    run.run()


def test_the_whole_epoch_is_said():
    assert "whole epoch" in repr(acceleration.CompiledTraining(moons(), X, y))


def test_a_copy_made_during_a_run_is_plain_and_learns():
    copies = []
    class Copying(nn.Callback):
        def on_epoch_end(self, network, stats):
            copies.append(copy.deepcopy(network))
    model = nn.Network(2, seed=0)
    model.add(nn.Dense(300, nn.ReLU()))
    model.add(nn.LayerNorm())
    model.add_output_layer(1, nn.Sigmoid(a=1))
    model.train(X, y, epochs=1, compiled=True, callbacks=[Copying()], verbose=False)
    [twin] = copies
    assert all("forward" not in vars(layer) for layer in (*twin.parts, *model.parts))
    twin.train(X, y, epochs=1, verbose=False)
    assert (twin.theta != model.theta).any()


def test_where_nothing_can_be_kept_it_says_so(monkeypatch):
    def refusing(cache=False, **options):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function
    monkeypatch.setattr(compiled, "njit", refusing)
    monkeypatch.setattr(compiled, "UNCACHED", [])
    monkeypatch.setattr(acceleration, "UNCACHED", compiled.UNCACHED)
    def loop():
        return 1
    assert compiled.compiled(loop)() == 1 and compiled.UNCACHED == ["loop"]
    with pytest.warns(UserWarning, match="NUMBA_CACHE_DIR") as caught:
        moons().train(X, y, epochs=1, compiled=True, verbose=False)
        acceleration.CompiledOutput(moons(), verbose=False)
    assert [warning.filename for warning in caught] == [__file__] * 2


def test_no_warning_where_it_can():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        moons().train(X, y, epochs=1, compiled=True, verbose=False)


@pytest.mark.parametrize("mode", [False, True])
def test_a_warning_points_to_the_line_that_trains(mode):
    model = nn.Network(2, seed=0)
    model.add_output_layer(1, nn.Linear())
    with pytest.warns(UserWarning, match="scale them") as caught:
        model.train(X, 1e5 * X[:, :1], epochs=1, eta=1e-9, compiled=mode, verbose=False)
    assert caught[0].filename == __file__


def images():
    model = nn.Network((6, 6, 2), seed=0, dtype=np.float64)
    model.add(nn.Conv2D(3, 3, nn.ReLU()))
    model.add(nn.Flatten())
    model.add_output_layer(2, nn.Softmax())
    return model


def test_outputs_follow_the_network():
    model = moons(batch_norm=True, dropout=0.3)
    answer = acceleration.CompiledOutput(model, verbose=False)
    for _ in range(2):
        model.train(X, y, epochs=2, verbose=False)
        for samples in (X, X[:1], X[0], X[:0], X[::2], X[:5].tolist()):
            found, expected = answer(samples), model.output(samples)
            assert found.shape == expected.shape and found.dtype == expected.dtype
            np.testing.assert_allclose(found, expected, rtol=1e-12)
    model.reset()
    np.testing.assert_allclose(answer(X), model.output(X), rtol=1e-12)


def test_outputs_of_samples_that_may_not_be_written():
    model, samples = moons(np.float32), X[:3].astype(np.float32)
    samples.flags.writeable = False
    answer = acceleration.CompiledOutput(model, verbose=False)
    before = len(compiled.forward.signatures)
    np.testing.assert_allclose(answer(samples), model.output(samples), rtol=1e-6)
    assert len(compiled.forward.signatures) == before


@pytest.mark.parametrize("wrong", [
    [[1, np.nan]], [[1, np.inf]], [[1, 2, 3]], [["a", "b"]], 3, None], ids=repr)
@pytest.mark.parametrize("network", [moons, images])
def test_outputs_refuse_what_the_network_refuses(network, wrong):
    model = network()
    answer, messages = acceleration.CompiledOutput(model, verbose=False), []
    for function in (answer, model.output):
        with pytest.raises((TypeError, ValueError)) as error:
            function(wrong)
        messages.append(str(error.value))
    assert messages[0] == messages[1]


def test_outputs_of_other_networks_take_their_layers_loops():
    model = images()
    answer = acceleration.CompiledOutput(model, verbose=False)
    samples = np.random.default_rng(0).random((4, 6, 6, 2))
    np.testing.assert_allclose(answer(samples), model.output(samples), rtol=1e-12)
    assert answer(samples[0]).shape == (2,)
    assert "Conv2D(3, 3, ReLU()" in repr(answer)
    assert not any("forward" in vars(layer) for layer in model.layers)


def test_outputs_of_many_samples_are_those_of_numpy():
    model = moons()
    answer = acceleration.CompiledOutput(model, verbose=False)
    many = np.resize(X, (acceleration.FEW // answer.products + 1, 2))
    assert (answer(many) == model.output(many)).all()


def test_outputs_need_an_output_layer():
    model = nn.Network(2)
    with pytest.raises(ValueError, match="no output layer"):
        acceleration.CompiledOutput(model)


def test_a_copy_answers_by_its_own_parameters():
    model = moons()
    answer = acceleration.CompiledOutput(model, verbose=False)
    for other in (copy.deepcopy(answer), pickle.loads(pickle.dumps(answer))):
        other.network.theta[...] = 0
        assert (other(X) == 0.5).all()
    assert not (answer(X) == 0.5).any()
