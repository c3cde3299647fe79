"""The suggested rate is steady over seeds, and as good as one chosen by hand."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

import nn_from_scratch as nn
from nn_from_scratch.schedules import find_learning_rate

MOONS = nn.two_moons(3000, 0.1, seed=0)
DIGITS = load_digits(return_X_y=True)
DIGITS = DIGITS[0] / 16, DIGITS[1]


def moons(seed):
    model = nn.Network(2, seed=seed)
    model.add_layer(16, nn.ReLU())
    model.add_layer(8, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid())
    return model


def digits(seed):
    model = nn.Network(64, seed=seed)
    model.add_layer(64, nn.ReLU())
    model.add_output_layer(10, nn.Softmax())
    return model


@pytest.mark.parametrize(
    "build, data", [(moons, MOONS), (digits, DIGITS)], ids=["moons", "digits"]
)
@pytest.mark.parametrize(
    "optimizer, low, high", [("gradient_descent", 0.1, 0.5), ("adam", 0.005, 0.06)]
)
def test_ten_seeds_suggest_one_rate_within_a_factor_of_three(
    build, data, optimizer, low, high
):
    found = [
        build(seed).find_learning_rate(*data, optimizer=optimizer).suggestion
        for seed in range(10)
    ]
    assert max(found) < 3 * min(found) and low < min(found) and max(found) < high


@pytest.mark.parametrize(
    "build, data", [(moons, MOONS), (digits, DIGITS)], ids=["moons", "digits"]
)
def test_training_with_the_suggestion_reaches_what_a_tenth_reaches(build, data):
    for seed in range(2):
        by_hand, suggested = build(seed), build(seed)
        by_hand.train(*data, eta=0.1, epochs=25, verbose=False)
        eta = suggested.find_learning_rate(*data).suggestion
        suggested.train(*data, eta=eta, epochs=25, verbose=False)
        assert suggested.evaluate(*data)["loss"] <= by_hand.evaluate(*data)["loss"]


def test_each_rate_starts_anew_and_meets_the_same_batches():
    model = moons(0)
    model.train(*MOONS, epochs=1, optimizer="adam", verbose=False)
    state = lambda: (
        model.theta.tobytes(),
        repr(model.optimizer.state()),
        str(model.rng.bit_generator.state),
    )
    before, found = state(), model.find_learning_rate(*MOONS, n_steps=10)
    wide = model.find_learning_rate(*MOONS, low=1e-6, n_steps=10)
    assert state() == before and np.allclose(wide.losses[2:], found.losses, rtol=1e-6)
    assert wide.start == found.start and abs(wide.losses[0] - wide.start) < 1e-4


def test_a_loss_that_never_falls_has_no_suggestion():
    assert find_learning_rate(lambda: lambda eta: 1 + eta).suggestion is None
    found = find_learning_rate(
        lambda: lambda eta: 0.5 if 0.09 < eta < 1.1 else np.nan if eta > 1.1 else 1
    )
    assert np.isclose(found.suggestion, (0.1 + 0.1 * 10**0.5 + 1) / 9)
    with pytest.raises(ValueError, match="finite at the start, got nan"):
        find_learning_rate(lambda: lambda eta: np.nan)


def test_it_draws_itself_also_where_a_rate_diverges():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    found = moons(0).find_learning_rate(*MOONS, n_steps=10, high=1e30)
    low, high = found.plot().get_ylim()
    assert low < found.start < high < 3 * found.start
