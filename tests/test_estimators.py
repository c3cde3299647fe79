"""The estimators keep scikit-learn's promises beyond its own checks, and ours."""

import json
import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    KFold,
    RandomizedSearchCV,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from threadpoolctl import threadpool_info

import nn_from_scratch as nn
from nn_from_scratch import storage
from nn_from_scratch.estimators import (
    NetworkClassifier,
    NetworkEstimator,
    NetworkRegressor,
    from_sklearn,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(90, 4))
SIDES = X[:, 0] > 0
THIRDS = np.digitize(X[:, 0], [-0.4, 0.4])
SHORT = dict(hidden_layer_sizes=8, epochs=3, random_state=0)
LABELS = {
    "text": np.array(["ham", "spam"])[SIDES.astype(int)],
    "objects": np.array(["a", "bb", "c"], object)[THIRDS],
    "booleans": SIDES,
    "numbers": THIRDS * 5 - 3,
    "floats": THIRDS + 1.0,
    "several": (X[:, :3] > 0).astype(int),
}


def classifier(**more):
    return NetworkClassifier(**{**SHORT, **more})


def regressor(**more):
    return NetworkRegressor(**{**SHORT, **more})


def same(a, b):
    return np.array_equal(a.network_.theta, b.network_.theta)


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_labels_of_each_kind_come_back(y, tmp_path):
    model = classifier(epochs=30, learning_rate=0.02).fit(X, y)
    said = model.predict(X)
    kind = "U" if y.dtype == object else y.dtype.kind
    assert said.shape == y.shape and said.dtype.kind in (kind, y.dtype.kind)
    assert model.score(X, y) > 0.7
    k = y.shape[1] if y.ndim == 2 else len(np.unique(y))
    chance, logits = model.predict_proba(X), model.decision_function(X)
    assert chance.shape == (len(X), k) and model.classes_.shape == (k,)
    assert np.allclose(np.exp(model.predict_log_proba(X)), chance)
    if y.ndim == 1:
        assert np.allclose(chance.sum(axis=1), 1)
        assert np.array_equal(model.classes_[chance.argmax(axis=1)], said)
        assert logits.shape == ((len(X),) if k == 2 else (len(X), k))
    model.save(tmp_path / "a")
    twin = NetworkClassifier.load(tmp_path / "a")
    assert np.array_equal(twin.predict(X), said)
    assert twin.predict(X).dtype == said.dtype
    assert twin.get_params()["epochs"] == 30 and twin.n_iter_ == 30
    twin.partial_fit(X, y)


def test_sparse_indicators_are_those_of_arrays():
    y = LABELS["several"]
    assert same(classifier().fit(X, sparse.csr_matrix(y)), classifier().fit(X, y))


@pytest.mark.parametrize(
    "unit, origin", [(1, 0), (1e9, 0), (1e-9, 0), (1, 1e7), (0, 3)]
)
@pytest.mark.parametrize("k", [1, 2])
def test_targets_in_any_unit(unit, origin, k, tmp_path):
    truth = X[:, :k] + np.sin(X[:, 1 : k + 1])
    y = truth * unit + origin
    y = y[:, 0] if k == 1 else y
    model = regressor(epochs=60, learning_rate=0.02).fit(X, y)
    assert model.predict(X).shape == y.shape and model.predict(X).dtype == float
    assert (
        model.score(X, y) > 0.9 if unit else np.allclose(model.predict(X), 3, atol=0.5)
    )
    model.save(tmp_path / "a")
    assert np.array_equal(
        NetworkEstimator.load(tmp_path / "a").predict(X), model.predict(X)
    )
    assert regressor(scale_targets=False).fit(X, X[:, 0]).target_scale_ == 1


@pytest.mark.parametrize("kind", ["csr_matrix", "csc_matrix", "csr_array", "csc_array"])
def test_a_sparse_matrix_trains_as_the_dense_one(kind):
    few = np.where(np.abs(X) > 0.5, X, 0)
    S = getattr(sparse, kind)(few)
    options = dict(validation_data=(S[:20], THIRDS[:20]))
    model = classifier().fit(S, THIRDS, **options)
    twin = classifier().fit(few, THIRDS, validation_data=(few[:20], THIRDS[:20]))
    assert same(model, twin) and model.history_ == twin.history_
    assert np.array_equal(model.predict_proba(S), model.predict_proba(few))
    stopped = [classifier(early_stopping=True).fit(F, THIRDS) for F in (S, few)]
    assert same(*stopped)
    model.partial_fit(S, THIRDS), twin.partial_fit(few, THIRDS)
    assert same(model, twin)


