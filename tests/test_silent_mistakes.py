"""What could pass without a word is an error that says what fits, or is right."""

import importlib
import inspect
import pickle
import pkgutil
import re
import warnings

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.callbacks import GradientStopping
from nn_from_scratch.data import standardize_targets
from nn_from_scratch.metrics import improves_upwards

X, y = nn.two_moons(97, 0.2, seed=0)


def network(n_outputs=1, activation=None, **options):
    model = nn.Network(2, seed=0)
    model.add_layer(8, nn.ReLU(), **options)
    model.add_output_layer(n_outputs, activation or nn.Sigmoid())
    return model


def untouched(model, action, error, words):
    "An action is refused in these words, and the network is as it was."
    before = model.theta.copy()
    with pytest.raises(error, match=words):
        action(model)
    assert np.array_equal(model.theta, before)


def unfit(model, metric, words):
    "A metric is refused where a network is trained or evaluated with it."
    for action in (
        lambda m: m.train(X, y, estimator=metric, verbose=False),
        lambda m: m.evaluate(X, y, metric),
    ):
        untouched(model, action, ValueError, words)


# --- errors


def exceptions():
    for module in pkgutil.walk_packages(nn.__path__, "nn_from_scratch."):
        if module.name.endswith("__main__"):
            continue
        try:
            found = importlib.import_module(module.name)
        except ImportError as error:  # an extra that is not installed
            assert "pip install 'nn-from-scratch-book[" in str(error)
            continue
        for kind in vars(found).values():
            ours = inspect.isclass(kind) and kind.__module__.startswith("nn_from")
            if ours and issubclass(kind, Exception):
                yield kind


def test_every_exception_survives_pickling():
    kinds = set(exceptions())
    assert len(kinds) >= 5 and nn.TrainingDiverged in kinds
    for kind in kinds:
        own = kind.__init__ is not Exception.__init__ and "__init__" in vars(kind)
        names = list(inspect.signature(kind.__init__).parameters)[1:] if own else ["x"]
        error = kind(*(3 if name in ("epoch", "eta") else {} for name in names))
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is kind and str(again) == str(error)
        assert again.args == error.args


# --- which way is up


def test_early_stopping_keeps_the_best_accuracy():
    model, accuracies = network(), [0.86, 0.90, 0.94, 0.91, 0.90]
    stop, stats = nn.EarlyStopping(2, "val_binary_accuracy"), nn.History()
    stop.on_train_begin(model)
    for accuracy in accuracies:
        stats.record("val", {"binary_accuracy": accuracy})
        model.theta = np.full_like(model.theta, accuracy)
        answer = stop.on_epoch_end(model, stats)
    stop.on_train_end(model, stats)
    assert answer and stop.best_epoch == 3 and np.allclose(model.theta, 0.94)


@pytest.mark.parametrize(
    "name, up",
    [
        ("loss", False),
        ("val_loss", False),
        ("train_multiclass_accuracy", True),
        ("val_single_class_error", False),
        ("val_mean_euclidean_error", False),
    ],
)
def test_direction_of_what_is_known(name, up):
    assert improves_upwards(name) is up


def test_direction_of_what_is_not_known_is_asked_for():
    class Recall(nn.Metric):
        def each(self, A, Y):
            return A > 0.5

    for name in ("val_accuracy", "val_recall"):
        with pytest.raises(ValueError, match="greater_is_better=True or False"):
            nn.EarlyStopping(5, name)
        assert nn.EarlyStopping(5, name, greater_is_better=True).sign == -1
    Recall.greater_is_better = True
    assert nn.EarlyStopping(5, "val_recall").sign == -1


# --- metrics and losses that do not fit


@pytest.mark.parametrize("metric", [nn.MulticlassAccuracy(), nn.MultiClassError()])
def test_one_column_has_no_largest(metric):
    unfit(network(), metric, "at least 2.*BinaryAccuracy")
    with pytest.raises(ValueError, match="at least 2 classes"):
        metric(np.ones((5, 1)), np.ones((5, 1)))


@pytest.mark.parametrize("metric", [nn.BinaryAccuracy(), nn.SingleClassError(0.7)])
def test_softmax_is_one_decision(metric):
    unfit(network(10, nn.Softmax()), metric, "one decision.*MulticlassAccuracy")
    assert metric(np.eye(3), np.eye(3)) in (0, 1)  # called directly, on any outputs


