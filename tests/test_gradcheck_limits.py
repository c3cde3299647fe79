"Where a gradient check sees, where it refuses, and where neither is due."

import numpy as np
import pytest

from nn_from_scratch.gradcheck import (
    EPS,
    GradientError,
    KinkError,
    central_difference,
    check_gradient,
)

STEP = EPS ** (1 / 3)


def linear(scale, factors=1):
    "A map that scales its inputs, and a gradient with wrong factors."
    scale = np.array(scale)
    return lambda x: scale * x, lambda U, x: {"x": U * scale * factors}


def hinge(x):
    return np.maximum(x, 0)


def hinge_backward(U, x):
    return {"x": U * (x > 0)}


@pytest.mark.parametrize("least", [5e-13, 1e-9, 1e-4])
def test_an_entry_twice_too_large_is_seen_however_small_beside_the_largest(least):
    point = {"x": [1.0, 1.0]}
    assert check_gradient(*linear([1, least]), point).error < 1e-9
    with pytest.raises(GradientError, match=r"x\[1\]"):
        check_gradient(*linear([1, least], [1, 2]), point)


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_function_of_small_values_is_checked_relative_to_them(method):
    point = {"x": [1.0, 1.0]}
    assert check_gradient(*linear([1e-12, 5e-13]), point, method).error < 1e-6
    with pytest.raises(GradientError, match=r"x\[1\]"):
        check_gradient(*linear([1e-12, 5e-13], [1, 2]), point, method)


@pytest.mark.parametrize("method", ["complex", "central"])
def test_rounding_of_large_values_is_no_error(method):
    def saturated(x):
        return 1e6 * np.tanh(x)

    def backward(U, x):
        return {"x": U * 1e6 * (1 - np.tanh(x) ** 2)}

    check_gradient(saturated, backward, {"x": np.linspace(-19, 19, 40)}, method)


def test_the_report_says_what_counts_as_rounding():
    report = check_gradient(*linear([3.0, 4.0]), {"x": [1.0, 1.0]})
    assert 1e-15 < report.rounding < 1e-14
    assert f"differences up to {report.rounding:.0e} are rounding" in repr(report)


@pytest.mark.parametrize("rate, x", [(1e5, 3e-5), (5e5, 6e-6), (1e5, -1e-4)])
def test_a_steep_function_is_no_kink(rate, x):
    def steep(x):
        return np.exp(rate * x)

    point = {"x": [x]}
    check_gradient(steep, lambda U, x: {"x": U * rate * steep(x)}, point, "central")
    with pytest.raises(GradientError):
        wrong = lambda U, x: {"x": U * rate * steep(x) * 1.001}
        check_gradient(steep, wrong, point, "central")


@pytest.mark.parametrize(
    "share", [0.001, 0.1, 1 / 3, 0.5, 2 / 3, 0.9, 1, 4 / 3, 1.9, 3]
)
@pytest.mark.parametrize("side", [-1, 1])
def test_beside_a_kink_the_right_gradient_passes_and_the_other_does_not(share, side):
    point = {"x": [side * share * STEP]}
    check_gradient(hinge, hinge_backward, point, "central")
    with pytest.raises(GradientError):
        check_gradient(hinge, lambda U, x: {"x": U * (x < 0)}, point, "central")


@pytest.mark.parametrize("size", [1e-12, 1, 1e6])
def test_a_kink_is_refused_whatever_the_size_of_the_function(size):
    with pytest.raises(KinkError, match="kink"):
        check_gradient(
            lambda x: size * hinge(x), hinge_backward, {"x": [0.0]}, "central"
        )


def test_no_slope_beside_a_kink_is_wrong_without_a_word():
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(1000):
        jump, slope = rng.normal(size=2)
        place = rng.choice([-1, 1]) * STEP * 10 ** rng.uniform(-5, 1)
        true = slope + 1 + jump * (place < 0)
        f = lambda x: np.tanh(x[0]) + slope * x[0] + jump * max(x[0] - place, 0)
        try:
            assert abs(central_difference(f, np.zeros(1), 0) - true) < 1e-8
        except KinkError:
            refused += 1
    assert 50 < refused < 350


def test_a_jump_is_refused():
    with pytest.raises(KinkError):
        central_difference(lambda x: float(x[0] > 0), np.zeros(1), 0)


def test_strong_curvature_is_no_kink():
    f = lambda x: 1000 * x[0] ** 2 + abs(x[0]) ** 3
    assert central_difference(f, np.zeros(1), 0) == 0


def test_a_slope_that_is_no_number_is_wrong():
    with pytest.raises(GradientError):
        check_gradient(
            lambda x: x * np.nan, lambda U, x: {"x": U}, {"x": [1.0]}, "central"
        )


@pytest.mark.parametrize("tolerance", [0, -1, np.nan])
def test_a_tolerance_that_nothing_meets_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance"):
        check_gradient(*linear([1.0]), {"x": [1.0]}, tolerance=tolerance)


def test_an_unknown_method_is_named_before_anything_runs():
    with pytest.raises(ValueError, match="complex, central, got 'forward'"):
        check_gradient(None, None, {}, "forward")
