"Compiled layers compute what the layers of the book compute."
import pickle
from contextlib import nullcontext
from copy import copy

import numpy as np
import pytest

pytest.importorskip("numba")

from nn_from_scratch import kernels, loops
from nn_from_scratch.activations import (
    ELU, GELU, LeakyReLU, Linear, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh)
from nn_from_scratch.attention import MultiHeadAttention
from nn_from_scratch.backprop import Stack
from nn_from_scratch.convolution import AvgPool2D, Conv2D, MaxPool2D
from nn_from_scratch.embedding import Embedding, Positions, Tied
from nn_from_scratch.kernels import compile_layers, compiled_layers, fast_layers
from nn_from_scratch.layers import Activate, Dense, Flatten, Residual
from nn_from_scratch.network import Network
from nn_from_scratch.normalization import BatchNorm, LayerNorm, RMSNorm
from nn_from_scratch.regularizers import Dropout
from nn_from_scratch.training import TrainingDiverged
from nn_from_scratch.transformer import generate, transformer_block

ACTIVATIONS = [ReLU(), LeakyReLU(.1), Sigmoid(a=2), Tanh(), ELU(1.5), SiLU(), GELU()]
TOLERANCE = {"d": 1e-12, "f": 2e-5}
precisions = pytest.mark.parametrize("dtype", "df")


def stack(layers, shape, dtype="d", vocabulary=None):
    network = Stack(shape, layers, seed=0, dtype=dtype, vocabulary=vocabulary)
    network.theta += .1 * np.random.default_rng(2).standard_normal(network.theta.size)
    if vocabulary is None:
        for layer in network.parts:
            layer.needs_dX = True
    return network


def batch(network, n, rng):
    if network.input.vocabulary:
        return rng.integers(network.input.vocabulary, size=(n, *network.input.shape))
    X = 2 * rng.standard_normal((n, *network.input.shape))
    return np.round(2 * X.astype(network.dtype)) / 2 if X.ndim == 4 else (
        X.astype(network.dtype))  # images with pixels that are equal


def computed(network, n, change=np.copy):
    "Everything that two passes in training and one in prediction make."
    rng = np.random.default_rng(1)
    X = change(batch(network, n, rng))
    dA = change(rng.standard_normal((n, *network.shapes[-1])).astype(network.dtype))
    for _ in range(2):
        A, dX = network.forward(X, True), dA
        for layer in network.layers[::-1]:
            dX = layer.backward(dX)
    kept = [values for layer in network.parts for values in layer.kept]
    made = [A, network.forward(X), network.grad, *network.tensors().values(), *kept]
    return made if dX is None else [*made, dX]


def largest_error(network, n, change=np.copy):
    twin = copy(network)
    assert compiled_layers(network)
    with fast_layers(network):
        made = computed(network, n, change)
    expected, error = computed(twin, n, change), 0.
    for a, b in zip(made, expected):
        assert a.shape == b.shape and a.dtype == b.dtype
        if a.size:
            error = max(error, np.abs(a - b).max() / max(1, np.abs(b).max()))
    return error


@precisions
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_dense_layers_and_activations(activation, dtype):
    for n_units in (1, 2, 3, 5):
        for n in (0, 1, 7):
            network = stack([Dense(n_units, activation)], 4, dtype)
            assert largest_error(network, n) < TOLERANCE[dtype]
    sequences = stack([Dense(3, activation, bias=False)], (5, 4), dtype)
    assert largest_error(sequences, 7) < TOLERANCE[dtype]
    between = stack([BatchNorm(), Activate(activation)], (5, 4), dtype)
    assert largest_error(between, 7) < TOLERANCE[dtype]


@precisions
@pytest.mark.parametrize("layer", [LayerNorm(), RMSNorm(), BatchNorm()], ids=repr)
def test_normalisation(layer, dtype):
    for shape in (1, 2, 3, 5, (4, 3), (5, 4, 3)):
        for n in (0, 1, 7) if not layer.least > 1 else (2, 7):
            network = stack([copy(layer)], shape, dtype)
            assert largest_error(network, n) < TOLERANCE[dtype]


def test_batch_norm_refuses_one_row_as_without():
    network = stack([BatchNorm()], 3)
    with fast_layers(network), pytest.raises(ValueError, match="at least 2 samples"):
        network.forward(np.zeros((1, 3)), True)