@pytest.mark.parametrize(
    "activation, k",
    [(nn.Sigmoid(), 1), (nn.Sigmoid(), 3), (nn.Linear(), 2), (nn.Tanh(), 3)],
)
def test_categorical_cross_entropy_needs_a_distribution(activation, k):
    loss, model = nn.CategoricalCrossEntropy(), network(k, activation)
    Y = np.eye(k)[y % k]
    untouched(
        model,
        lambda m: m.train(X, Y, loss=loss, verbose=False),
        ValueError,
        "use Softmax",
    )
    with pytest.raises(ValueError, match="use Softmax"):
        model.loss = loss


@pytest.mark.parametrize("activation", [nn.Linear(), nn.Tanh(), nn.ReLU()])
def test_binary_cross_entropy_needs_probabilities(activation):
    loss = nn.BinaryCrossEntropy()
    untouched(
        network(1, activation),
        lambda m: m.train(X, y, loss=loss, verbose=False),
        ValueError,
        "use Sigmoid",
    )


def test_a_metric_cannot_be_called_loss():
    def loss(A, Y):
        return 0.0

    unfit(network(), loss, "another name")


def test_metrics_say_how_labels_become_targets():
    with pytest.raises(ValueError, match="one_hot"):
        nn.MulticlassAccuracy()(np.eye(3), np.array([0, 1, 2]))
    with pytest.raises(ValueError, match="at least one row"):
        nn.BinaryAccuracy()(np.empty((0, 1)), np.empty((0, 1)))


# --- arguments


def test_weights_of_zero():
    zeros = np.zeros(len(X))
    untouched(
        network(),
        lambda m: m.train(X, y, sample_weight=zeros, verbose=False),
        ValueError,
        "0",
    )
    untouched(
        network(), lambda m: m.train(X, y, class_weight={0: 0, 1: 0}), ValueError, "0"
    )


@pytest.mark.parametrize(
    "arguments, error, words",
    [
        (dict(eta="adaptive"), TypeError, "schedule="),
        (dict(eta=[0.1]), TypeError, "expected eta"),
        (dict(clip_norm="1"), TypeError, "expected clip_norm to be a number"),
        (dict(validation_split="0.2"), ValueError, "validation_split"),
        (dict(callbacks=nn.EarlyStopping()), TypeError, "expected a list of callbacks"),
        (dict(callbacks=[nn.EarlyStopping]), TypeError, "with the moments of Callback"),
        (dict(callbacks=3), TypeError, "expected a list of callbacks"),
        (dict(estimator="accuracy"), TypeError, "expected estimator"),
        (dict(optimizer=""), ValueError, "gradient_descent"),
        (dict(optimizer=0), TypeError, "optimizer"),
        (dict(optimizer=False), TypeError, "optimizer"),
        (dict(optimizer=[]), TypeError, "optimizer"),
        (dict(schedule=""), ValueError, "cosine"),
        (dict(loss=[]), TypeError, "expected loss"),
        (dict(regularizer=""), ValueError, "l2"),
    ],
)
def test_refused_before_the_first_step(arguments, error, words):
    untouched(
        network(), lambda m: m.train(X, y, verbose=False, **arguments), error, words
    )


def training(name):
    return lambda value: network().train(X, y, verbose=False, **{name: value})


def finding(name):
    return lambda value: network().find_learning_rate(X, y, **{name: value})


def checking(name):
    def square(x):
        return x * x

    def backward(U, x):
        return {"x": 2 * U * x}

    return lambda value: nn.check_gradient(
        square, backward, {"x": np.ones(2)}, **{name: value}
    )


