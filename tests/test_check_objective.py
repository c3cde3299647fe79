"""Checks of the gradient of a network: what they see, and what they leave out."""
import numpy as np
import pytest

from nn_from_scratch import Network
from nn_from_scratch.activations import ReLU, Sigmoid, Softmax, Tanh
from nn_from_scratch.debugging import HeldObjective, check_objective
from nn_from_scratch.layers import Dense
from nn_from_scratch.optimizers import AdamW
from nn_from_scratch.regularizers import L1, L2

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 64)), RNG.integers(10, size=40)


class OneRowTwice(Dense):
    def backward(self, dA):
        dX = super().backward(dA)
        self.dW[20] *= 2
        return dX


class TwoExchanged(Dense):
    def backward(self, dA):
        dX = super().backward(dA)
        self.dW[[20, 21], 3] = self.dW[[21, 20], 3]
        return dX


class WrongBelow(Dense):
    def backward(self, dA):
        super().backward(dA)
        Z, A = self.kept[1:]
        return self.activation.backward(dA, Z, A) @ self.W


class SlopeForgotten(Tanh):
    def backward(self, dA, Z, A):
        return dA


def network(*layers, d=64, output=(10, Softmax()), **options):
    net = Network(d, seed=0, **options)
    for layer in layers:
        net.add(layer)
    net.add_output_layer(*output)
    return net


def wrong(report):
    return [name for name, *_, error, _ in report.rows if error > report.tolerance]


@pytest.mark.parametrize("kind", [OneRowTwice, TwoExchanged])
def test_a_slip_in_few_entries_is_seen_with_every_seed(kind):
    net = network(kind(12, Tanh()))
    for seed in range(40):  # by the direction, hardly ever by the entry drawn
        report = check_objective(net, X, Y, entries=1, seed=seed)
        assert wrong(report) == ["1.W"]
    assert wrong(check_objective(net, X, Y, method="complex")) == ["1.W"]


@pytest.mark.parametrize("seed", range(3))
def test_a_right_gradient_passes_with_every_seed(seed):
    net = network(Dense(12, ReLU()), Dense(12, ReLU()))
    net.regularizer = L2(.01)
    report = check_objective(net, X, Y, seed=seed)
    assert not wrong(report) and "alone" not in repr(report)


@pytest.mark.parametrize("layer, marked", [
    (Dense(5, SlopeForgotten()), ["1.W", "1.b", "2.W", "2.b"]),
    (WrongBelow(5, Tanh()), ["1.W", "1.b"])], ids=["slope forgotten", "wrong dX"])
def test_a_wrong_dX_marks_the_layer_below(layer, marked):
    net = network(Dense(5, Tanh()), layer, d=2, output=(1, Sigmoid()))
    assert wrong(check_objective(net, X[:, :2], Y % 2)) == marked


def test_a_direction_at_a_kink_is_reported():
    net = network(Dense(12, Tanh()))
    net.regularizer = L1(.1)
    net.layers[0].W[20] = 0
    report = check_objective(net, X, Y)
    line = next(line for line in repr(report).splitlines() if line.startswith("1.W"))
    assert line.endswith("drawn entries alone") and not wrong(report)


def step(**settings):
    "How far one step of rate 1 moves the parameters."
    net = network(Dense(12, Tanh()), dtype=np.float64)
    before = net.theta.copy()
    net.train(X, Y, eta=1, epochs=1, batch_size=len(X), shuffle=False, verbose=False,
              **settings)
    return before - net.theta


def test_the_gradient_checked_is_the_one_before_clipping_and_decay():
    net = network(Dense(12, Tanh()), dtype=np.float64)
    g, theta = HeldObjective(net, X, Y).gradient(), net.theta
    np.testing.assert_allclose(step(), g, rtol=1e-9, atol=1e-15)
    clipped = .1 * g / np.linalg.norm(g)
    np.testing.assert_allclose(step(clip_norm=.1), clipped, rtol=1e-9, atol=1e-15)
    decay = step(optimizer=AdamW(decay=.1)) - step(optimizer=AdamW(decay=0))
    weights = net.weights_in_theta()
    np.testing.assert_allclose(decay[weights], .1 * theta[weights], rtol=1e-9)


def test_what_is_no_network_is_refused():
    for wrong in (None, "net", np.ones(3)):
        with pytest.raises(TypeError, match="expected a Network"):
            check_objective(wrong, X, Y)
