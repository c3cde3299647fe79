"""Attention and transformer blocks against PyTorch."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn_from_scratch as nn
from nn_from_scratch.attention import (
    MultiHeadAttention, attention_gradient, scaled_dot_product_attention)
from nn_from_scratch.embedding import Embedding, Positions, Tied
from nn_from_scratch.normalization import LayerNorm
from nn_from_scratch.transformer import transformer_block

rng = np.random.default_rng(0)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n, h, T, d", [
    (1, 1, 1, 1), (1, 2, 5, 3), (7, 1, 2, 5), (7, 3, 4, 2), (7, 5, 3, 1)])
def test_scaled_dot_product_attention(n, h, T, d, causal, compare):
    arrays, upstream = rng.normal(size=(3, n, h, T, d)), rng.normal(size=(n, h, T, d))
    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    theirs = F.scaled_dot_product_attention(*tensors, is_causal=causal)
    theirs.backward(torch.tensor(upstream))
    C, A = scaled_dot_product_attention(*arrays, causal)
    name = "scaled dot-product attention" + (", causal" if causal else "")
    compare("function", f"{name}, value", C, theirs)
    gradients = attention_gradient(upstream, *arrays, C, A)
    for letter, ours, tensor in zip("QKV", gradients, tensors):
        gradient = tensor.grad.numpy()
        if T == 1 and letter != "V":  # one weight is always 1: rounding alone
            assert np.abs(ours).max() < 1e-14
            continue
        if causal and letter == "Q":  # so is that of the first query
            assert np.abs(ours[:, :, 0]).max() < 1e-14
            ours, gradient = ours[:, :, 1:], gradient[:, :, 1:]
        compare("function", f"{name}, d{letter}", ours, gradient)


def transposed(values):
    return torch.tensor(np.array(values).T.copy())


def fill_attention(module, layer):
    module.in_proj_weight.copy_(transposed(layer.W))
    module.in_proj_bias.copy_(torch.tensor(np.array(layer.b)))
    module.out_proj.weight.copy_(transposed(layer.W_o))
    module.out_proj.bias.copy_(torch.tensor(np.array(layer.b_o)))


def attention_gradients(module):
    return {"dW": module.in_proj_weight.grad.T, "db": module.in_proj_bias.grad,
            "dW_o": module.out_proj.weight.grad.T, "db_o": module.out_proj.bias.grad}


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n, T, h, d", [
    (1, 1, 1, 1), (1, 5, 2, 4), (7, 2, 3, 3), (7, 4, 1, 5), (7, 3, 5, 10)])
def test_multi_head_attention(n, T, h, d, causal, compare):
    layer = MultiHeadAttention(h, causal)
    stack = nn.Stack((T, d), [layer], 0, np.float64)
    stack.theta = rng.normal(size=stack.theta.size) / d**0.5
    layer.needs_dX = True
    module = torch.nn.MultiheadAttention(d, h, batch_first=True)
    with torch.no_grad():
        fill_attention(module, layer)
    x, upstream = rng.normal(size=(2, n, T, d))
    X = torch.tensor(x, requires_grad=True)
    mask = torch.triu(torch.full((T, T), -torch.inf), 1) if causal else None
    theirs, maps = module(X, X, X, attn_mask=mask, average_attn_weights=False)
    theirs.backward(torch.tensor(upstream))
    name = "MultiHeadAttention" + (", causal" if causal else "")
    compare("layer", f"{name}, value", stack.forward(x, training=True), theirs)
    compare("layer", f"{name}, weights", layer.weights(x), maps)
    compare("layer", f"{name}, dX", layer.backward(upstream), X.grad)
    for tensor, gradient in attention_gradients(module).items():
        ours, gradient = getattr(layer, tensor), gradient.numpy()
        if tensor == "db":  # that of the keys is rounding alone
            assert np.abs(ours[d:2 * d]).max() < 1e-13
            ours, gradient = (np.delete(v, np.s_[d:2 * d]) for v in (ours, gradient))
        if tensor == "dW" and T == 1:  # as are those of queries and keys of one place
            ours, gradient = ours[:, 2 * d:], gradient[:, 2 * d:]
        if tensor == "db" and T == 1:
            ours, gradient = ours[d:], gradient[d:]
        compare("layer", f"{name}, {tensor}", ours, gradient)


def twin_block(layers, d, h, k, pre_norm):
    "PyTorch's block with the parameters of ours."
    block = torch.nn.TransformerEncoderLayer(
        d, h, k, dropout=0, activation="gelu", batch_first=True, norm_first=pre_norm)
    if pre_norm:
        (norm1, attention), (norm2, hidden, dense) = (
            layer.children for layer in layers)
    else:
        first, norm1, second, norm2 = layers
        [attention], (hidden, dense) = first.children, second.children
    with torch.no_grad():
        fill_attention(block.self_attn, attention)
        for theirs, ours in ((block.linear1, hidden), (block.linear2, dense)):
            theirs.weight.copy_(transposed(ours.W))
            theirs.bias.copy_(torch.tensor(np.array(ours.b)))
        for theirs, ours in ((block.norm1, norm1), (block.norm2, norm2)):
            theirs.weight.copy_(torch.tensor(np.array(ours.gamma)))
            theirs.bias.copy_(torch.tensor(np.array(ours.b)))
    norms = [(block.norm1, norm1), (block.norm2, norm2)]
    linear = [(block.linear1, hidden), (block.linear2, dense)]
    return block, attention, norms, linear


def values_of(block, norms, linear, part):
    "Values or gradients by layer of ours, as ours are laid out."
    module = block.self_attn
    yield "W", part(module.in_proj_weight).T
    yield "b", part(module.in_proj_bias)
    yield "W_o", part(module.out_proj.weight).T
    yield "b_o", part(module.out_proj.bias)
    for theirs, ours in linear:
        yield (ours, "W"), part(theirs.weight).T
        yield (ours, "b"), part(theirs.bias)
    for theirs, ours in norms:
        yield (ours, "gamma"), part(theirs.weight)
        yield (ours, "b"), part(theirs.bias)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("pre_norm", [True, False], ids=["pre-norm", "post-norm"])
@pytest.mark.parametrize("n, T, h, d", [(1, 5, 2, 4), (7, 3, 1, 3), (7, 4, 5, 10)])
def test_block(n, T, h, d, pre_norm, causal, compare):
    layers = transformer_block(d, h, 7, causal=causal, pre_norm=pre_norm)
    stack = nn.Stack((T, d), layers, 0, np.float64)
    stack.theta += 0.3 * rng.normal(size=stack.theta.size)
    for part in stack.parts:
        part.needs_dX = True
    block, attention, norms, linear = twin_block(layers, d, h, 7, pre_norm)
    x, upstream = rng.normal(size=(2, n, T, d))
    X = torch.tensor(x, requires_grad=True)
    mask = torch.triu(torch.full((T, T), -torch.inf), 1) if causal else None
    theirs = block(X, src_mask=mask)
    theirs.backward(torch.tensor(upstream))
    name = f"transformer block, {'pre' if pre_norm else 'post'}-norm"
    compare("layer", f"{name}, value", stack.forward(x, training=True), theirs)
    dX = upstream
    for layer in reversed(stack.layers):
        dX = layer.backward(dX)
    compare("layer", f"{name}, dX", dX, X.grad)
    for key, gradient in values_of(block, norms, linear, lambda p: p.grad.numpy()):
        layer, tensor = (attention, key) if isinstance(key, str) else key
        ours = getattr(layer, f"d{tensor}")
        if layer is attention and tensor == "b":
            ours, gradient = (np.delete(v, np.s_[d:2 * d]) for v in (ours, gradient))
        compare("layer", f"{name}, gradients", ours, gradient)


@pytest.mark.parametrize("optimizer, theirs, eta", [
    ("gradient_descent", torch.optim.SGD, 0.1), ("momentum", torch.optim.SGD, 0.1)])
@pytest.mark.parametrize("pre_norm", [True, False], ids=["pre-norm", "post-norm"])
def test_ten_steps_of_a_gpt(pre_norm, optimizer, theirs, eta, compare, losses_of):
    "Without Adam, which makes steps of full size of the keys' bias, of rounding alone."
    d, h, T = 6, 2, 4
    model = nn.Network(T, seed=0, dtype=np.float64, vocabulary=5)
    model.add(Embedding(d))
    model.add(Positions())
    layers = transformer_block(d, h, 7, pre_norm=pre_norm)
    for layer in layers:
        model.add(layer)
    model.add(LayerNorm())
    model.add_output_layer(Tied(), nn.Softmax())
    block, attention, norms, linear = twin_block(layers, d, h, 7, pre_norm)
    E, P = (torch.nn.Parameter(torch.tensor(np.array(values)))
            for values in (model.layers[0].E, model.layers[1].P))
    last = torch.nn.LayerNorm(d)
    x = rng.integers(5, size=(7, T))
    y = np.roll(x, -1, axis=1)
    more = {"momentum": 0.9} if optimizer == "momentum" else {}
    steps = theirs([E, P, *block.parameters(), *last.parameters()], eta, **more)
    mask = torch.triu(torch.full((T, T), -torch.inf), 1)
    def loss():
        A = last(block(F.embedding(torch.tensor(x), E) + P, src_mask=mask))
        return F.cross_entropy((A @ E.T).transpose(1, 2), torch.tensor(y))
    losses = losses_of(steps, loss)
    stats = model.train(x, y, epochs=10, batch_size=7, shuffle=False, eta=eta,
                        optimizer=optimizer, verbose=False)
    name = f"GPT, {'pre' if pre_norm else 'post'}-norm, {optimizer}"
    compare("ten steps, losses", name, stats["train_loss"], losses)
    compare("ten steps, parameters", name, model.layers[0].E, E)
    compare("ten steps, parameters", name, model.layers[1].P, P)
    for key, values in values_of(block, norms, linear, lambda p: p.detach().numpy()):
        layer, tensor = (attention, key) if isinstance(key, str) else key
        ours = getattr(layer, tensor)
        if layer is attention and tensor == "b":
            ours, values = (np.delete(v, np.s_[d:2 * d]) for v in (ours, values))
        compare("ten steps, parameters", name, ours, values)