REAL = {
    "Sigmoid": nn.Sigmoid,
    "LeakyReLU": nn.LeakyReLU,
    "ELU": nn.ELU,
    "Huber": nn.Huber,
    "smoothing": nn.CategoricalCrossEntropy,
    "VarianceScaling": nn.VarianceScaling,
    "Uniform": nn.Uniform,
    "L1": nn.L1,
    "L2": nn.L2,
    "l1": nn.ElasticNet,
    "l2": lambda value: nn.ElasticNet(0.1, value),
    "dropout": nn.regularizers.Dropout,
    "dropout of a layer": lambda value: nn.Network(2).add_layer(
        3, nn.ReLU(), dropout=value
    ),
    "beta": lambda value: nn.Momentum(beta=value),
    "AdaGrad": lambda value: nn.AdaGrad(epsilon=value),
    "rho": lambda value: nn.RMSProp(rho=value),
    "beta1": lambda value: nn.Adam(beta1=value),
    "beta2": lambda value: nn.Adam(beta2=value),
    "Adam": lambda value: nn.Adam(epsilon=value),
    "decay": lambda value: nn.AdamW(decay=value),
    "clip_norm": lambda value: nn.optimizers.clip_norm(np.ones(3), value),
    "factor": lambda value: nn.Step(10, factor=value),
    "Exponential": lambda value: nn.Exponential(final=value),
    "Cosine": lambda value: nn.Cosine(final=value),
    "warm": lambda value: nn.OneCycle(warm=value),
    "start": lambda value: nn.OneCycle(start=value),
    "final": lambda value: nn.OneCycle(final=value),
    "low": finding("low"),
    "high": finding("high"),
    "BinaryAccuracy": nn.BinaryAccuracy,
    "SingleClassError": nn.SingleClassError,
    "tolerance": nn.ToleranceEarlyStopping,
    "gradient": nn.GradientStopping,
    "delay": lambda value: nn.ProgressBar(3, value),
    "eta": training("eta"),
    "clip_norm of training": training("clip_norm"),
    "share": lambda value: nn.split(X, y, test=value),
    "tolerance of a check": checking("tolerance"),
}
WHOLE = {
    "Dense": nn.Dense,
    "Network": nn.Network,
    "every": nn.Step,
    "WarmUp": nn.WarmUp,
    "n_steps": finding("n_steps"),
    "batch": finding("batch_size"),
    "patience": nn.EarlyStopping,
    "patience of a gradient": lambda value: nn.GradientStopping(patience=value),
    "recorder": nn.LayerRecorder,
    "bar": nn.ProgressBar,
    "epochs": training("epochs"),
    "batch_size": training("batch_size"),
    "classes": lambda value: nn.one_hot([0, 1], value),
    "folds": lambda value: nn.k_fold(y, value),
    "settings": lambda value: nn.random_settings(value, width=min),
    "entries": lambda value: nn.check_objective(network(), X, y, entries=value),
    "resolution": lambda value: nn.plot_decision_boundary(
        network(), X, y, resolution=value
    ),
}
SEED = {
    "Network": lambda value: nn.Network(2, value),
    "check": checking("seed"),
    "objective": lambda value: nn.check_objective(network(), X, y, seed=value),
    "settings": lambda value: nn.random_settings(2, value, width=min),
    "monk": lambda value: nn.monk(1, False, value),
}
NO_NUMBERS = "a", True, np.nan, np.inf, None, [0.5]
MAY_BE_NONE = "eta", "clip_norm of training", "tolerance of a check", "batch_size"
MAY_BE_INFINITE = "clip_norm", "delay"


@pytest.mark.parametrize("call, wrong", [
    *((call, wrong) for name, call in REAL.items() for wrong in NO_NUMBERS
      if not (wrong is None and name in MAY_BE_NONE
              or wrong is np.inf and name in MAY_BE_INFINITE)),
    *((call, wrong) for name, call in WHOLE.items() for wrong in NO_NUMBERS
      if not (wrong is None and name in MAY_BE_NONE)),
    *((call, wrong) for call in SEED.values() for wrong in ("a", True, np.nan, -1)),
])
def test_what_is_no_number_is_refused_in_words_of_ours(call, wrong):
    words = r"(?s)(expected|must be).* got .*" + re.escape(repr(wrong).strip("[]"))
    with pytest.raises((TypeError, ValueError), match=words):
        call(wrong)


def test_callbacks_from_a_generator_are_called():
    ends = []
    note = nn.LambdaCallback(on_train_end=lambda network, stats: ends.append(1))
    network().train(X, y, epochs=2, verbose=False, callbacks=(c for c in [note]))
    network().train(X, y, epochs=2, verbose=True, callbacks=None)
    assert ends == [1]


def test_text_as_labels():
    names = np.array(["left", "right"])[y]
    for labels in (names, names.astype(object), list(names)):
        untouched(
            network(2, nn.Softmax()),
            lambda m: m.train(X, labels, verbose=False),
            TypeError,
            "return_inverse=True",
        )


@pytest.mark.parametrize("labels", [[0, np.nan], [0, np.inf], [0j, 1j], ["a", "b"]])
def test_one_hot_refuses_without_a_warning(labels):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises((TypeError, ValueError)):
            nn.one_hot(labels, 2)


# --- global state


def test_the_global_generator_is_left_alone():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    drawn = [nn.two_moons(50)[0] for _ in range(2)]
    parts = [nn.split(X, y).x_test for _ in range(2)]
    assert np.array_equal(np.random.get_state()[1], before)
    assert not np.array_equal(*drawn) and not np.array_equal(*parts)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (dict(validation=0), "above 0"),
        (dict(test=1.0), "below 1"),
        (dict(validation="a"), "share"),
        (dict(validation=0.5, test=0.5), "no sample"),
    ],
)
def test_shares_of_a_split(arguments, words):
    with pytest.raises(ValueError, match=words):
        nn.split(X, y, **arguments)