def test_a_sparse_matrix_is_never_dense_as_a_whole():
    n, d = 2000, 20_000  # 320 MB as an array
    rows, columns = RNG.integers(n, size=(2, 10 * n))
    S = sparse.csr_matrix((np.ones(10 * n), (rows, columns)), shape=(n, d))
    y = np.arange(n) % 2
    model = classifier(hidden_layer_sizes=2, epochs=1, early_stopping=True)
    tracemalloc.start()
    model.fit(S, y, sample_weight=np.arange(n) % 3)
    model.predict(S)
    model.set_params(early_stopping=False).partial_fit(S.tocsc(), y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40e6


def test_what_a_sparse_matrix_may_not_hold():
    S = sparse.csr_matrix(np.where(np.abs(X) > 0.5, X, 0))
    model = classifier(dtype="float32").fit(S, THIRDS)
    for value in (np.nan, 1e300):
        S.data[3] = value
        with pytest.raises(ValueError, match="NaN|range of float32"):
            model.predict(S)
        with pytest.raises(ValueError, match="NaN|range of float32"):
            model.fit(S, THIRDS)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_tables_in_a_pipeline(library):
    frames = pytest.importorskip(library)
    if library == "polars" and not hasattr(sklearn.utils.validation, "validate_data"):
        pytest.skip("scikit-learn takes tables of polars from 1.4 on")
    table = frames.DataFrame(
        {"a": X[:, 0], "b": X[:, 1], "c": np.array(["x", "y", "z"])[THIRDS].tolist()}
    )
    y = frames.Series(LABELS["text"].tolist())
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a", "b"]),
            ("texts", OneHotEncoder(sparse_output=False), ["c"]),
        ]
    )
    flow = make_pipeline(
        columns.set_output(transform=library), classifier(epochs=30, learning_rate=0.02)
    )
    assert flow.fit(table, y).score(table, y) > 0.9
    names = list(flow[-1].feature_names_in_)
    assert names[0] == "numbers__a" and len(names) == 5
    model = classifier().fit(table[["a", "b"]], y)
    assert list(model.feature_names_in_) == ["a", "b"]
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[["b", "a"]])


def test_feature_names_are_stored(tmp_path):
    frames = pytest.importorskip("pandas")
    table = frames.DataFrame(X[:, :2], columns=["a", "b"])
    classifier().fit(table, SIDES).save(tmp_path / "a")
    twin = NetworkClassifier.load(tmp_path / "a")
    assert list(twin.feature_names_in_) == ["a", "b"] and twin.n_features_in_ == 2
    with pytest.raises(ValueError, match="feature names"):
        twin.predict(table[["b", "a"]])


def test_one_pass_after_another_is_fit():
    model, twin = classifier().fit(X, THIRDS), classifier()
    for _ in range(3):
        twin.partial_fit(X, THIRDS, classes=[2, 0, 1])
    assert same(model, twin) and model.loss_curve_ == twin.loss_curve_
    model = regressor().fit(X, X[:, 1])
    twin = regressor()
    for _ in range(3):
        twin.partial_fit(X, X[:, 1])
    assert same(model, twin) and twin.n_iter_ == 3


