"""Embeddings, positions, tied weights and normalisation over features: what is refused,
stored, copied, counted and learned."""
import copy
import pickle
import warnings

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.embedding import (
    Embedding, Positions, Sinusoids, Tied, scatter_add, sinusoids)
from nn_from_scratch.normalization import LayerNorm, RMSNorm

rng = np.random.default_rng(0)
X = rng.integers(7, size=(30, 4))
y = np.roll(X, -1, axis=1)


def network(*layers, output=7, dtype=np.float32, seed=0):
    model = nn.Network(4, seed=seed, dtype=dtype, vocabulary=7)
    for layer in layers or (Embedding(5), Positions(), LayerNorm(), RMSNorm()):
        model.add(layer)
    model.add_output_layer(output, nn.Softmax())
    return model


def train(model, **more):
    return model.train(X, y, epochs=3, optimizer="adam", verbose=False, **more)


def same(one, other):
    ours, theirs = one.tensors(), other.tensors()
    return ours.keys() == theirs.keys() and all(
        np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("waves", [False, True])
def test_stored_copied_and_pickled_networks_train_on_alike(tied, waves, tmp_path):
    positions = Sinusoids() if waves else Positions(6)
    model = network(Embedding(5, regularizer=nn.L2(0.1)), positions, LayerNorm(),
                    nn.Residual(RMSNorm(), nn.Dense(5, nn.Tanh())),
                    output=Tied() if tied else 7)
    train(model)
    model.save(tmp_path / "a")
    twins = [nn.Network.load(tmp_path / "a"), copy.copy(model),
             copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    before = model.theta.copy()
    train(model)
    for twin in twins:
        assert repr(twin) == repr(model) and np.array_equal(twin.theta, before)
        train(twin)
        assert same(twin, model) and not np.array_equal(twin.theta, before)
        assert ("E" in twin.layers[-1].views) == tied
        if tied:
            assert twin.layers[-1].E is twin.tensors()["1.E"]
            assert np.shares_memory(twin.layers[-1].E, twin.theta)


def test_a_tied_tensor_is_one_parameter_with_one_penalty_and_two_gradients():
    model = network(Embedding(5), output=Tied(), dtype=np.float64)
    assert list(model.tensors()) == ["1.E"] and model.theta.size == 35
    assert model.weights_in_theta().all() and "35 parameters" in model.summary()
    apart = network(Embedding(5), output=nn.Dense(7, bias=False), dtype=np.float64)
    apart.theta = np.concatenate([model.theta, model.layers[0].E.T.ravel()])
    gradients = []
    for each in (model, apart):
        Z = each.forward(X, training=True)
        each.backward(np.cos(Z))
        gradients.append(each.grad)
    both = gradients[1][:35].reshape(7, 5) + gradients[1][35:].reshape(5, 7).T
    assert np.allclose(gradients[0].reshape(7, 5), both, rtol=0, atol=1e-12)
    train(model, regularizer=nn.L2(0.3))
    report = nn.check_objective(model, X, y, method="complex")
    assert report.error < 1e-9
    value = nn.L2(0.3).value(model.layers[0].E)
    with_penalty = nn.objective.Objective(model, model.head, nn.L2(0.3))
    without = nn.objective.Objective(model, model.head)
    Y = model.head.encode(y, np.float64)
    assert np.isclose(with_penalty.value(X, Y) - without.value(X, Y), value)


def test_a_tied_layer_that_failed_can_be_added_later():
    model, tied = nn.Network(4, vocabulary=7), Tied()
    model.add(Embedding(5))
    with pytest.raises(TypeError):
        model.add_output_layer(tied, "softmax")
    assert len(model.layers) == 1 and model.head is None
    model.add_output_layer(tied, nn.Softmax())
    assert model.output(X).shape == (30, 4, 7)


def test_adding_into_a_stored_run_resumes_to_the_same_bits(tmp_path):
    whole, half = network(output=Tied()), network(output=Tied())
    whole.train(X, y, epochs=4, optimizer="adam", verbose=False)
    half.train(X, y, epochs=2, optimizer="adam", verbose=False,
               callbacks=[nn.Checkpoint(tmp_path)])
    again = network(output=Tied())
    again.train(X, y, epochs=4, optimizer="adam", verbose=False, resume=tmp_path)
    assert same(again, whole)


@pytest.mark.parametrize("make, error, words", [
    (lambda: network().output(np.full((2, 4), 7)), ValueError, "0 to 6, got 7"),
    (lambda: network().output(np.full((2, 4), -1)), ValueError, "0 to 6, got -1"),
    (lambda: network().output(np.zeros((2, 4))), TypeError, "whole numbers"),
    (lambda: network().output(np.zeros((2, 5), int)), ValueError, r"\(n, 4\)"),
    (lambda: network(Embedding(5), Positions(3)), ValueError, "at most 3 .* got 4"),
    (lambda: network(Embedding(5), Positions(4)).forward(np.zeros((2, 5), int)),
     ValueError, "at most 4 positions, got 5"),
    (lambda: network(Embedding(5), Embedding(5)), ValueError, "as the first layer"),
    (lambda: nn.Stack(4, [Embedding(5)]), ValueError, "with a vocabulary"),
    (lambda: nn.Stack(4, [Positions()]), ValueError, "expects sequences"),
    (lambda: nn.Stack(4, [Sinusoids()]), ValueError, "expects sequences"),
    (lambda: network(Embedding(5), nn.Dense(3), output=Tied()), ValueError,
     "expects 5 units"),
    (lambda: network(nn.Residual(nn.Dense(4)), output=Tied()), ValueError,
     "which has 1.1.W"),
    (lambda: nn.Stack(4, [Tied()]), ValueError, "no tensors"),
    (lambda: network(Embedding(5), output=Tied("1.b")), ValueError, "1.E"),
    (lambda: Embedding(0), ValueError, "at least 1"),
    (lambda: Embedding(5, initializer="normal"), ValueError, "initializer"),
    (lambda: Embedding(5, regularizer=3), TypeError, "regularizer"),
    (lambda: Positions(0), ValueError, "at least 1"),
    (lambda: nn.Network(4, vocabulary=7).add_output_layer(
        nn.Dense(2), nn.Softmax(), "he"), ValueError, "of its own"),
])
def test_what_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_shorter_sequence_uses_the_first_positions():
    model = network(Embedding(5), Positions(9), dtype=np.float64)
    _, positions, _ = model.layers
    Z = model.forward(X[:, :2], training=True)
    assert np.allclose(Z, model.forward(X)[:, :2], rtol=0, atol=1e-15)
    positions.dP[...] = np.nan
    model.backward(np.ones_like(Z))
    assert not positions.dP[2:].any() and positions.dP[:2].all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, complex])
