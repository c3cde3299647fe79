"""Convolution and pooling: shapes of all kinds, misfits, memory, copies and files."""
import copy
import pickle
import tracemalloc
import warnings

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch import convolution
from nn_from_scratch.convolution import (
    AvgPool2D, Conv2D, MaxPool2D, RandomShift, shifted)
from nn_from_scratch.training import Training

given = pytest.importorskip("hypothesis").given
from hypothesis import settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

rng = np.random.default_rng(0)
IMAGES, KINDS = rng.normal(size=(40, 7, 6, 2)), rng.integers(0, 3, 40)


def alone(layer, X, dtype=np.float64):
    nn.Stack(X.shape[1:], [layer], seed=0, dtype=dtype)  # binds it
    layer.needs_dX = True
    return layer, layer.forward(X.astype(dtype), training=True)


def network(dtype=np.float32, seed=0):
    model = nn.Network((7, 6, 2), seed=seed, dtype=dtype)
    model.add(Conv2D(4, 3, None, padding="same", bias=False))
    model.add(nn.BatchNorm())
    model.add(nn.ReLU())
    model.add(MaxPool2D(2))
    model.add(nn.Residual(Conv2D(4, 3, nn.Tanh(), padding=1, initializer="xavier")))
    model.add(Conv2D(5, (3, 1), nn.ReLU(), stride=(2, 1), regularizer=nn.L2(0.01)))
    model.add(AvgPool2D((1, 2), stride=1))
    model.add(nn.Flatten())
    model.add_output_layer(3, nn.Softmax())
    return model


def by_loops(X, W, b, stride):
    "The sum as it stands in the chapter; over images that have their zeros."
    h = (X.shape[1] - W.shape[0]) // stride[0] + 1
    w = (X.shape[2] - W.shape[1]) // stride[1] + 1
    Z = np.empty((len(X), h, w, W.shape[-1]))
    for i, u, v, j in np.ndindex(Z.shape):
        top, left = stride[0] * u, stride[1] * v
        window = X[i, top : top + W.shape[0], left : left + W.shape[1]]
        Z[i, u, v, j] = np.sum(window * W[..., j]) + b[j]
    return Z


