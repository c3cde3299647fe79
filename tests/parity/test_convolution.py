"""Convolution, pooling, batch normalisation of images and ten steps of a small network
against PyTorch."""
import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn_from_scratch as nn
from nn_from_scratch.convolution import AvgPool2D, Conv2D, MaxPool2D

rng = np.random.default_rng(0)


def parameter(values):
    return torch.nn.Parameter(torch.tensor(np.array(values)))


def channels_first(images):
    return np.moveaxis(images, -1, 1)


def kernel_of(W):
    return np.transpose(W, (3, 2, 0, 1))


def alone(layer, shape):
    "A layer with parameters at random, that passes on its gradient."
    stack = nn.Stack(shape, [layer], seed=0, dtype=np.float64)
    stack.theta = rng.normal(size=stack.theta.size)
    layer.needs_dX = True
    return layer


def compare_layer(compare, name, layer, theirs, shape):
    "Value and gradient at the images; returns them as PyTorch has them."
    x = rng.normal(size=shape)
    X = torch.tensor(channels_first(x).copy(), requires_grad=True)
    A = theirs(X)
    ours = layer.forward(x, training=True)
    upstream = rng.normal(size=ours.shape)
    A.backward(torch.tensor(channels_first(upstream).copy()))
    compare("layer", f"{name}, value", channels_first(ours), A)
    dX = layer.backward(upstream)
    compare("layer", f"{name}, dX", channels_first(dX), X.grad)


@pytest.mark.parametrize("kernel", [1, 2, 3, 5, 7, (2, 3)])
@pytest.mark.parametrize("stride", [1, 2, 3, (2, 1)])
@pytest.mark.parametrize("padding", ["valid", "same", 1, (0, 2)])
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_convolution(kernel, stride, padding, compare):
    if padding == "same" and stride != 1:
        return  # PyTorch has none
    for n, c in ((1, 1), (7, 1), (1, 2), (2, 3), (7, 5)):
        layer = alone(Conv2D(3, kernel, None, stride, padding), (7, 8, c))
        W, b = parameter(kernel_of(layer.W)), parameter(layer.b)
        compare_layer(
            compare, "convolution", layer,
            lambda X, W=W, b=b: F.conv2d(X, W, b, stride, padding), (n, 7, 8, c),
        )
        compare("layer", "convolution, dW", kernel_of(layer.dW), W.grad)
        compare("layer", "convolution, db", layer.db, b.grad)


@pytest.mark.parametrize(
    "size, stride", [(2, None), (3, 2), (2, 3), ((3, 2), (1, 2)), (5, 1), (1, 1)]
)
@pytest.mark.parametrize(
    "kind, theirs", [(MaxPool2D, F.max_pool2d), (AvgPool2D, F.avg_pool2d)]
)
def test_pooling(kind, theirs, size, stride, compare):
    for n, c in ((1, 1), (7, 2), (2, 5)):
        compare_layer(
            compare, kind.__name__, alone(kind(size, stride), (7, 6, c)),
            lambda X: theirs(X, size, stride), (n, 7, 6, c),
        )


def test_the_first_of_equal_pixels_takes_the_gradient():
    x = rng.integers(0, 2, size=(4, 6, 6, 3)).astype(float)
    X = torch.tensor(channels_first(x).copy(), requires_grad=True)
    for size, stride in ((2, 2), (3, 1)):
        layer = alone(MaxPool2D(size, stride), (6, 6, 3))
        upstream = rng.normal(size=layer.forward(x, training=True).shape)
        X.grad = None
        F.max_pool2d(X, size, stride).backward(
            torch.tensor(channels_first(upstream).copy())
        )
        dX = channels_first(layer.backward(upstream))
        assert np.allclose(dX, X.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 3, 4, 1), (7, 5, 2, 3), (4, 1, 1, 5)], ids=str)
def test_batch_normalisation_of_images(shape, compare):
    layer = alone(nn.BatchNorm(), shape[1:])
    layer.gamma = rng.uniform(0.5, 2, shape[-1])
    norm = torch.nn.BatchNorm2d(shape[-1])
    norm.weight, norm.bias = parameter(layer.gamma), parameter(layer.b)
    compare_layer(compare, "batch norm of images", layer, norm, shape)
    name = "batch norm of images, gradients"
    compare("layer", name, layer.dgamma, norm.weight.grad)
    compare("layer", name, layer.db, norm.bias.grad)
    statistics = "batch norm of images, statistics"
    compare("layer", statistics, layer.mean, norm.running_mean)
    compare("layer", statistics, layer.variance, norm.running_var)


def network():
    model = nn.Network((8, 8, 1), seed=0, dtype=np.float64)
    for layer in (
        Conv2D(4, 3, None, padding="same", bias=False), nn.BatchNorm(), nn.Tanh(),
        MaxPool2D(2), Conv2D(6, (3, 2), nn.Tanh(), stride=(1, 2), padding=1),
        AvgPool2D(2, 1), nn.Flatten(),
    ):
        model.add(layer)
    model.add_output_layer(10, nn.Softmax())
    return model


class Twin(torch.nn.Module):
    "The same network, with copies of the parameters in the order of ours."

    def __init__(self, model):
        super().__init__()
        first, norm, _, _, second, _, _, last = model.layers
        values = (
            kernel_of(first.W), norm.gamma, norm.b, kernel_of(second.W), second.b,
            last.W, last.b,
        )
        self.values = torch.nn.ParameterList(map(parameter, values))

    def forward(self, X):
        W1, gamma, beta, W2, b2, W3, b3 = self.values
        X = F.conv2d(X, W1, padding="same")
        X = F.max_pool2d(torch.tanh(F.batch_norm(X, None, None, gamma, beta, True)), 2)
        X = torch.tanh(F.conv2d(X, W2, b2, (1, 2), 1))
        X = F.avg_pool2d(X, 2, 1).permute(0, 2, 3, 1).flatten(1)
        return X @ W3 + b3


def test_ten_steps_of_a_small_network(compare, losses_of):
    pixels, labels = nn.digits()
    x, y = pixels[:100].reshape(-1, 8, 8, 1), labels[:100]
    model = network()
    twin = Twin(model)
    stats = model.train(
        x, y, epochs=10, batch_size=100, optimizer="adam", eta=0.01, shuffle=False,
        verbose=False,
    )
    steps = torch.optim.Adam(twin.parameters(), 0.01)
    X, Y = torch.tensor(channels_first(x).copy()), torch.tensor(y)
    curve = losses_of(steps, lambda: F.cross_entropy(twin(X), Y))
    assert curve[-1] < 0.9 * curve[0]
    name = "small convolutional network, adam"
    compare("training curve, ten steps", name, stats["train_loss"], curve)
