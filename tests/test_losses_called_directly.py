"""Losses as a user calls them: shapes that differ, whole numbers, small values."""

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.gradcheck import check_gradient

LOSSES = [
    nn.MeanSquaredError(),
    nn.MeanAbsoluteError(),
    nn.Huber(),
    nn.BinaryCrossEntropy(),
    nn.CategoricalCrossEntropy(),
    nn.CategoricalCrossEntropy(0.1),
]
all_losses = pytest.mark.parametrize("loss", LOSSES, ids=repr)


@all_losses
@pytest.mark.parametrize(
    "shapes",
    [
        ((3, 1), (3,)),
        ((3,), (3, 1)),
        ((3, 2), (1, 2)),
        ((3, 2), ()),
        ((0, 2), (0, 2)),
        ((), ()),
    ],
    ids=str,
)
def test_shapes_that_differ_are_refused_and_both_named(loss, shapes):
    A, Y = (np.full(shape, 0.5) for shape in shapes)
    for function in (loss.value, loss.gradient):
        with pytest.raises(ValueError) as error:
            function(A, Y)
        assert all(str(shape) in str(error.value) for shape in shapes)


@all_losses
@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.uint64, bool])
def test_whole_numbers_do_not_wrap_around(loss, kind):
    A, Y = (
        np.array([[0, 1], [1, 0], [1, 0]], kind),
        np.array([[1, 0], [1, 0], [0, 1]], kind),
    )
    exact = A.astype(float), Y.astype(float)
    assert loss.value(A, Y) == loss.value(*exact)
    assert np.array_equal(loss.gradient(A, Y), loss.gradient(*exact))
    single = exact[0].astype(np.float32)
    assert np.allclose(
        loss.gradient(single, Y), loss.gradient(single, exact[1]), rtol=1e-6
    )


@all_losses
def test_lists_are_taken_and_precision_is_kept(loss):
    A, Y = [[0.25, 0.75], [0.5, 0.5]], [[0, 1], [1, 0]]
    assert loss.value(A, Y) == loss.value(np.array(A), np.array(Y, float))
    for dtype in (np.float32, np.float64, np.complex128):
        assert loss.gradient(np.array(A, dtype), np.array(Y, dtype)).dtype == dtype


def test_by_hand():
    column, row = (
        np.array([[1], [2], [3]], np.uint8),
        np.array([[0], [2], [5]], np.uint8),
    )
    assert nn.MeanSquaredError().value(column, row) == 5 / 3
    assert np.allclose(
        nn.MeanSquaredError().gradient(column, row).ravel(), [2 / 3, 0, -4 / 3]
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "z, exact",
    [
        (10, 9.0795737467244446e-05),
        (30, 1.8715245937678598e-13),
        (80, 3.6097027756908303e-35),
    ],
)
def test_a_small_cross_entropy_keeps_its_digits(dtype, z, exact):
    softmax, Z, Y = (
        nn.Softmax(),
        np.array([[z, 0, 0]], dtype),
        np.array([[1, 0, 0]], dtype),
    )
    value = nn.CategoricalCrossEntropy().output_value(softmax, Z, softmax.forward(Z), Y)
    assert abs(float(value) / exact - 1) < 4 * np.finfo(dtype).eps
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":  # 1 divides scalars in float64
        assert value.dtype == dtype


def test_the_largest_logit_may_be_shared():
    softmax, Z, Y = nn.Softmax(), np.array([[5.0, 5, 5, 1]]), np.array([[0, 1.0, 0, 0]])
    value = nn.CategoricalCrossEntropy().output_value(softmax, Z, softmax.forward(Z), Y)
    assert value == pytest.approx(np.log(3 + np.exp(-4)), rel=1e-15)


@pytest.mark.parametrize(
    "loss, activation",
    [
        (nn.BinaryCrossEntropy(), nn.Sigmoid(2)),
        (nn.CategoricalCrossEntropy(0.1), nn.Softmax()),
    ],
    ids=repr,
)
def test_a_complex_step_passes_through_the_fused_value(loss, activation):
    rng = np.random.default_rng(0)
    Z, Y = 5 * rng.normal(size=(7, 3)), rng.dirichlet(np.ones(3), size=7)

    def value(Z):
        return loss.output_value(activation, Z, activation.forward(Z), Y)

    def gradient(U, Z):
        return {"Z": U * loss.output_gradient(activation, Z, activation.forward(Z), Y)}

    assert check_gradient(value, gradient, {"Z": Z}, "complex").error < 1e-12


def test_an_own_loss_that_derives_from_ours_keeps_its_own_gradient():
    class Doubled(nn.MeanSquaredError):
        def gradient(self, A, Y):
            return 2 * super().gradient(A, Y)

    A, Y = np.ones((4, 2)), np.zeros((4, 2))
    ours = nn.MeanSquaredError().gradient(A, Y)
    assert np.array_equal(Doubled().gradient(A, Y), 2 * ours)
    assert np.array_equal(Doubled().output_gradient(nn.Linear(), A, A, Y), 2 * ours)
