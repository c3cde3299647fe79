"""Cross-validation and search: the same for any number of workers, and never ended by
one setting."""
import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.validation import grid, k_fold, random_settings, search

X, y = nn.two_moons(90, 0.2, seed=0)


def build(seed, units):
    model = nn.Network(2, seed=seed)
    model.add_layer(units, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid())
    return model


@pytest.mark.parametrize(
    "targets", [y, y.astype(bool), nn.one_hot(y, 2), X, X[:, 0], np.arange(90)]
)
@pytest.mark.parametrize("k", [2, 5])
def test_folds_partition(targets, k):
    folds = k_fold(targets, k)
    assert np.array_equal(
        np.sort(np.concatenate([held for _, held in folds])), np.arange(90)
    )
    assert len(folds) == k
    assert all(
        np.array_equal(np.sort(np.concatenate(fold)), np.arange(90)) for fold in folds
    )


def test_more_folds_than_samples():
    with pytest.raises(ValueError):
        k_fold(np.arange(3.5), 9)


def test_workers_do_not_matter_and_failures_are_rows():
    settings = grid(units=[4, 0], eta=[0.1, -1.0])
    one, two = (
        search(build, settings, X, y, k=3, n_workers=n, epochs=2, verbose=False)
        for n in (1, 2)
    )
    assert repr(one) == repr(two) and one["scores"][0] == two["scores"][0]
    assert [bool(error) for error in one["error"]] == [False, True, True, True]
    assert "expected eta" in one["error"][1]
    assert "number of units" in one["error"][2]
    assert one.best() == {"units": 4, "eta": 0.1} and np.isnan(one["mean"][1:]).all()
    assert {len(column) for column in one.values()} == {4}


def test_when_all_fail():
    result = search(build, grid(units=[0]), X, y, k=2, epochs=1, verbose=False)
    with pytest.raises(ValueError, match="every setting failed.*units"):
        result.best()


def test_settings_must_agree():
    for settings in ([], [{"units": 3}, {"eta": 0.1}]):
        with pytest.raises(ValueError, match="same names"):
            search(build, settings, X, y)


def test_random_settings_repeat():
    draw = dict(eta=lambda rng: rng.uniform(), units=lambda rng: int(rng.integers(9)))
    assert (
        random_settings(5, seed=1, **draw)
        == random_settings(5, seed=1, **draw)
        != random_settings(5, seed=2, **draw)
    )


def test_an_unknown_quantity_is_reported():
    result = search(
        build, grid(units=[3]), X, y, k=2, monitor="val_accuracy", epochs=1,
        verbose=False,
    )
    assert "val_accuracy" in result["error"][0]


def test_ctrl_c_keeps_the_finished_rows():
    begun = []

    def interrupt(*_):
        if len(begun) == 3:
            raise KeyboardInterrupt

    callback = nn.LambdaCallback(on_train_begin=begun.append, on_epoch_end=interrupt)
    result = search(
        build, grid(units=[3, 4, 5]), X, y, k=2, epochs=3, callbacks=[callback],
        verbose=False,
    )
    assert len(begun) == 3 and result["error"] == ["", "not finished", "not finished"]
    assert np.isfinite(result["mean"][0])
    assert np.isnan(result["mean"][1:]).all()
    assert result.best() == {"units": 3}
