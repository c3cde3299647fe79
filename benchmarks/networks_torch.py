"""The networks of `networks.py` in PyTorch: what its users write for each layer of
ours, by the name of the layer."""
import numpy as np
import torch
from networks import DECAY, ETA, classifies
from torch import nn
from torch.nn import functional as F


def copied(module, **tensors):
    "A module with values of ours in the place of its own."
    with torch.no_grad():
        for name, values in tensors.items():
            getattr(module, name).copy_(torch.from_numpy(values.copy()))
    return module


def linear(W, b):
    return copied(nn.Linear(*W.shape), weight=W.T, bias=b)


def convolution(layer):
    module = nn.Conv2d(layer.W.shape[2], layer.filters, layer.kernel)
    return copied(module, weight=layer.W.transpose(3, 2, 0, 1), bias=layer.b)


class Rows(nn.Module):
    "Numbers of a sample in one row, in our order."
    def forward(self, X):
        return X.permute(0, 2, 3, 1).flatten(1)


class Outputs(nn.LSTM):
    def forward(self, X):
        return super().forward(X)[0]


def lstm(layer):
    k = layer.n_units
    order = np.r_[:2 * k, 3 * k:4 * k, 2 * k:3 * k]  # its output gate comes last
    module = copied(
        Outputs(len(layer.W), k, batch_first=True),
        weight_ih_l0=layer.W.T[order], weight_hh_l0=layer.W_h.T[order],
        bias_ih_l0=layer.b[order], bias_hh_l0=np.zeros(4 * k, np.float32),
    )
    module.bias_hh_l0.requires_grad_(False)  # the second bias, which we do not have
    return module


class Attention(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.n_heads = layer.n_heads
        self.project = linear(layer.W, layer.b)
        self.out = linear(layer.W_o, layer.b_o)

    def forward(self, X):
        n, positions, d = X.shape
        QKV = self.project(X).view(n, positions, 3, self.n_heads, d // self.n_heads)
        C = F.scaled_dot_product_attention(
            *QKV.permute(2, 0, 3, 1, 4), is_causal=True
        )
        return self.out(C.transpose(1, 2).reshape(n, positions, d))


class Residual(nn.Sequential):
    def forward(self, X):
        return X + super().forward(X)


class Positions(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.P = nn.Parameter(torch.from_numpy(layer.P.copy()))

    def forward(self, X):
        return X + self.P


class Tied(nn.Module):
    def __init__(self, embedding):
        super().__init__()
        self.embedding = embedding

    def forward(self, X):
        return F.linear(X, self.embedding.weight)


MODULES = {
    "Conv2D": convolution,
    "MaxPool2D": lambda layer: nn.MaxPool2d(layer.size),
    "Flatten": lambda layer: Rows(),
    "Dense": lambda layer: linear(layer.W, layer.b),
    "LSTM": lstm,
    "MultiHeadAttention": Attention,
    "LayerNorm": lambda layer: nn.LayerNorm(layer.b.shape),
    "Residual": lambda layer: Residual(*modules(layer.children)),
    "Embedding": lambda layer: copied(nn.Embedding(*layer.E.shape), weight=layer.E),
    "Positions": Positions,
}
ACTIVATIONS = {"ReLU": nn.ReLU, "GELU": nn.GELU}


def kind(thing):
    return type(thing).__name__


def modules(layers):
    "The layers in order, each with its activation behind it."
    found = []
    for layer in layers:
        tied = kind(layer) == "Tied"
        found.append(Tied(found[0]) if tied else MODULES[kind(layer)](layer))
        activation = getattr(layer, "activation", None)
        if activation:
            found.append(ACTIVATIONS[kind(activation)]())
    return found


def start(model, case, X, y):
    net = nn.Sequential(*modules(model.layers))
    decayed, others = [], []
    for name, parameter in net.named_parameters():
        is_weight = parameter.ndim > 1 and not name.endswith(".P")
        if parameter.requires_grad:
            (decayed if is_weight else others).append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0}],
        ETA, weight_decay=DECAY, fused=True,
    )
    X, y = torch.from_numpy(X), torch.from_numpy(y)
    if case.network == "convolutions":
        X = X.permute(0, 3, 1, 2).contiguous()

    def loss(Z):
        if classifies(model):
            return F.cross_entropy(Z.flatten(0, -2), y.flatten())
        return F.mse_loss(Z, y, reduction="sum") / y[..., 0].numel()

    def step():
        optimizer.zero_grad()
        loss(net(X)).backward()
        optimizer.step()

    def outputs():
        with torch.inference_mode():
            Z = net(X)
            return (Z.softmax(-1) if classifies(model) else Z).numpy()
    return step, outputs
