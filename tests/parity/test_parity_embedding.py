"""Embeddings, tied weights, layer and RMS normalisation against PyTorch."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn_from_scratch as nn
from nn_from_scratch.embedding import Embedding, Positions, Tied
from nn_from_scratch.normalization import LayerNorm, RMSNorm

rng = np.random.default_rng(0)


def parameter(values):
    return torch.nn.Parameter(torch.tensor(np.array(values)))


def norm_twin(layer):
    "The function of PyTorch, and its parameters in the order of ours."
    d, values = len(layer.gamma), [parameter(layer.gamma)]
    if isinstance(layer, RMSNorm):
        return lambda X: F.rms_norm(X, (d,), values[0], 1e-5), values
    values.append(parameter(layer.b))
    return lambda X: F.layer_norm(X, (d,), *values, 1e-5), values


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(1,), (7,), (1, 4), (7, 4), (3, 2, 2)], ids=str)
@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
def test_normalisation(kind, shape, d, compare):
    stack = nn.Stack((*shape[1:], d), [kind()], seed=0, dtype=np.float64)
    stack.theta = rng.normal(size=stack.theta.size)
    [layer] = stack.layers
    x, upstream = rng.normal(size=(2, *shape, d))
    function, values = norm_twin(layer)
    X = torch.tensor(x, requires_grad=True)
    A = function(X)
    A.backward(torch.tensor(upstream))
    name, few = kind.__name__, ""
    # of so few features nothing but the effect of epsilon is left
    if kind is LayerNorm and d == 2:
        few = " of two features"
    if kind is RMSNorm and d == 1:
        few = " of one feature"
    compare("layer", f"{name}, value{few}", stack.forward(x, training=True), A)
    dX = layer.backward(upstream)
    if kind is LayerNorm and d == 1:  # all is 0, and rounding in PyTorch
        assert not dX.any() and not layer.dgamma.any()
        return
    compare("layer", f"{name}, dX{few}", dX, X.grad, 1e-8 if few else 1e-10)
    for tensor, value in zip(layer.parameters, values):
        compare("layer", f"{name}, d{tensor}", getattr(layer, f"d{tensor}"), value.grad)


@pytest.mark.parametrize("n, T, d", [(1, 1, 1), (1, 5, 2), (7, 2, 3), (7, 4, 5)])
def test_embedding(n, T, d, compare):
    stack = nn.Stack(T, [Embedding(d)], seed=0, dtype=np.float64, vocabulary=6)
    x, upstream = rng.integers(6, size=(n, T)), rng.normal(size=(n, T, d))
    E = parameter(stack.layers[0].E)
    A = F.embedding(torch.tensor(x), E)
    A.backward(torch.tensor(upstream))
    compare("layer", "Embedding, value", stack.forward(x, training=True), A)
    stack.backward(upstream)
    compare("layer", "Embedding, dE", stack.layers[0].dE, E.grad)


@pytest.mark.parametrize("optimizer, theirs, eta", [
    ("gradient_descent", torch.optim.SGD, 0.5), ("adam", torch.optim.Adam, 0.01)])
@pytest.mark.parametrize("kind", [LayerNorm, RMSNorm])
def test_ten_steps_of_a_tied_network(
        kind, optimizer, theirs, eta, compare, losses_of):
    model = nn.Network(4, seed=0, dtype=np.float64, vocabulary=6)
    for layer in (Embedding(5), Positions(), kind(), nn.Dense(5, nn.Tanh())):
        model.add(layer)
    model.add_output_layer(Tied(), nn.Softmax())
    embedding, positions, norm, dense, _ = model.layers
    function, values = norm_twin(norm)
    E, P, W, b = map(parameter, (embedding.E, positions.P, dense.W, dense.b))
    x = rng.integers(6, size=(7, 4))
    y = np.roll(x, -1, axis=1)
    def loss():
        A = torch.tanh(function(F.embedding(torch.tensor(x), E) + P) @ W + b)
        return F.cross_entropy((A @ E.T).transpose(1, 2), torch.tensor(y))
    losses = losses_of(theirs([E, P, *values, W, b], eta), loss)
    stats = model.train(x, y, epochs=10, batch_size=7, shuffle=False, eta=eta,
                        optimizer=optimizer, verbose=False)
    name = f"tied embedding, {kind.__name__}, {optimizer}"
    compare("ten steps, losses", name, stats["train_loss"], losses)
    flat = np.concatenate(
        [value.detach().numpy().ravel() for value in (E, P, *values, W, b)])
    compare("ten steps, parameters", name, model.theta, flat)