def test_partial_fit_needs_the_classes_and_keeps_them():
    model = classifier()
    with pytest.raises(ValueError, match="expected classes"):
        model.partial_fit(X, THIRDS)
    model.partial_fit(X[:1], THIRDS[:1], classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (90, 3)
    with pytest.raises(ValueError, match="first call"):
        model.partial_fit(X, THIRDS, classes=[0, 1])
    before = model.network_.theta.copy()
    with pytest.raises(ValueError, match="unseen"):
        model.partial_fit(X, THIRDS + 1)
    assert np.array_equal(before, model.network_.theta)
    for name, value in dict(early_stopping=True, schedule="cosine").items():
        with pytest.raises(ValueError, match=f"partial_fit does not support {name}"):
            clone(model).set_params(**{name: value}).partial_fit(X, SIDES, [0, 1])
    with pytest.raises(ValueError, match="balanced"):
        classifier(class_weight="balanced").partial_fit(X, SIDES, [0, 1])


def test_warm_start_goes_on_and_fit_begins_anew():
    model = classifier(warm_start=True).fit(X, THIRDS)
    network = model.network_
    model.fit(X, THIRDS, validation_data=(X, THIRDS))
    assert model.network_ is network and model.n_iter_ == 6
    assert np.isnan(model.validation_loss_curve_[:3]).all()
    assert np.isfinite(model.validation_loss_curve_[3:]).all()
    with pytest.raises(ValueError, match="warm_start goes on"):
        model.set_params(hidden_layer_sizes=9).fit(X, THIRDS)
    model.set_params(hidden_layer_sizes=8, warm_start=False).fit(X, THIRDS)
    assert same(model, classifier().fit(X, THIRDS)) and model.n_iter_ == 3


@pytest.mark.parametrize("weights", [None, np.arange(90) % 3])
def test_early_stopping_keeps_what_does_best_on_its_part(weights):
    noise = RNG.integers(2, size=90)
    model = classifier(epochs=80, patience=4, learning_rate=0.05, class_weight={0: 3})
    model.fit(X[:60], noise[:60], validation_data=(X[60:], noise[60:]))
    curve = model.validation_loss_curve_
    assert model.n_iter_ == len(curve) == np.argmin(curve) + 1 + 4 < 80
    y, A = noise[60:], model.predict_proba(X[60:])
    terms = -np.log(A[np.arange(30), y])
    assert np.isclose(np.mean(terms * model.class_weight_[y]), min(curve), rtol=1e-5)
    model.set_params(early_stopping=True).fit(X, noise, sample_weight=weights)
    assert len(model.validation_loss_curve_) == model.n_iter_ < 80


def test_class_weights_are_by_the_labels_of_the_user():
    y = LABELS["text"]
    model = classifier(class_weight={"spam": 4}).fit(X, y)
    weights = np.where(y == "spam", 4, 1)
    assert same(model, classifier().fit(X, y, sample_weight=weights))
    assert np.isclose(model.class_weight_[1] / model.class_weight_[0], 4)
    once = classifier(class_weight="balanced").fit(X, y)
    share = np.array([np.mean(y == label) for label in once.classes_])
    assert np.allclose(once.class_weight_, 1 / (2 * share))
    with pytest.raises(ValueError, match="got one of 'eggs'"):
        classifier(class_weight={"eggs": 2}).fit(X, y)
    with pytest.raises(ValueError, match="several labels"):
        classifier(class_weight="balanced").fit(X, LABELS["several"])


@pytest.mark.parametrize("make", [classifier, regressor])
def test_only_ratios_of_weights_count_and_0_is_absent(make):
    y, weights = SIDES.astype(float), RNG.integers(3, size=90)
    model = make().fit(X, y, sample_weight=weights)
    assert same(model, make().fit(X, y, sample_weight=1024 * weights))
    there = weights > 0
    few = make().fit(X[there], y[there], sample_weight=weights[there])
    assert same(model, few)
    assert same(make().fit(X, y, sample_weight=np.ones(90)), make().fit(X, y))


def sum_of_weights(model, X, y, sample_weight=None):
    return float(model.network_.theta.sum())


def test_every_search_slices_the_weights():
    weights = RNG.integers(1, 4, size=90)
    folds = list(KFold(3).split(X))
    grid = dict(hidden_layer_sizes=[4, 8])
    expected = [
        sum_of_weights(
            classifier(hidden_layer_sizes=size).fit(
                X[fit], SIDES[fit], sample_weight=weights[fit]
            ),
            X,
            SIDES,
        )
        for size in grid["hidden_layer_sizes"]
        for fit, _ in folds
    ]
    options = dict(cv=folds, scoring=sum_of_weights)
    for search in (
        GridSearchCV(classifier(), grid, **options),
        RandomizedSearchCV(classifier(), grid, n_iter=2, **options),
    ):
        search.fit(X, SIDES, sample_weight=weights)
        found = [search.cv_results_[f"split{i}_test_score"] for i in range(3)]
        assert sorted(np.ravel(found)) == sorted(expected)


@pytest.mark.skipif(not hasattr(sklearn, "config_context"), reason="old")
def test_weights_are_routed():
    weights = RNG.integers(1, 4, size=90)
    with sklearn.config_context(enable_metadata_routing=True):
        inner = classifier().set_fit_request(sample_weight=True)
        inner.set_score_request(sample_weight=False)
        search = GridSearchCV(inner, dict(dropout=[0.0]), cv=KFold(3))
        search.fit(X, SIDES, sample_weight=weights)
        assert same(
            search.best_estimator_, classifier().fit(X, SIDES, sample_weight=weights)
        )


def test_a_search_finds_the_same_bits_with_any_number_of_workers():
    wide = np.tile(X, (4, 128)).astype(np.float32)  # where threads of BLAS would show
    y = np.tile(THIRDS, 4)
    model = classifier(hidden_layer_sizes=256, batch_size=180, epochs=2)
    found = []
    for n_jobs in (1, 2):
        grid = GridSearchCV(
            model, dict(alpha=[0, 0.1]), cv=2, n_jobs=n_jobs, scoring="neg_log_loss"
        ).fit(wide, y)
        halving = HalvingGridSearchCV(
            model,
            dict(alpha=[0, 0.1]),
            resource="epochs",
            max_resources=2,
            cv=2,
            min_resources=1,
            factor=2,
            scoring="neg_log_loss",
            n_jobs=n_jobs,
            random_state=0,
        ).fit(wide, y)
        found.append(
            [
                grid.cv_results_["mean_test_score"].tolist(),
                halving.cv_results_["mean_test_score"].tolist(),
                grid.best_estimator_.network_.theta.tobytes(),
            ]
        )
    assert found[0] == found[1]


def blas_threads():
    return {
        part["num_threads"] for part in threadpool_info() if part["user_api"] == "blas"
    }


def test_products_of_matrices_take_one_thread_and_then_as_many_as_before():
    before, seen = blas_threads(), []
    look = nn.LambdaCallback(on_epoch_end=lambda *_: seen.append(blas_threads()))
    classifier(callbacks=[look]).fit(X, SIDES)
    assert blas_threads() == before and seen == [{1}] * 3
    with ThreadPoolExecutor(3) as pool:
        models = list(pool.map(lambda _: classifier().fit(X, SIDES), range(6)))
    assert blas_threads() == before
    assert all(same(model, models[0]) for model in models)


def test_threads_predict_with_one_estimator():
    model = classifier(hidden_layer_sizes=(32, 16), batch_norm=True, dropout=0.2)
    model.fit(X, THIRDS)
    parts = [RNG.normal(size=(n, 4)) for n in (1, 7, 500, 1500) * 10]
    expected = [model.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(model.predict_proba, parts))
    assert all(map(np.array_equal, found, expected))


class Cubic(nn.Loss):
    def value(self, A, Y):
        return np.mean(np.sum(np.abs(A - Y) ** 3, axis=1))

    def gradient(self, A, Y):
        R = A - Y
        return 3 * R * np.abs(R) / len(R)


def test_what_the_network_is_made_of():
    epochs = []
    model = classifier(
        hidden_layer_sizes=(6, 5, 4),
        activation=["tanh", nn.LeakyReLU(0.2), "gelu"],
        dropout=0.3,
        batch_norm=True,
        schedule="one_cycle",
        optimizer=nn.Momentum(),
        learning_rate=0.01,
        initializer="uniform",
        regularizer=nn.L1(0.01),
        callbacks=[
            nn.LambdaCallback(
                on_epoch_end=lambda network, stats: epochs.append(
                    len(stats["train_loss"])
                )
            )
        ],
    ).fit(X, THIRDS)
    text = repr(model.network_)
    for part in (
        "Tanh",
        "LeakyReLU(slope=0.2)",
        "GELU",
        "Dropout(0.3)",
        "BatchNorm",
        "Softmax",
    ):
        assert part in text
    assert epochs == [1, 2, 3] and model.network_.regularizer.strength == 0.01
    assert repr(model.network_.optimizer) == "Momentum(beta=0.9)"
    assert repr(regressor(loss=Cubic()).fit(X, X[:, 0]).network_.loss) == "Cubic()"
    assert regressor(loss="huber").fit(X, X[:, 0]).network_.loss.delta == 1
    smooth = nn.CategoricalCrossEntropy(smoothing=0.1)
    two = classifier(loss=smooth).fit(X, SIDES)
    assert two.network_.head.shape == (2,) and two.decision_function(X).shape == (90,)
    assert classifier(hidden_layer_sizes=()).fit(X, SIDES).network_.theta.size == 5
    assert classifier().fit(X.astype(np.float32), SIDES).network_.dtype == np.float32
    assert classifier().fit(X, SIDES).network_.dtype == np.float64


@pytest.mark.parametrize(
    "wrong",
    [
        dict(hidden_layer_sizes=0),
        dict(activation="rely"),
        dict(activation=["relu"] * 2),
        dict(activation=nn.ReLU),
        dict(dropout=1.0),
        dict(batch_norm="yes"),
        dict(loss="log"),
        dict(optimizer="newton"),
        dict(learning_rate=0.0),
        dict(schedule="adaptive"),
        dict(regularizer="l3"),
        dict(alpha=-1.0),
        dict(batch_size=0),
        dict(epochs=2.5),
        dict(early_stopping="on"),
        dict(validation_fraction=1.0),
        dict(patience=0),
        dict(callbacks=nn.EarlyStopping()),
        dict(callbacks=["stop"]),
        dict(initializer="glorot"),
        dict(dtype="float16"),
        dict(random_state="a"),
        dict(hidden_layer_sizes=[3, -1]),
        dict(class_weight="even"),
        dict(class_weight={0: -1.0}),
    ],
)
def test_wrong_parameters_are_refused_by_fit_alone(wrong):
    model = classifier(**wrong)
    with pytest.raises((ValueError, TypeError)):
        model.fit(X, SIDES)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize(
    "arguments",
    [
        dict(y=np.where(SIDES, "a", "a")),
        dict(y=X[:, 0]),
        dict(y=SIDES[:-1]),
        dict(y=RNG.integers(4, size=(90, 2))),
        dict(sample_weight=-np.ones(90)),
        dict(sample_weight=np.ones(89)),
        dict(validation_data=X),
        dict(validation_data=(X, THIRDS)),
        dict(validation_data=(X[:, :2], SIDES)),
    ],
)
def test_an_error_leaves_the_estimator_as_it_was(arguments):
    model = classifier().fit(X, SIDES)
    before, said = set(vars(model)), model.predict_proba(X)
    with pytest.raises(ValueError):
        model.fit(**{"X": X[:, :3], "y": SIDES, **arguments})
    assert set(vars(model)) == before and model.n_features_in_ == 4
    assert np.array_equal(model.predict_proba(X), said)


def test_divergence_and_ctrl_c():
    with pytest.raises(nn.TrainingDiverged):
        model = regressor(optimizer="gradient_descent", learning_rate=1e30)
        model.fit(X, X[:, 0])
    assert not hasattr(model, "network_")

    def press(network, stats):
        if len(stats["train_loss"]) == 2:
            press.seen = True
            raise KeyboardInterrupt

    model = classifier(epochs=9, callbacks=[nn.LambdaCallback(on_epoch_end=press)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, SIDES)
    assert model.n_iter_ == 2 and model.predict(X).shape == (90,)

    def at_once(network):
        raise KeyboardInterrupt

    model = classifier(callbacks=[nn.LambdaCallback(on_batch_end=at_once)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, SIDES)
    assert not hasattr(model, "network_")


def test_samples_far_from_a_scale_of_1_are_warned_of():
    with pytest.warns(UserWarning, match="samples reach 4e"):
        classifier().fit(X * 0 + 4000, SIDES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor().fit(X, X[:, 0] * 1e6)


def test_copies_and_the_page_of_an_estimator():
    model = classifier(activation=[nn.ELU()]).fit(X, THIRDS)
    twin = pickle.loads(pickle.dumps(model))
    assert same(model, twin) and not hasattr(clone(model), "network_")
    twin.set_params(warm_start=True).fit(X, THIRDS)
    assert not same(model, twin)
    assert "NetworkClassifier" in model._repr_html_() and "ELU" in repr(model)


X_MLP = RNG.normal(size=(60, 4))
TAKEN = {
    "binary": X_MLP[:, 0] > 0,
    "multiclass": np.array(["a", "b", "c"])[np.digitize(X_MLP[:, 0], [-0.4, 0.4])],
    "multilabel": (X_MLP[:, :3] > 0).astype(int),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("kind", [*TAKEN, "one", "many"])
@pytest.mark.parametrize(
    "options",
    [
        dict(solver="adam", early_stopping=True, batch_size=20),
        dict(solver="sgd", momentum=0.0),
        dict(solver="lbfgs", alpha=0.01),
    ],
    ids=["adam", "sgd", "lbfgs"],
)
def test_a_network_of_scikit_learn_says_the_same_here(activation, kind, options):
    options = {
        **options,
        "activation": activation,
        "hidden_layer_sizes": (6, 5),
        "max_iter": 5,
        "random_state": 0,
    }
    if kind in TAKEN:
        y = TAKEN[kind]
        mlp = MLPClassifier(**options).fit(X_MLP, y)
        ours = from_sklearn(mlp)
        gap = np.abs(mlp.predict_proba(X_MLP) - ours.predict_proba(X_MLP)).max()
        assert np.array_equal(mlp.predict(X_MLP), ours.predict(X_MLP))
    else:
        y = X_MLP[:, 0] if kind == "one" else X_MLP[:, :2]
        mlp = MLPRegressor(**options).fit(X_MLP, y)
        ours = from_sklearn(mlp)
        gap = np.abs(mlp.predict(X_MLP) - ours.predict(X_MLP)).max()
    assert gap < 1e-12
    before = ours.network_.evaluate(X_MLP, ours._encode(y))["loss"]
    ours.set_params(early_stopping=False)
    for _ in range(8):
        ours.partial_fit(X_MLP, y)
    assert ours.network_.evaluate(X_MLP, ours._encode(y))["loss"] < before


def test_a_file_is_of_an_estimator_and_of_its_kind(tmp_path):
    path = tmp_path / "a.safetensors"
    model = classifier(class_weight={"ham": 2}, activation=[nn.ELU(0.5)])
    model.fit(X, LABELS["text"]).save(path)
    twin = NetworkEstimator.load(path)
    assert type(twin) is NetworkClassifier and twin.class_weight == {"ham": 2}
    assert repr(twin.activation) == "[ELU(alpha=0.5)]"
    assert twin.history_ == model.history_ and same(model, twin)
    assert np.array_equal(nn.Network.load(path).output(X), model.network_.output(X))
    with pytest.raises(storage.StorageError, match="got a NetworkClassifier"):
        NetworkRegressor.load(path)
    model.network_.save(path)
    with pytest.raises(storage.StorageError, match="Network.load reads"):
        NetworkClassifier.load(path)
    model.set_params(optimizer=nn.Adam(), callbacks=[])
    with pytest.warns(UserWarning, match="not stored.*optimizer"):
        model.save(path)
    assert NetworkClassifier.load(path).optimizer == "adam"
    with pytest.raises(NotFittedError):
        classifier().save(path)


def forged(data, change):
    "The file with other notes, under a checksum that is right."
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    content = json.loads(header["__metadata__"]["nn_from_scratch"][64:])
    change(content["notes"])
    header["__metadata__"]["nn_from_scratch"] = storage.ABSENT + json.dumps(content)
    text = json.dumps(header, separators=(",", ":")).encode()
    data = len(text).to_bytes(8, "little") + text + data[8 + length :]
    absent = storage.MARK + storage.ABSENT.encode()
    return data.replace(absent, storage.MARK + storage.checksum(data).encode(), 1)


CHANGES = {
    "kind": lambda notes: notes.update(estimator="oracle"),
    "no parameters": lambda notes: notes.pop("parameters"),
    "unknown parameter": lambda notes: notes["parameters"].update(depth=3),
    "wrong parameter": lambda notes: notes["parameters"].update(epochs=-1),
    "unknown component": lambda notes: notes["parameters"].update(
        loss={"kind": "os.system", "arguments": {"a": "ls"}}
    ),
    "too few labels": lambda notes: notes["fitted"]["classes_"].update(values=["a"]),
    "labels of no kind": lambda notes: notes["fitted"]["classes_"].update(dtype="oops"),
    "labels twice": lambda notes: notes["fitted"]["classes_"].update(
        values=["ham", "ham"]
    ),
    "no labels": lambda notes: notes["fitted"].pop("classes_"),
    "a method": lambda notes: notes["fitted"].update(
        predict={"dtype": "<i8", "values": [1]}
    ),
    "history": lambda notes: notes.update(history=[1]),
    "a list": lambda notes: notes.update(fitted=[]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_wrong_content_is_refused(change, tmp_path):
    path = tmp_path / "a"
    classifier().fit(X, LABELS["text"]).save(path)
    data = path.read_bytes()
    path.write_bytes(forged(data, lambda notes: None))
    NetworkClassifier.load(path)
    path.write_bytes(forged(data, change))
    with pytest.raises(storage.StorageError):
        NetworkClassifier.load(path)
    path.write_bytes(data.replace(b"spam", b"SPAM"))
    with pytest.raises(storage.StorageError, match="checksum"):
        NetworkClassifier.load(path)
