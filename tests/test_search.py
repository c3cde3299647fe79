"""A search scores the network that training leaves, and knows which way is better."""

import pickle

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.validation import SearchResult, grid, k_fold, paired, search

X, y = nn.two_moons(60, 0.2, seed=0)
SHORT = dict(k=2, epochs=3, verbose=False)


def build(seed, units):
    model = nn.Network(2, seed=seed)
    model.add_layer(units, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid())
    return model


def halves(A, Y):
    "A metric that does not say which way is better."
    return float(np.mean(A))


def test_the_best_accuracy_is_the_greatest():
    accuracy = search(
        build,
        grid(units=[2, 8], eta=[1e-4, 1.0]),
        X,
        y,
        **SHORT,
        monitor="val_binary_accuracy",
        estimator=nn.BinaryAccuracy(),
    )
    assert accuracy.best() == accuracy.setting(int(np.argmax(accuracy["mean"])))
    assert accuracy.best() == accuracy.best(greater_is_better=True) in accuracy.ties()
    assert max(accuracy["mean"]) > min(accuracy["mean"])
    error = search(
        build,
        grid(units=[2, 8], eta=[1e-4, 1.0]),
        X,
        y,
        **SHORT,
        monitor="val_single_class_error",
        estimator=nn.SingleClassError(),
    )
    assert error.best() == accuracy.best()
    assert pickle.loads(pickle.dumps(accuracy)).best() == accuracy.best()


def test_a_metric_that_does_not_say_asks():
    result = search(
        build, grid(units=[2, 3]), X, y, **SHORT, monitor="val_halves", estimator=halves
    )
    for question in (result.best, result.ties):
        with pytest.raises(ValueError, match="greater_is_better"):
            question()
    assert result.best(True) != result.best(False)
    with pytest.raises(ValueError, match="greater_is_better"):
        SearchResult(units=[1], mean=[0.5], scores=[[0.5]], error=[""]).best()


def test_early_stopping_is_scored_by_what_it_leaves():
    late = dict(k=2, epochs=30, eta=2.0, batch_size=4, verbose=False)
    result = search(
        build, grid(units=[8]), X, y, callbacks=[nn.EarlyStopping(40)], **late
    )
    for fold, (fit, held) in enumerate(k_fold(y, 2)):
        stats = build(fold, 8).train(
            X[fit],
            y[fit],
            X[held],
            y[held],
            epochs=30,
            eta=2.0,
            batch_size=4,
            verbose=False,
        )
        assert (
            result["scores"][0][fold] == min(stats["val_loss"]) < stats["val_loss"][-1]
        )


def test_without_callbacks_it_is_the_last_epoch():
    result = search(build, grid(units=[8]), X, y, **SHORT)
    for fold, (fit, held) in enumerate(k_fold(y, 2)):
        stats = build(fold, 8).train(
            X[fit], y[fit], X[held], y[held], epochs=3, verbose=False
        )
        assert result["scores"][0][fold] == stats["val_loss"][-1]


def test_callbacks_are_fresh_in_each_fold_and_never_used_up():
    stopping = nn.EarlyStopping(1)
    settings = [{"units": 3}, {"units": 4}]
    results = [
        search(build, settings, X, y, **SHORT, callbacks=given)
        for given in ([stopping], (callback for callback in [nn.EarlyStopping(1)]))
    ]
    given = [
        {**setting, "callbacks": (c for c in [nn.EarlyStopping(1)])}
        for setting in settings
    ]
    results.append(search(build, given, X, y, **SHORT))
    assert results[0]["scores"] == results[1]["scores"] == results[2]["scores"]
    assert not hasattr(stopping, "best")


def test_weights_of_samples_go_with_their_rows():
    weights = np.linspace(0, 2, 60)
    result = search(build, grid(units=[3]), X, y, **SHORT, sample_weight=list(weights))
    for fold, (fit, held) in enumerate(k_fold(y, 2)):
        model = build(fold, 3)
        model.train(X[fit], y[fit], sample_weight=weights[fit], epochs=3, verbose=False)
        assert result["scores"][0][fold] == model.evaluate(X[held], y[held])["loss"]
    with pytest.raises(ValueError, match=r"shape \(60,\)"):
        search(build, grid(units=[3]), X, y, sample_weight=weights[1:])