@pytest.mark.parametrize("m, k", [(1, 1), (5, 1), (40, 3), (40, 100)])
def test_rows_are_added_by_word(m, k, dtype):
    words, rows = rng.integers(k, size=m), rng.normal(size=(m, 4)).astype(dtype)
    sums, expected = np.full((k, 4), 7, dtype), np.zeros((k, 4), dtype)
    scatter_add(rows, words, sums)
    np.add.at(expected, words, rows)
    assert np.allclose(sums, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_normalised_features_do_not_depend_on_the_size_or_the_company(kind, dtype):
    stack = nn.Stack((3, 8), [kind()], 0, dtype)
    V = rng.normal(size=(5, 3, 8)).astype(dtype)
    Z = stack.forward(V)
    assert Z.dtype == dtype and np.array_equal(Z[1:2], stack.forward(V[1:2]))
    assert np.allclose((Z * Z).mean(axis=-1), 1, atol=1e-3)
    assert np.allclose(stack.forward(100 * V), Z, atol=1e-3)
    if kind is LayerNorm:
        assert np.allclose(stack.forward(V + 5), Z, atol=1e-4)
    assert not stack.weights_in_theta().any()


def test_prediction_keeps_nothing_and_waves_have_the_precision_of_the_network():
    for dtype in (np.float32, np.float64):
        model = network(Embedding(6), Sinusoids(), LayerNorm(), output=Tied(),
                        dtype=dtype)
        assert model.output(X).dtype == dtype
        assert not any(layer.kept for layer in model.layers)
    assert sinusoids(3, 5, np.dtype(float)).shape == (3, 5)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64"])
def test_words_are_whole_numbers_of_any_type(dtype):
    """Where a pointer has 32 bits, and for uint64 everywhere, words do not fit into the
    type of an index by NumPy's rules; their values do."""
    model = network()
    words = np.array([[0, 1, 6, 2], [3, 3, 0, 5]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(model.output(words.astype(dtype)), model.output(words))
