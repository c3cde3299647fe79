"""Recurrent layers: stored, copied, counted, refused, and that they learn."""
import copy
import pickle

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.recurrence import GRU, LSTM, Orthogonal, Recurrent

rng = np.random.default_rng(0)
X, y = rng.normal(size=(40, 5, 3)), rng.integers(2, size=40)
KINDS = {
    "plain": lambda **more: Recurrent(4, **more),
    "rectified": lambda **more: Recurrent(4, nn.ReLU(), **more),
    "LSTM": lambda **more: LSTM(4, **more),
    "GRU": lambda **more: GRU(4, **more),
}


def network(*layers, dtype=np.float32):
    model = nn.Network((5, 3), seed=0, dtype=dtype)
    for layer in layers:
        model.add(layer)
    model.add_output_layer(1, nn.Sigmoid())
    return model


def train(model):
    model.train(X, y, epochs=2, optimizer="adam", verbose=False)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_stored_copied_and_pickled_networks_train_on_alike(make, tmp_path):
    model = network(
        make(return_sequences=True, regularizer=nn.L2(0.1), truncate=3),
        make(initializer="uniform", recurrent_initializer=Orthogonal(0.9)))
    train(model)
    model.save(tmp_path / "a")
    twins = [nn.Network.load(tmp_path / "a"), copy.copy(model),
             copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    before = model.theta.copy()
    train(model)
    for twin in twins:
        assert repr(twin) == repr(model) and np.array_equal(twin.theta, before)
        assert [layer.truncate for layer in twin.layers[:2]] == [3, None]
        train(twin)
        assert np.array_equal(twin.theta, model.theta)
        twin.reset()
    assert all(np.array_equal(twins[0].theta, twin.theta) for twin in twins)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_prediction_keeps_nothing_and_equals_the_pass_in_training(make):
    for sequences in (False, True):
        model = network(make(return_sequences=sequences), *(
            [nn.Flatten()] if sequences else []))
        outputs = model.output(X)
        assert not model.layers[0].kept and outputs.dtype == np.float32
        Z = model.forward(X.astype(np.float32), training=True)
        assert np.array_equal(model.head.output(Z), outputs)
        assert np.allclose(model.output(X[0]), outputs[0], atol=1e-6)
    last = nn.Stack((5, 3), [make()], 0).forward(X)
    every = nn.Stack((5, 3), [make(return_sequences=True)], 0).forward(X)
    assert np.array_equal(every[:, -1], last) and every.shape == (40, 5, 4)


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_a_state_depends_on_nothing_that_comes_after(make):
    stack = nn.Stack((5, 3), [make(return_sequences=True)], 0, np.float64)
    changed = X.copy()
    changed[:, 3:] += 1
    before, after = stack.forward(X), stack.forward(changed)
    assert np.array_equal(before[:, :3], after[:, :3])
    assert np.all(before[:, 3:] != after[:, 3:], axis=(1, 2)).any()


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_objective_of_a_network(make):
    model = network(make(return_sequences=True), make(), dtype=np.float64)
    model.train(X, y, epochs=1, regularizer="l2", verbose=False)
    report = nn.check_objective(model, X[:7], y[:7], entries=10)
    assert report.error < 1e-6


def test_first_values():
    stack = nn.Stack((5, 3), [LSTM(4), ], 0, np.float64)
    [lstm] = stack.layers
    assert lstm.b.tolist() == 4 * [0] + 4 * [1] + 8 * [0]
    for start in range(0, 16, 4):
        block = lstm.W_h[:, start:start + 4]
        assert np.allclose(block.T @ block, np.eye(4), atol=1e-14)
    assert stack.weights_in_theta().sum() == (3 + 4) * 16
    for shape in ((6, 2), (2, 6)):
        Q = Orthogonal(3)(rng, *shape)
        assert Q.shape == shape
        assert np.allclose(np.linalg.svd(Q, compute_uv=False), 3)
    many = np.concatenate([Orthogonal()(rng, 5, 5).ravel() for _ in range(400)])
    assert abs(many.mean()) < 0.02
    assert abs(many.var() / Orthogonal().variance(5, 5) - 1) < 0.02


@pytest.mark.parametrize("make, error, words", [
    (lambda: nn.Stack(3, [LSTM(4)]), ValueError, "expects sequences"),
    (lambda: nn.Stack((5, 3), [GRU(4), GRU(4)]), ValueError, "expects sequences"),
    (lambda: LSTM(0), ValueError, "at least 1"),
    (lambda: LSTM(4, truncate=0), ValueError, "at least 1"),
    (lambda: LSTM(4, truncate=1.5), TypeError, "integer"),
    (lambda: Recurrent(4, "tanh"), TypeError, "activation"),
    (lambda: LSTM(4, nn.Tanh()), TypeError, "return_sequences"),
    (lambda: GRU(4, recurrent_initializer="orthogonal"), ValueError, "initializer"),
    (lambda: GRU(4, regularizer="l2"), TypeError, "regularizer"),
    (lambda: Orthogonal(0), ValueError, "scale"),
    (lambda: network(GRU(4)).output(X[:, :, :2]), ValueError, r"\(n, 5, 3\)"),
])
def test_what_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_the_order_of_a_sequence_is_learned():
    "Which of two marks came first: no bag of positions knows it."
    n, T = 400, 8
    first, late = np.arange(n) % 2, rng.integers(4, T, n)
    early = rng.integers(0, 4, n)
    marks = np.zeros((n, T, 2))
    marks[np.arange(n), early, first] = 1
    marks[np.arange(n), late, 1 - first] = 1
    for kind in (LSTM, GRU):
        model = nn.Network((T, 2), seed=0)
        model.add(kind(6))
        model.add_output_layer(1, nn.Sigmoid())
        model.train(marks[:300], first[:300], epochs=12, optimizer="adam", eta=0.02,
                    clip_norm=1, verbose=False)
        said = model.output(marks[300:])[:, 0] > 0.5
        assert (said == first[300:]).mean() > 0.97