def test_groups_are_never_in_both_parts():
    groups = np.arange(60) // 7
    for fit, held in k_fold(y, 4, groups=groups):
        assert not {*groups[fit]} & {*groups[held]}
    result = search(build, grid(units=[3]), X, y, **SHORT, groups=groups)
    assert not result["error"][0]
    assert result["scores"] != search(build, grid(units=[3]), X, y, **SHORT)["scores"]


def test_several_metrics_are_columns():
    metrics = [nn.BinaryAccuracy(), nn.SingleClassError()]
    result = search(
        build,
        grid(units=[3, 4]),
        X,
        y,
        **SHORT,
        estimator=metrics,
        monitor="val_single_class_error",
    )
    assert np.allclose(np.add(result["mean"], result["val_binary_accuracy"]), 1)
    assert {"val_loss", "mean"} < result.keys() and result.best().keys() == {"units"}
    with pytest.raises(ValueError, match="different names"):
        search(build, grid(units=[3]), X, y, estimator=[halves, halves])


@pytest.mark.parametrize(
    "name", ["mean", "deviation", "scores", "error", "val_loss", "seed"]
)
def test_settings_do_not_take_the_names_of_columns(name):
    with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
        search(build, [{"units": 3, name: 1}], X, y)


@pytest.mark.parametrize(
    ("kind", "message", "arguments"),
    [
        (TypeError, "epohcs", dict(epohcs=3)),
        (TypeError, "callbacks", dict(callbacks=3)),
        (ValueError, "at least 2 folds", dict(k=1)),
        (TypeError, "folds", dict(k=2.5)),
        (ValueError, "seed", dict(seed=-1)),
        (ValueError, "at most", dict(k=61)),
        (ValueError, "groups, 2", dict(groups=y)),
        (ValueError, "group for each", dict(groups=[1])),
        (ValueError, "as many targets", dict(y=y[1:])),
        (ValueError, "finite", dict(y=y * np.nan)),
    ],
)
def test_a_search_that_cannot_begin_says_why(kind, message, arguments):
    with pytest.raises(kind, match=message):
        search(build, grid(units=[3]), X, **{"y": y, **arguments})


def test_a_grid_of_what_is_no_list():
    for values in ("adam", 0.1):
        with pytest.raises(TypeError, match="list of values"):
            grid(optimizer=values)


def test_ties_are_paired():
    folds = np.array([0.1, 0.5, 0.9, 0.3, 0.7])  # far apart, but alike for all settings
    scores = [
        folds,
        folds + [0.02, 0.03, 0.02, 0.03, 0.025],
        folds + [0.02, -0.01, 0.01, 0, 0],
    ]
    result = SearchResult(
        units=[1, 2, 3],
        scores=[[*row] for row in scores],
        mean=[row.mean() for row in scores],
        error=[""] * 3,
    )
    assert result.ties(greater_is_better=False) == [{"units": 1}, {"units": 3}]
    mean, half = paired([1.0, 2.0, 3.0])
    assert mean == 2 and np.isclose(half, 4.302653 * np.sqrt(1 / 3 + 1 / 2))


def test_a_comparison_of_what_are_no_differences():
    for differences, folds in (
        ([], None),
        ([0.1], None),
        (0.1, None),
        ([[0.1, 0.2], [0.3, 0.4]], None),
        ([0.1, np.nan], None),
        ([0.1, 0.2, 0.3], 1),
        ([0.1, 0.2, 0.3], 2),
        ([0.1, 0.2, 0.3], 4),
    ):
        with pytest.raises(ValueError, match="expected"):
            paired(differences, folds)
    with pytest.raises(TypeError):
        paired([0.1, 0.2], "two")


def test_a_figure_of_what_is_no_column_or_number():
    result = search(
        build, grid(units=[3, 4], optimizer=["adam", "momentum"]), X, y, **SHORT
    )
    with pytest.raises(ValueError, match="no column 'eta'"):
        result.plot("eta")
    with pytest.raises(TypeError, match="optimizer"):
        result.plot("optimizer")
    assert (
        result.plot("units", by="optimizer").get_ylabel() == "loss, mean over the folds"
    )


def test_a_frame_has_the_best_first():
    pytest.importorskip("pandas")
    result = search(
        build,
        grid(units=[3, 8, 0]),
        X,
        y,
        **SHORT,
        estimator=nn.BinaryAccuracy(),
        monitor="val_binary_accuracy",
    )
    frame = result.frame()
    assert (
        frame["units"].iloc[0] == result.best()["units"]
        and frame["units"].iloc[-1] == 0
    )
