"""The tape: every operation, on either side of arrays, against differences."""

import numpy as np
import pytest

from nn_from_scratch.autodiff import Tensor, backpropagate
from nn_from_scratch.gradcheck import check_gradient

RNG = np.random.default_rng(0)
ROW, LEFT, RIGHT = RNG.normal(size=3), RNG.normal(size=(4, 4)), RNG.normal(size=(3, 2))


def check(operation, *shapes):
    "Values are those of arrays; gradients from a random upstream, of complex steps."
    point = {name: RNG.normal(size=shape) for name, shape in zip("ab", shapes)}

    def values(**arrays):
        return operation(*map(Tensor, arrays.values())).value

    def gradients(U, **arrays):
        tensors = {name: Tensor(array) for name, array in arrays.items()}
        backpropagate((operation(*tensors.values()) * U).sum())
        return {name: u.grad for name, u in tensors.items()}

    check_gradient(values, gradients, point)
    np.testing.assert_allclose(
        values(**point), operation(*point.values()), rtol=1e-13, atol=1e-13
    )


@pytest.mark.parametrize(
    "shapes",
    [
        ((4, 3), (3, 2)),
        ((4, 3), (3,)),
        ((3,), (3, 5)),
        ((3,), (3,)),
        ((1,), (1,)),
        ((1, 3), (3, 1)),
        ((3, 3), (3, 3)),
        ((2, 4, 3), (2, 3, 5)),
        ((2, 4, 3), (3, 5)),
        ((4, 3), (2, 3, 5)),
        ((2, 1, 4, 3), (5, 3, 2)),
        ((1, 4, 3), (6, 3, 2)),
        ((2, 4, 3), (3,)),
        ((3,), (2, 3, 5)),
        ((2, 5, 4, 3), (3,)),
        ((3,), (5, 2, 3, 1)),
    ],
    ids=str,
)
def test_products_of_matrices_stacks_and_vectors(shapes):
    check(lambda a, b: a @ b, *shapes)


@pytest.mark.parametrize(
    "operation",
    [
        lambda a: a + ROW,
        lambda a: ROW + a,
        lambda a: a - ROW,
        lambda a: ROW - a,
        lambda a: a * ROW,
        lambda a: ROW * a,
        lambda a: a / ROW,
        lambda a: ROW / (a * a + 1),
        lambda a: LEFT @ a,
        lambda a: a @ RIGHT,
        lambda a: a @ ROW,
        lambda a: LEFT[0] @ a,
        lambda a: np.stack([LEFT, LEFT + 1]) @ a,
        lambda a: LEFT.tolist() @ a,
        lambda a: np.float64(2) * a - np.float32(0.5),
        lambda a: 1 - 2 * a / 3,
        lambda a: -a,
        lambda a: a ** np.array([0, 1, 2]),
    ],
)
def test_arrays_and_numbers_on_either_side(operation):
    check(operation, (4, 3))


def test_numpy_leaves_products_with_arrays_to_the_tensor():
    a = Tensor(np.ones((4, 3)))
    for result in (
        LEFT @ a,
        ROW * a,
        ROW + a,
        ROW - a,
        ROW / a,
        np.float64(2) * a,
        ROW.astype("f") * a,
    ):
        assert isinstance(result, Tensor) and result.value.dtype == float


@pytest.mark.parametrize(
    "n, slopes",
    [
        (0, [0, 0, 0]),
        (0.0, [0, 0, 0]),
        (1, [1, 1, 1]),
        (2, [-4, 0, 6]),
        (3, [12, 0, 27]),
        (np.array([0, 0, 2]), [0, 0, 6]),
        (np.array([3.0, 1.0, 0.0]), [12, 1, 0]),
    ],
)
def test_powers_of_zero_and_of_negative_numbers(n, slopes):
    u = Tensor([-2.0, 0.0, 3.0])
    with np.errstate(all="raise"):
        backpropagate((u**n).sum())
    assert u.grad.tolist() == slopes


def test_powers_that_have_no_finite_slope_at_zero_say_so():
    u = Tensor([0.0, 4.0])
    with np.errstate(divide="ignore"):
        backpropagate((u**0.5).sum())
    assert u.grad.tolist() == [np.inf, 0.25]


def test_an_exponent_is_no_tensor():
    with pytest.raises(TypeError):
        Tensor(2.0) ** Tensor(3.0)


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 2), (-1, 0)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_sums_over_any_axes(axis, keepdims):
    check(lambda a: a.sum(axis=axis, keepdims=keepdims) * 2, (2, 4, 3))


@pytest.mark.parametrize("function", ["exp", "sin", "tanh"])
def test_functions(function):
    check(
        lambda a: (
            getattr(a, function)()
            if isinstance(a, Tensor)
            else getattr(np, function)(a)
        ),
        (4, 3),
    )


def test_uses_of_one_value_add_up():
    check(lambda a: a * a + a @ RIGHT @ RIGHT.T + a, (4, 3))


def test_plain_numbers_keep_the_precision():
    a = Tensor(np.ones(3, np.float32))
    loss = ((1 - a * 2) ** 2 / 3 + 1.5).sum()
    backpropagate(loss)
    assert loss.value.dtype == a.grad.dtype == np.float32


@pytest.mark.parametrize(
    "value", ["3", None, [None, 1.0], np.array("2020-01-01", "M8[D]")], ids=repr
)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="expected numbers, got"):
        Tensor(value)


def test_only_one_number_is_differentiated():
    with pytest.raises(
        ValueError, match=r"expected one number to differentiate, got shape \(3,\)"
    ):
        backpropagate(Tensor(np.ones(3)) * 2)