sizes = st.integers(1, 7)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    n=st.integers(0, 3), image=st.tuples(sizes, sizes), c=st.integers(1, 5),
    kernel=st.tuples(sizes, sizes), stride=st.tuples(st.integers(1, 3), sizes),
    padding=st.sampled_from(["valid", "same", 0, 2, (1, 0)]), filters=st.integers(1, 3),
)
def test_any_shape(n, image, c, kernel, stride, padding, filters):
    """The loops say the same, and the gradients are those of a bilinear map: of an
    upstream U, sum(U * Z) is sum(X * dX), and sum(W * dW), without the bias."""
    X, layer = rng.normal(size=(n, *image, c)), Conv2D(
        filters, kernel, None, stride, padding
    )
    words = {"valid": 0, "same": 7}
    zeros = np.broadcast_to(words.get(padding, padding), 2)
    if any(k > h + 2 * z for k, h, z in zip(kernel, image, zeros)):
        with pytest.raises(ValueError, match="window of at most"):
            alone(layer, X)
        return
    alone(layer, X)
    layer.W, layer.b = rng.normal(size=layer.W.shape), rng.normal(size=filters)
    Z = layer.forward(X, training=True)
    padded = np.pad(X, ((0, 0), *layer.margins, (0, 0)))
    assert np.allclose(Z, by_loops(padded, layer.W, layer.b, stride), atol=1e-12)
    if padding == "same":
        assert Z.shape[1:3] == tuple(-(-h // s) for h, s in zip(image, stride))
    U = rng.normal(size=Z.shape)
    dX, linear = layer.backward(U), np.sum(U * (Z - layer.b))
    assert dX.shape == X.shape
    assert np.isclose(np.sum(X * dX), linear, atol=1e-9)
    assert np.isclose(np.sum(layer.W * layer.dW), linear, atol=1e-9)
    assert np.allclose(layer.db, U.sum(axis=(0, 1, 2)), atol=1e-12)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    n=st.integers(0, 3), image=st.tuples(sizes, sizes), c=st.integers(1, 3),
    size=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.none() | st.tuples(st.integers(1, 3), st.integers(1, 5)),
    whole=st.booleans(),
)
def test_any_pooling(n, image, c, size, stride, whole):
    "With ties too: the upstream arrives where the maximum is, all of it and once."
    X = rng.integers(0, 3, size=(n, *image, c)) if whole else rng.normal(
        size=(n, *image, c)
    )
    if size[0] > image[0] or size[1] > image[1]:
        with pytest.raises(ValueError, match="window of at most"):
            alone(MaxPool2D(size, stride), X)
        return
    down, right = stride or size
    for kind, function in ((MaxPool2D, np.max), (AvgPool2D, np.mean)):
        layer, A = alone(kind(size, stride), X)
        for u, v in np.ndindex(A.shape[1:3]):
            top, left = down * u, right * v
            window = X[:, top : top + size[0], left : left + size[1]]
            assert np.allclose(A[:, u, v], function(window, axis=(1, 2)))
        U = rng.normal(size=A.shape)
        dX = layer.backward(U)
        assert dX.shape == X.shape and np.isclose(dX.sum(), U.sum())
        assert np.isclose(np.sum(X * dX), np.sum(A * U))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    model = network(dtype)
    model.train(IMAGES, KINDS, epochs=2, verbose=False)
    A = model.forward(IMAGES.astype(dtype), training=True)
    model.backward(np.ones_like(A))
    assert {layer.dtype for layer in model.activations} == {np.dtype(dtype)}
    assert model.grad.dtype == dtype and np.isfinite(model.grad).all()
    for layer in (Conv2D(2, 2), MaxPool2D(2), AvgPool2D(2)):
        layer, A = alone(layer, IMAGES, dtype)
        assert A.dtype == layer.backward(np.ones_like(A)).dtype == dtype


def test_the_whole_objective():
    weights = rng.uniform(0.5, 2, 7)
    report = nn.check_objective(
        network(), IMAGES[:7], KINDS[:7], sample_weight=weights, entries=15
    )
    assert report.error <= report.tolerance, report
    assert all(f"{name} " in repr(report) for name in ("1.W", "5.1.W", "6.b"))


def test_portions_do_not_matter(monkeypatch):
    results = []
    for portion in (1, 1600, 2**19):
        monkeypatch.setattr(convolution, "PORTION", portion)
        layer, Z = alone(Conv2D(3, 3, nn.Tanh(), 2, "same"), IMAGES)
        results.append((Z, layer.backward(np.ones(Z.shape)), layer.dW.copy()))
    for few in results[:2]:
        assert all(np.allclose(*pair, atol=1e-12) for pair in zip(few, results[2]))


def test_prediction_keeps_nothing_and_bounds_its_memory():
    model = nn.Network((28, 28, 1), seed=0)
    model.add(Conv2D(8, 5, nn.ReLU()))
    model.add(MaxPool2D(2))
    model.add(Conv2D(8, 5, nn.ReLU()))
    model.add(nn.Flatten())
    model.add_output_layer(10, nn.Softmax())
    X = np.zeros((3000, 28, 28, 1), np.float32)
    tracemalloc.start()
    try:
        model.output(X)
        # of 1,000 images the largest maps are 18 MB, and all patches would be 58
        assert tracemalloc.get_traced_memory()[1] < 30e6
    finally:
        tracemalloc.stop()
    assert not any(layer.kept for layer in model.layers)


def test_a_network_trains_the_same_after_each_kind_of_copy(tmp_path):
    first = network()
    first.train(IMAGES, KINDS, epochs=1, optimizer="adam", verbose=False)
    first.save(tmp_path / "a")
    twins = [
        copy.copy(first), copy.deepcopy(first), pickle.loads(pickle.dumps(first)),
        nn.Network.load(tmp_path / "a"),
    ]
    expected = first.output(IMAGES)
    for twin in twins:
        assert repr(twin) == repr(first) and not np.shares_memory(
            twin.theta, first.theta
        )
        assert np.array_equal(twin.output(IMAGES), expected)
    first.train(IMAGES, KINDS, epochs=2, optimizer="adam", verbose=False)
    for twin in twins:
        twin.train(IMAGES, KINDS, epochs=2, optimizer="adam", verbose=False)
        assert np.array_equal(twin.theta, first.theta)


def test_files_need_no_names_of_the_layers(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network().save(tmp_path / "a")
    twin = nn.Network.load(tmp_path / "a")
    kinds = [type(layer) for layer in twin.layers]
    assert kinds[0] is Conv2D and kinds[3] is MaxPool2D and kinds[6] is AvgPool2D
    for ours, theirs in zip(network().layers, twin.layers):
        for name in ("kernel", "stride", "padding", "size", "filters", "bias"):
            assert getattr(ours, name, None) == getattr(theirs, name, None)


def test_summary_names_kernels_and_maps():
    text = network().summary()
    assert "1.W 3 × 3 × 2 × 4" in text and "7 × 6 × 4" in text
    assert "Conv2D(4, 3, padding='same')" in text and "MaxPool2D(2)" in text
    assert "Conv2D(5, (3, 1), ReLU(), stride=(2, 1))" in text
    assert repr(AvgPool2D(3, 1)) == "AvgPool2D(3, stride=1)"


def test_decay_and_penalties_act_on_kernels_alone():
    model = network()
    model.train(IMAGES, KINDS, epochs=1, regularizer="l2", verbose=False)
    places, weights = model.numbers.places(), model.weights_in_theta()
    assert weights[places["1.W"]].all() and weights[places["6.W"]].all()
    assert not weights[places["6.b"]].any()


def test_weights_are_drawn_for_the_inputs_of_a_window():
    layer, _ = alone(Conv2D(64, 5, nn.ReLU()), np.zeros((1, 9, 9, 16)))
    assert abs(layer.W.var() / (2 / 400) - 1) < 0.05
    layer, _ = alone(Conv2D(64, 5, nn.Tanh()), np.zeros((1, 9, 9, 16)))
    assert abs(layer.W.var() / (2 / (400 + 1600)) - 1) < 0.05
    assert not layer.b.any()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    n=st.integers(0, 3), image=st.tuples(sizes, sizes), c=st.integers(1, 3),
    down=st.integers(-9, 9), right=st.integers(-9, 9),
)
def test_any_shift(n, image, c, down, right):
    "Each number is where it moved to, or left; alike for all, or each by its own."
    X = rng.normal(size=(n, *image, c))
    expected = np.zeros_like(X)
    for y, x in np.ndindex(image):
        if 0 <= y + down < image[0] and 0 <= x + right < image[1]:
            expected[:, y + down, x + right] = X[:, y, x]
    assert np.array_equal(shifted(X, down, right), expected)
    mixed = shifted(X, np.arange(n) * down, right)
    for i in range(n):
        alone_ = shifted(X[i : i + 1], i * down, right)
        assert np.array_equal(mixed[i : i + 1], alone_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_gradient_of_a_random_shift_is_the_shift_back(dtype):
    layer, A = alone(RandomShift(3), IMAGES, dtype)
    U = rng.normal(size=A.shape).astype(dtype)
    dX = layer.backward(U)
    assert dX.dtype == A.dtype == dtype and dX.shape == IMAGES.shape
    X = IMAGES.astype(dtype)
    assert np.isclose(np.vdot(U, A), np.vdot(dX, X), rtol=1e-5)
    assert np.array_equal(A[0], shifted(X[:1], *(move[0] for move in layer.kept))[0])
    assert len(np.unique(layer.kept, axis=1).T) > 20  # each image by its own
    assert layer.forward(X) is X


def shifting(seed=0):
    model = nn.Network((7, 6, 2), seed=seed)
    for layer in (RandomShift(2), Conv2D(3, 3), RandomShift(1), nn.ReLU()):
        model.add(layer)
    model.add(nn.Flatten())
    model.add_output_layer(3, nn.Softmax())
    return model


def test_random_shifts_in_a_network(tmp_path):
    "The same moves from the same seed, from a file, and when a run is taken up again."
    first, twin, other = shifting(), shifting(), shifting(1)
    for model in (first, twin, other):
        model.train(IMAGES, KINDS, epochs=2, optimizer="adam", verbose=False)
    assert np.array_equal(first.theta, twin.theta)
    assert not np.array_equal(first.theta, other.theta)
    twin.save(tmp_path / "a")
    twin = nn.Network.load(tmp_path / "a")
    assert [layer.pixels for layer in twin.layers[:3:2]] == [2, 1]
    for model in (first, twin):
        model.train(IMAGES, KINDS, epochs=3, optimizer="adam", verbose=False)
    assert np.array_equal(first.theta, twin.theta)

    more = dict(epochs=4, optimizer="adam", verbose=False)
    whole, half, rest = shifting(), shifting(), shifting(1)
    whole.train(IMAGES, KINDS, **more)
    run = Training(half, IMAGES, KINDS, epochs=4, optimizer="adam")
    for _ in range(3):  # in the middle of an epoch
        run.step()
    half.save(tmp_path / "b", run)
    rest.train(IMAGES, KINDS, **more, resume=tmp_path / "b")
    assert np.array_equal(rest.theta, whole.theta)


def test_random_shifts_keep_to_the_objective():
    report = nn.check_objective(shifting(), IMAGES[:7], KINDS[:7], entries=15)
    assert report.error <= report.tolerance, report


WRONG = [
    (lambda: Conv2D(0, 3), ValueError, "filters must be at least 1, got 0"),
    (lambda: Conv2D(8, 2.5), TypeError, "pixels of a kernel must be an integer"),
    (lambda: Conv2D(8, 0), ValueError, "pixels of a kernel must be at least 1, got 0"),
    (lambda: Conv2D(8, (3, 3, 3)), ValueError, "one number or two, got"),
    (lambda: Conv2D(8, 3, stride=0), ValueError, "stride must be at least 1, got 0"),
    (lambda: Conv2D(8, 3, stride=True), TypeError, "stride must be an integer"),
    (lambda: Conv2D(8, 3, padding="full"), ValueError, "'valid', 'same'.*got 'full'"),
    (lambda: Conv2D(8, 3, padding=-1), ValueError, "at least 0.*got -1"),
    (lambda: Conv2D(8, 3, padding=None), ValueError, "'valid', 'same'.*got None"),
    (lambda: Conv2D(8, 3, "relu"), TypeError, "such as ReLU"),
    (lambda: Conv2D(8, 3, nn.ReLU), TypeError, "such as ReLU"),
    (lambda: Conv2D(8, 3, initializer="h"), ValueError, "xavier, he, uniform"),
    (lambda: Conv2D(8, 3, regularizer="l2"), TypeError, "such as L2"),
    (lambda: MaxPool2D(0), ValueError, "pixels of a window must be at least 1"),
    (lambda: AvgPool2D(2, stride=0), ValueError, "stride must be at least 1"),
    (lambda: nn.Network(64).add(Conv2D(8, 3)), ValueError, "height × width × channels"),
    (lambda: nn.Network((8, 8)).add(Conv2D(8, 3)), ValueError, "got samples of 8 × 8"),
    (lambda: nn.Network((8, 8)).add(MaxPool2D(2)), ValueError, "samples of 8 × 8"),
    (
        lambda: nn.Network((8, 8, 1)).add(Conv2D(8, 9)), ValueError,
        "at most 8 × 8 pixels.*got 9 × 9",
    ),
    (
        lambda: nn.Network((8, 4, 1)).add(Conv2D(8, (3, 7), padding=1)), ValueError,
        "at most 10 × 6 pixels.*got 3 × 7",
    ),
    (lambda: nn.Network((8, 8, 1)).add(MaxPool2D(9)), ValueError, "at most 8 × 8"),
    (lambda: RandomShift(0), ValueError, "pixels of a shift must be at least 1, got 0"),
    (lambda: RandomShift(1.5), TypeError, "a shift must be an integer, got 1.5"),
    (lambda: nn.Network(64).add(RandomShift(1)), ValueError, "samples of 64"),
    (
        lambda: nn.Network((8, 4, 1)).add(RandomShift(4)), ValueError,
        "less than the height and the width of 8 × 4 pixels, got 4",
    ),
]


@pytest.mark.parametrize("call, kind, message", WRONG)
def test_a_misfit_is_named_when_it_is_made(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_a_layer_that_does_not_fit_leaves_the_network_as_it_was():
    model = nn.Network((8, 8, 1), seed=0)
    model.add(Conv2D(2, 5))
    with pytest.raises(ValueError, match="at most 4 × 4"):
        model.add(Conv2D(2, 5))
    model.add(Conv2D(2, 3))
    assert model.shapes[-1] == (2, 2, 2) and len(model.layers) == 2