@precisions
def test_attention(dtype):
    for n_heads in (1, 2):
        for causal in (True, False):
            for n in (0, 1, 7):
                network = stack([MultiHeadAttention(n_heads, causal)], (5, 4), dtype)
                assert largest_error(network, n) < TOLERANCE[dtype]


@precisions
@pytest.mark.parametrize("kind", [MaxPool2D, AvgPool2D])
def test_pooling(kind, dtype):
    for arguments in ((2,), (3, 2), ((2, 3), (1, 2))):
        for n in (0, 1, 7):
            network = stack([kind(*arguments)], (7, 6, 3), dtype)
            assert largest_error(network, n) < TOLERANCE[dtype]


@precisions
def test_convolution(dtype):
    for activation in (None, Softplus(), ReLU(), GELU()):
        for channels, kernel, stride, padding in (
                (1, 1, 1, 0), (1, 3, 1, "same"), (5, (2, 3), (2, 1), "valid"),
                (2, 3, 2, "same"), (5, 2, 3, 2)):
            layer = Conv2D(3, kernel, activation, stride, padding)
            network = stack([layer], (7, 6, channels), dtype)
            for n in (1, 3):
                assert largest_error(network, n) < TOLERANCE[dtype]
    no_bias = stack([Conv2D(3, 3, ReLU(), bias=False)], (7, 6, 2), dtype)
    assert largest_error(no_bias, 2) < TOLERANCE[dtype]


def test_an_image_that_takes_several_portions():
    large = stack([Conv2D(2, 3, Tanh(), stride=(1, 2), padding=1)], (210, 200, 8))
    assert largest_error(large, 2) < 1e-12


@precisions
def test_dropout_draws_the_same_masks(dtype):
    assert largest_error(stack([Dropout(.3)], (5, 2), dtype), 7) < TOLERANCE[dtype]


@precisions
def test_rows_of_an_embedding(dtype):
    network = stack([Embedding(3)], 5, dtype, vocabulary=9)
    for n in (0, 1, 7):
        assert largest_error(network, n) < TOLERANCE[dtype]


def test_inputs_whose_rows_do_not_lie_together():
    def apart(values):
        return np.moveaxis(np.moveaxis(values, -1, 0).copy(), 0, -1)
    sequences = [Dense(4, GELU()), LayerNorm(), RMSNorm(), BatchNorm(), Dropout(.2),
                 MultiHeadAttention(2), Activate(Tanh())]
    images = [Conv2D(4, 2, ReLU()), MaxPool2D(2), AvgPool2D(2), BatchNorm()]
    for layers, shape in ((sequences, (5, 4)), (images, (7, 6, 4))):
        for layer in layers:
            assert largest_error(stack([layer], shape), 3, apart) < 1e-12


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_nan_and_large_numbers(activation):
    Z = np.array([[np.nan, 0, -0., 1e-35, 80, -80, 1000, -1000]])
    for dtype in "fd":
        rows = Z.astype(dtype)
        with np.errstate(all="ignore"):
            A = activation.forward(rows)
            dZ = activation.backward(np.ones_like(A), rows, A)
        made = np.empty_like(rows)
        kernels.activate(activation, rows.copy(), np.zeros(8, dtype), made)
        slopes, _ = kernels.activation_gradient(activation, np.ones_like(A), rows, A)
        np.testing.assert_allclose(made, A, rtol=1e-5, atol=1e-30)
        np.testing.assert_allclose(slopes, dZ, rtol=1e-5, atol=1e-30)


def gpt(dtype="d"):
    network = Network(8, seed=0, vocabulary=11, dtype=dtype)
    network.add(Embedding(8))
    network.add(Positions())
    for norm in (LayerNorm, RMSNorm):
        for layer in transformer_block(8, 2, norm=norm, dropout=.1):
            network.add(layer)
    network.add(LayerNorm())
    network.add_output_layer(Tied(), Softmax())
    X = np.random.default_rng(0).integers(11, size=(40, 8))
    return network, X, np.roll(X, -1, 1)


