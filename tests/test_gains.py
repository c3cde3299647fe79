"""The size of weights that keeps a signal, and what is taken for an initialiser."""

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.initializers import (
    VarianceScaling,
    get_initializer,
    mean_square,
    variance_scale,
)
from nn_from_scratch.layers import default_initializer


@pytest.mark.parametrize(
    "activation",
    [
        nn.ReLU(),
        nn.LeakyReLU(0.3),
        nn.ELU(),
        nn.ELU(3),
        nn.SiLU(),
        nn.GELU(),
        nn.Linear(),
    ],
    ids=repr,
)
def test_inputs_of_mean_square_1_leave_with_mean_square_1(activation):
    scale = variance_scale(activation)
    assert mean_square(activation, scale) == pytest.approx(1, rel=1e-12)
    Z = np.sqrt(scale) * np.random.default_rng(0).normal(size=10**6)
    assert np.mean(activation.forward(Z) ** 2) == pytest.approx(1, abs=0.01)


def test_scales_with_a_closed_form():
    assert variance_scale(nn.ReLU()) == pytest.approx(2, rel=1e-13)
    assert variance_scale(nn.LeakyReLU(0.5)) == pytest.approx(1.6, rel=1e-13)
    assert mean_square(nn.GELU(), 1) == pytest.approx(
        1 / 3 + 1 / (2 * np.sqrt(3) * np.pi), rel=1e-13
    )


@pytest.mark.parametrize("activation", [nn.Tanh(), nn.Sigmoid()], ids=repr)
def test_no_scale_keeps_the_signal_through_a_bounded_activation(activation):
    with pytest.raises(ValueError, match="found no scale"):
        variance_scale(activation)


@pytest.mark.parametrize(
    "activation, least, most",
    [(nn.ELU(), 0.1, 10), (nn.GELU(), 1e-3, 1e4), (nn.SiLU(), 1e-2, 1e7)],
    ids=repr,
)
def test_a_signal_lives_through_fifty_layers_of_the_default(activation, least, most):
    rng = np.random.default_rng(0)
    draw, A = default_initializer(activation), rng.normal(size=(64, 128))
    for _ in range(50):
        A = activation.forward(A @ draw(rng, 128, 128))
    assert least < np.mean(A**2) < most


def test_defaults_that_stay():
    assert type(default_initializer(nn.ReLU())) is nn.He
    for activation in (nn.Tanh(), nn.Sigmoid(), nn.Linear(), nn.Softmax(), None):
        assert type(default_initializer(activation)) is nn.Xavier


def test_an_initializer_by_name_and_as_a_function():
    def own(rng, n_inputs, n_units):
        return np.ones((n_inputs, n_units))

    assert (
        type(get_initializer("xavier")) is nn.Xavier
        and type(get_initializer("he")) is nn.He
    )
    assert get_initializer(own) is own


@pytest.mark.parametrize(
    "value, kind",
    [
        ("", ValueError),
        ("xavir", ValueError),
        (0, TypeError),
        ([], TypeError),
        (None, TypeError),
        (False, TypeError),
        (nn.He, TypeError),
    ],
)
def test_what_is_no_initializer_is_refused(value, kind):
    with pytest.raises(kind, match="xavier, he, uniform"):
        get_initializer(value)


@pytest.mark.parametrize("wrong", [0, -1, np.inf, np.nan, 1e39])
def test_parameters_of_initializers_are_checked(wrong):
    with pytest.raises(ValueError, match="Uniform"):
        nn.Uniform(wrong)
    if wrong != 1e39:
        with pytest.raises(ValueError, match="VarianceScaling"):
            VarianceScaling(wrong)