def test_prices_are_no_classes():
    prices = np.random.default_rng(0).normal(3e5, 1e4, len(X))
    with pytest.raises(ValueError, match="stratify=False"):
        nn.split(X, prices)
    parts = nn.split(X, prices, stratify=False, seed=0)
    scaled, scaler = standardize_targets(parts)
    assert np.allclose(scaler.inverse_transform(scaled.y_test)[:, 0], parts.y_test)
    assert abs(scaled.y_train.mean()) < 1e-9 and np.isclose(scaled.y_train.std(), 1)


# --- batches


@pytest.mark.parametrize("n", [33, 65, 97])
def test_a_rest_of_one_joins_the_batch_before(n):
    model, stats = network(batch_norm=True), []
    sizes = nn.LambdaCallback(
        on_batch_end=lambda network: stats.append(len(network.activations[-1]))
    )
    model.train(X[:n], y[:n], epochs=2, callbacks=[sizes], verbose=False)
    assert stats == [*[32] * (n // 32 - 1), 33] * 2
    plain, stats[:] = network(), []
    plain.train(X[:n], y[:n], epochs=1, callbacks=[sizes], verbose=False)
    assert stats == [*[32] * (n // 32), 1]  # as it was without batch normalisation


def test_a_run_with_a_joined_rest_is_taken_up_again():
    def run(seed=0):
        model = nn.Network(2, seed=seed)
        model.add_layer(8, nn.ReLU(), batch_norm=True, dropout=0.1)
        model.add_output_layer(1, nn.Sigmoid())
        return nn.Training(model, X, y, epochs=4, optimizer="adam", batch_size=16)

    whole, part = run(), run()
    whole.run()
    assert whole.t == 4 * 6  # 97 samples: five batches of 16, and one of 17
    for step in part:
        if step == 11:
            break
    again = run(seed=5).restore(pickle.loads(pickle.dumps(part.state())))
    assert again.run() == whole.history
    assert np.array_equal(again.network.theta, whole.network.theta)


# --- divergence


def diverges(X, y, model, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with pytest.raises(nn.TrainingDiverged) as caught:
            model.train(X, y, verbose=False, **options)
    assert np.isfinite(model.theta).all()
    return str(caught.value)


def regression():
    model = nn.Network(2, seed=0)
    model.add_layer(16, nn.ReLU())
    model.add_output_layer(1, nn.Linear())
    return model


def test_advice_fits_the_cause():
    targets = np.random.default_rng(0).normal(size=len(X))
    assert "Scale the targets" in diverges(X, 3e5 * targets, regression(), epochs=50)
    assert "Scale the targets" in diverges(X, 1e20 * targets, regression(), epochs=50)
    assert "Scale the samples" in diverges(1e6 * X, targets, regression(), epochs=50)
    assert "smaller eta" in diverges(X, targets, regression(), epochs=50, eta=100.0)


def test_large_targets_are_noticed_before_the_first_step():
    with pytest.warns(UserWarning, match="standardize_targets"):
        regression().train(X, 1e5 + y, epochs=1, eta=1e-9, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regression().train(X, 100.0 + y, epochs=1, eta=1e-9, verbose=False)
        network().train(X, y, epochs=1, verbose=False)


def test_running_statistics_that_overflow_are_a_divergence():
    model = network(batch_norm=True)
    assert "Scale the samples" in diverges(1e20 * X, y, model, epochs=3)
    assert all(np.isfinite(tensor).all() for tensor in model.tensors().values())


def test_evaluate_without_warnings():
    model = regression()
    model.theta = np.full(model.theta.shape, 1e30)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not np.isfinite(model.evaluate(X, y)["loss"])


# --- callbacks


def test_only_callbacks_that_began_are_told_of_the_end():
    stop = nn.EarlyStopping(1, "train_loss")
    first, second = network(), network()
    first.train(X, y, epochs=3, callbacks=[stop], verbose=False)

    def interrupt(network):
        raise KeyboardInterrupt

    before, told = second.theta.copy(), []
    begins = nn.LambdaCallback(on_train_end=lambda *_: told.append("began"))
    never = nn.LambdaCallback(on_train_begin=interrupt)
    stats = second.train(X, y, callbacks=[begins, never, stop], verbose=False)
    assert stats.interrupted and told == ["began"]
    assert np.array_equal(second.theta, before)


def test_training_goes_on_without_tqdm(monkeypatch):
    import builtins

    real = builtins.__import__

    def missing(name, *rest):
        if name.startswith("tqdm"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    bar = nn.ProgressBar(3, delay=0)
    stats = network().train(X, y, epochs=3, callbacks=[bar], verbose=False)
    assert len(stats["train_loss"]) == 3 and bar.bar is None


def test_training_ends_where_the_gradient_is_small():
    model = nn.Network(2, seed=0, dtype=np.float64)
    model.add_output_layer(1, nn.Linear())
    stop = GradientStopping(1e-6, patience=3)
    stats = model.train(
        X,
        X @ [1, -2],
        eta=0.2,
        epochs=5000,
        batch_size=len(X),
        callbacks=[stop],
        verbose=False,
    )
    assert len(stop.norms) == len(stats["train_loss"]) < 5000
    assert max(stop.norms[-3:]) <= 1e-6 < stop.norms[-4]
    assert np.allclose(model.theta, [1, -2, 0], atol=1e-5)


def test_recorder_sees_a_layer_that_says_the_same_to_all():
    model, recorder = nn.Network(2, seed=0), nn.LayerRecorder()
    model.add_layer(8, nn.Sigmoid())
    model.add_output_layer(1, nn.Sigmoid())
    model.layers[0].W[...] = 0
    model.layers[0].b[...] = np.linspace(-3, 3, 8)
    model.train(X, y, epochs=1, batch_size=len(X), callbacks=[recorder], verbose=False)
    assert recorder.stats["activation"][0, 0] < 1e-6


# --- a network that could not be completed


def test_an_output_layer_that_fails_leaves_a_network_that_can_be_mended():
    class Failing(nn.Initializer):
        def __call__(self, rng, d_in, d_out):
            raise MemoryError

    model = nn.Network(2, seed=0)
    model.add_layer(4, nn.ReLU())
    with pytest.raises(MemoryError):
        model.add_output_layer(1, nn.Sigmoid(), initializer=Failing())
    with pytest.raises(ValueError, match="no output layer yet"):
        model.output(X)
    model.add_output_layer(1, nn.Sigmoid())
    fresh = nn.Network(2, seed=0)
    fresh.add_layer(4, nn.ReLU())
    fresh.add_output_layer(1, nn.Sigmoid())
    assert np.array_equal(model.theta, fresh.theta)


def components(kind):
    "All classes of the library that are derived from a base."
    for module in pkgutil.iter_modules(nn.__path__):
        if module.name not in ("compiled", "loops", "kernels", "acceleration"):
            importlib.import_module(f"nn_from_scratch.{module.name}")
    found, waiting = set(), [kind]
    while waiting:
        derived = waiting.pop().__subclasses__()
        found |= {one for one in derived if one.__module__.startswith(nn.__name__)}
        waiting += derived
    return sorted(found, key=lambda one: one.__name__)


@pytest.mark.parametrize(
    "kind",
    [nn.Layer, nn.Activation, nn.Loss, nn.Regularizer, nn.Optimizer, nn.Schedule],
)
def test_an_argument_that_there_is_not_is_refused(kind):
    assert components(kind)
    for one in components(kind):
        with pytest.raises(TypeError):
            one(nonsense=3)


def test_a_derived_layer_is_written_by_its_own_name():
    class Quiet(nn.BatchNorm):
        def __init__(self, label):
            super().__init__(momentum=0.5)
            self.label = label

    assert repr(Quiet("a")) == "Quiet(momentum=0.5)"
    assert repr(nn.LayerNorm()) == "LayerNorm()"
    assert repr(nn.RMSNorm(1e-6)) == "RMSNorm(epsilon=1e-06)"


def test_statistics_move_as_far_as_they_are_told(tmp_path):
    told = nn.BatchNorm(momentum=1, epsilon=1e-3)
    model = nn.Network(2, seed=0)
    model.add(told)
    model.add_output_layer(1, nn.Sigmoid())
    model.train(X, y, epochs=1, batch_size=97, eta=1e-9, verbose=False)
    np.testing.assert_allclose(told.mean, X.mean(axis=0), rtol=1e-5)
    assert repr(told) == "BatchNorm(momentum=1, epsilon=0.001)"
    model.save(tmp_path / "told.safetensors")
    loaded = nn.Network.load(tmp_path / "told.safetensors")
    assert repr(loaded.layers[0]) == repr(told)
    assert np.array_equal(loaded.output(X), model.output(X))