def images(dtype="d"):
    network = Network((9, 9, 1), seed=0, dtype=dtype)
    for layer in (Conv2D(4, 3, padding="same", bias=False), BatchNorm(), ReLU(),
                  MaxPool2D(2), Conv2D(6, 2, GELU()), AvgPool2D(2, 1), Flatten(),
                  Dense(8, Tanh())):
        network.add(layer)
    network.add_output_layer(3, Softmax())
    rng = np.random.default_rng(0)
    return network, rng.random((40, 9, 9, 1)), rng.integers(3, size=40)


@pytest.mark.parametrize("case", [gpt, images])
def test_ten_steps_of_training(case):
    made = []
    for within in (nullcontext, fast_layers):
        network, X, y = case()
        with within(network):
            stats = network.train(X, y, X[:5], y[:5], epochs=5, batch_size=20,
                                  optimizer="adamw", eta=1e-3, verbose=False)
        made.append([network.theta, *network.tensors().values(), stats["val_loss"]])
    for a, b in zip(*made):
        assert np.abs(np.subtract(a, b)).max() < 1e-10


def test_a_text_is_written_as_without():
    network, X, _ = gpt()
    expected = generate(network, X[0, :3], 12, rng=0)
    with fast_layers(network):
        assert np.array_equal(generate(network, X[0, :3], 12, rng=0), expected)


def hiding(network):
    return [name for layer in network.parts for name in vars(layer)
            if callable(getattr(type(layer), name, None))]


def test_layers_are_as_before_after_the_block_and_after_an_error():
    network, *_ = images()
    with fast_layers(network):
        assert len(hiding(network)) > 10
        with fast_layers(network):
            pass
        assert len(hiding(network)) > 10
    assert not hiding(network)
    with pytest.raises(KeyError), fast_layers(network):
        raise KeyError
    assert not hiding(network)


def test_copies_made_within_a_block_have_no_loops():
    network, X, y = images()
    with fast_layers(network):
        network.train(X, y, epochs=1, verbose=False)
        twins = copy(network), pickle.loads(pickle.dumps(network))
    for twin in twins:
        assert not hiding(twin)
        twin.train(X, y, epochs=1, verbose=False)
    assert np.array_equal(twins[0].theta, twins[1].theta)
    assert not np.array_equal(twins[0].theta, network.theta)


def test_what_is_not_the_books_stays_in_numpy():
    class Own(LayerNorm):
        pass

    class Swish(SiLU):
        pass

    network = stack([Own(), Dense(3, Swish()), Dense(3), Dense(3, Softplus()),
                     Activate(Softplus()), Residual(Dense(3, GELU()))], 4)
    assert compiled_layers(network) == ["6.1 Dense(3, GELU())"]
    with fast_layers(network):
        assert len(hiding(network)) == 2
    assert compiled_layers(network.astype(complex)) == []
    with fast_layers(network.astype(complex)) as twin:
        assert not hiding(twin)


def test_nothing_is_left_to_compile_when_training_begins():
    network, X, y = images("f")
    before = network.snapshot()
    names = list(compile_layers(network))
    assert names[0].startswith("1 Conv2D") and names[-1] == "8 Dense(8, Tanh())"
    after = network.snapshot()
    assert all(np.array_equal(after["tensors"][name], tensor)
               for name, tensor in before["tensors"].items())
    assert after["generators"] == before["generators"]
    found = [value for value in vars(loops).values() if hasattr(value, "signatures")]
    compiled = [len(loop.signatures) for loop in found]
    with fast_layers(network):
        network.train(X, y, X, y, epochs=1, batch_size=16, verbose=False)
    assert [len(loop.signatures) for loop in found] == compiled


def test_divergence_is_found_at_the_same_step():
    rng, found = np.random.default_rng(0), []
    X, y = rng.normal(size=(40, 4)), rng.normal(size=40)
    for within in (nullcontext, fast_layers):
        network = Network(4, seed=0)
        network.add_layer(8, GELU())
        network.add_layer(8, ReLU())
        network.add_output_layer(1, Linear())
        with within(network), pytest.raises(TrainingDiverged) as caught:
            network.train(X, y, epochs=9, batch_size=10, eta=1e4, verbose=False,
                          optimizer="gradient_descent")
        found.append((caught.value.epoch, caught.value.step, caught.value.layer,
                      caught.value.what))
    assert found[0] == found[1] and found[0][1] is not None
