"""The tape: every operation, on either side of arrays, against differences."""

import copy
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import nn_from_scratch as nn
from nn_from_scratch.autodiff import TapedLayer, Tensor, backpropagate
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


@pytest.mark.parametrize(
    "key",
    [
        0,
        -1,
        np.int64(2),
        slice(1, None),
        slice(None, None, -2),
        (1, 2),
        (slice(None), [0, 0, 2]),
        ([0, 3, 3, 3], [1, 2, 2, 0]),
        [0, 1, 1],
        np.array([[0, 1], [1, 0]]),
        np.array([True, False, True, True]),
        (..., None, 1),
        (None, 1),
        (slice(None), slice(0, 0)),
        ([[0], [2]], [1, 1, 2]),
        [],
    ],
    ids=str,
)
def test_parts(key):
    check(lambda a: a[key] * 2, (4, 3))
    check(lambda a: a[key] * a[key] + a.sum(), (4, 3))


def test_an_entry_that_is_taken_twice_gets_two_terms():
    u = Tensor(np.arange(4.0))
    backpropagate((u[[0, 0, 3]] * np.array([1, 10, 100])).sum())
    assert u.grad.tolist() == [11, 0, 0, 100]


@pytest.mark.parametrize("key", [4, "a", 1.5, (0, 0, 0)], ids=str)
def test_what_is_no_part(key):
    with pytest.raises(IndexError):
        Tensor(np.ones((4, 3)))[key]


@pytest.mark.parametrize("shape", [(24,), (4, 6), (2, 2, 6), (-1, 3), ((6, -1),)])
def test_other_shapes(shape):
    check(lambda a: a.reshape(*shape) * a.reshape(*shape), (2, 4, 3))


@pytest.mark.parametrize(
    "axes", [(), (0, 1, 2), (1, 2, 0), (2, 0, 1), (-1, 0, 1), (0, -1, -2), ((1, 2, 0),)]
)
def test_orders_of_axes(axes):
    check(lambda a: a.transpose(*axes) * 3, (2, 4, 3))
    with pytest.raises(ValueError):
        Tensor(np.ones((2, 3))).transpose(0, 0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_order_of_axes_and_any_part(data):
    "Of an array of any shape: transposed, indexed, reshaped and multiplied."
    shape = data.draw(hnp.array_shapes(min_dims=1, max_dims=4, max_side=3))
    axes = data.draw(st.permutations(range(len(shape))))
    turned = tuple(shape[axis] for axis in axes)
    key = data.draw(hnp.basic_indices(turned, allow_newaxis=True))
    rows = data.draw(st.lists(st.integers(0, turned[0] - 1), max_size=5))

    def operation(a):
        b = a.transpose(*axes)
        return b[key].reshape(-1) * b[rows].sum() + a.sum()

    check(operation, shape)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_products_of_any_stacks(data):
    "Stacks whose leading axes broadcast."
    stacks = data.draw(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3))
    n, d, k = (data.draw(st.integers(1, 3)) for _ in range(3))
    left, right = stacks.input_shapes
    check(lambda a, b: a @ b, (*left, n, d), (*right, d, k))


class Sines(TapedLayer):
    penalised = ("W",)

    def __init__(self, n_units, frequency=1.0):
        self.n_units, self.frequency = n_units, frequency

    def build(self, shape):
        self.parameters = {"W": (shape[-1], self.n_units), "b": (self.n_units,)}
        return (*shape[:-1], self.n_units)

    def initialize(self, rng):
        self.W = rng.normal(size=self.W.shape)
        self.b = rng.normal(size=self.b.shape)

    def formula(self, X, W, b):
        return ((X @ W + b) * self.frequency).sin()


def sines(k=1, dtype=np.float64):
    model = nn.Network(2, seed=0, dtype=dtype)
    model.add_layer(4, nn.Tanh())
    model.add(nn.Residual(Sines(4, 3.0)))
    model.add_output_layer(k, nn.Sigmoid())
    return model


X, y = nn.two_moons(60, 0.1, seed=0)


@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_a_layer_on_the_tape_has_the_gradient_of_its_network(n, k):
    Y = RNG.uniform(size=(n, k))
    assert nn.check_objective(sines(k), X[:n], Y, method="complex").error < 1e-9


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_on_the_tape_trains_in_the_precision_of_its_network(dtype):
    model = sines(dtype=dtype)
    model.train(X, y, eta=0.1, epochs=3, verbose=False)
    assert model.output(X).dtype == model.grad.dtype == dtype


def test_a_layer_on_the_tape_is_copied_pickled_and_stored(tmp_path):
    model = sines()
    model.train(X, y, epochs=2, verbose=False)
    with pytest.warns(UserWarning, match="components=.Sines"):
        model.save(tmp_path / "sines.safetensors")
    loaded = nn.Network.load(tmp_path / "sines.safetensors", [Sines])
    others = loaded, copy.copy(model), pickle.loads(pickle.dumps(model))
    for other in others:
        assert np.array_equal(other.output(X), model.output(X))
        other.optimizer = model.optimizer
    model.train(X, y, epochs=2, verbose=False)
    for other in others:
        other.train(X, y, epochs=2, verbose=False)
        assert np.array_equal(other.theta, model.theta)


def test_prediction_keeps_nothing():
    model = sines()
    model.output(X)
    assert all(not layer.kept for layer in model.parts)


def test_a_parameter_that_a_formula_does_not_use_has_no_slope():
    class Unused(Sines):
        def formula(self, X, W, b):
            return X * 1

    model = nn.Network(3, seed=0, dtype=float)
    model.add(Unused(3))
    model.add_output_layer(1, nn.Linear())
    model.train(RNG.normal(size=(7, 3)), RNG.normal(size=7), epochs=1, verbose=False)
    assert not model.layers[0].dW.any() and model.layers[1].dW.any()


def test_a_formula_makes_a_tensor():
    class Plain(Sines):
        def formula(self, X, W, b):
            return X.value

    model = nn.Network(2, seed=0)
    model.add(Plain(2))
    model.add_output_layer(1, nn.Linear())
    with pytest.raises(TypeError, match="expected the formula of .* got ndarray"):
        model.output(X)
    with pytest.raises(NotImplementedError, match="TapedLayer.formula"):
        TapedLayer().formula(Tensor(1.0))
