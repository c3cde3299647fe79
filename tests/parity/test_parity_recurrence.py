"""Recurrent layers against PyTorch, whose blocks stand in another order."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn_from_scratch as nn
from nn_from_scratch.recurrence import GRU, LSTM, Recurrent

rng = np.random.default_rng(0)
KINDS = {
    "Recurrent": (lambda k, **more: Recurrent(k, **more), torch.nn.RNN, [0]),
    "Recurrent, ReLU": (
        lambda k, **more: Recurrent(k, nn.ReLU(), **more),
        lambda d, k, **more: torch.nn.RNN(d, k, nonlinearity="relu", **more), [0]),
    "LSTM": (LSTM, torch.nn.LSTM, [0, 1, 3, 2]),  # input, forget, candidate, output
    "GRU": (GRU, torch.nn.GRU, [0, 1, 2]),
}


def blocks(values, order, k):
    "Blocks of `k` columns in another order, which is its own inverse."
    return np.concatenate([values[..., k * i:k * (i + 1)] for i in order], axis=-1)


def twin(layer, make, order, d):
    "The same in PyTorch, and names and gradients as ours have them."
    k = layer.n_units
    module = make(d, k, batch_first=True)
    with torch.no_grad():
        module.weight_ih_l0.copy_(torch.tensor(blocks(layer.W, order, k).T.copy()))
        module.weight_hh_l0.copy_(torch.tensor(blocks(layer.W_h, order, k).T.copy()))
        module.bias_ih_l0.copy_(torch.tensor(blocks(layer.b, order, k)))
        module.bias_hh_l0.zero_()
        if isinstance(layer, GRU):
            module.bias_hh_l0[2 * k:] = torch.tensor(np.array(layer.b_h))
    def tensors(part):
        found = {"W": part(module.weight_ih_l0).T, "W_h": part(module.weight_hh_l0).T,
                 "b": part(module.bias_ih_l0)}
        found = {name: blocks(value.numpy(), order, k) for name, value in found.items()}
        if isinstance(layer, GRU):
            found["b_h"] = part(module.bias_hh_l0)[2 * k:].numpy()
        return found
    return module, tensors


def said(module, X, sequences):
    outputs = module(X)[0]
    return outputs if sequences else outputs[:, -1]


@pytest.mark.parametrize("sequences", [False, True], ids=["last", "sequences"])
@pytest.mark.parametrize("n, T, k", [
    (1, 1, 1), (1, 5, 2), (7, 1, 3), (7, 2, 5), (7, 3, 1), (7, 5, 5)])
@pytest.mark.parametrize("name", KINDS)
def test_layer(name, n, T, k, sequences, compare):
    ours, theirs, order = KINDS[name]
    stack = nn.Stack((T, 4), [ours(k, return_sequences=sequences)], 0, np.float64)
    stack.theta = rng.normal(size=stack.theta.size)
    [layer] = stack.layers
    layer.needs_dX = True
    module, tensors = twin(layer, theirs, order, 4)
    x = rng.normal(size=(n, T, 4))
    X = torch.tensor(x, requires_grad=True)
    A = said(module, X, sequences)
    upstream = rng.normal(size=A.shape)
    A.backward(torch.tensor(upstream))
    compare("layer", f"{name}, value", stack.forward(x, training=True), A)
    compare("layer", f"{name}, prediction", stack.forward(x), A)
    compare("layer", f"{name}, dX", layer.backward(upstream), X.grad)
    for tensor, gradient in tensors(lambda p: p.grad).items():
        compare("layer", f"{name}, gradients", getattr(layer, f"d{tensor}"), gradient)


@pytest.mark.parametrize("name", KINDS)
def test_truncated_gradient(name, compare):
    "As states that are detached after every third position."
    ours, theirs, order = KINDS[name]
    layer = ours(3, return_sequences=True, truncate=3)
    stack = nn.Stack((7, 4), [layer], 0, np.float64)
    module, tensors = twin(layer, theirs, order, 4)
    x, upstream = rng.normal(size=(5, 7, 4)), rng.normal(size=(5, 7, 3))
    state = None
    for start in range(0, 7, 3):
        part = slice(start, start + 3)
        A, state = module(torch.tensor(x[:, part]), state)
        A.backward(torch.tensor(upstream[:, part]))
        state = (tuple(s.detach() for s in state) if isinstance(state, tuple)
                 else state.detach())
    stack.forward(x, training=True)
    stack.backward(upstream)
    for tensor, gradient in tensors(lambda p: p.grad).items():
        compare("layer", f"{name}, truncated", getattr(layer, f"d{tensor}"), gradient)


@pytest.mark.parametrize("optimizer, theirs, eta", [
    ("gradient_descent", torch.optim.SGD, 0.1), ("adam", torch.optim.Adam, 0.01)])
@pytest.mark.parametrize("name", KINDS)
def test_ten_steps(name, optimizer, theirs, eta, compare, losses_of):
    ours, make, order = KINDS[name]
    model = nn.Network((6, 2), seed=0, dtype=np.float64)
    model.add(ours(5))
    model.add_output_layer(1, nn.Linear())
    layer, dense = model.layers
    module, tensors = twin(layer, make, order, 2)
    # both biases of PyTorch would move; ours has one where they only add
    module.bias_hh_l0.requires_grad_(name == "GRU")
    if name == "GRU":
        module.bias_hh_l0.register_hook(
        lambda grad: torch.cat([0 * grad[:10], grad[10:]]))
    W, b = (torch.nn.Parameter(torch.tensor(np.array(v))) for v in (dense.W, dense.b))
    x, y = rng.normal(size=(7, 6, 2)), rng.normal(size=(7, 1))
    learned = [p for p in module.parameters() if p.requires_grad]
    def loss():
        return F.mse_loss(said(module, torch.tensor(x), False) @ W + b, torch.tensor(y))
    losses = losses_of(theirs([*learned, W, b], eta), loss)
    stats = model.train(x, y, epochs=10, batch_size=7, shuffle=False, eta=eta,
                        optimizer=optimizer, verbose=False)
    compare("ten steps, losses", f"{name}, {optimizer}", stats["train_loss"], losses)
    for tensor, values in tensors(lambda p: p.detach()).items():
        compare("ten steps, parameters", f"{name}, {optimizer}",
                getattr(layer, tensor), values)
    compare("ten steps, parameters", f"{name}, {optimizer}", dense.W, W)
