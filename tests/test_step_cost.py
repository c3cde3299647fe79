"""What one training step costs, without a clock: NumPy calls, new arrays above 1 kB,
memory at its peak."""
import sys
import tracemalloc

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.objective import Objective
from nn_from_scratch.data import checked


class Counted(np.ndarray):
    """An array that counts the NumPy calls it takes part in, and the arrays above 1 kB
    that they make."""
    calls = made = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **more):
        plain = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        if out is not None:
            more["out"] = tuple(
                x.view(np.ndarray) if isinstance(x, Counted) else x for x in out
            )
        result = getattr(ufunc, method)(*plain, **more)
        Counted.calls += 1
        if out is not None:
            return out[0]
        if not isinstance(result, np.ndarray):
            return result
        Counted.made += result.nbytes > 1024
        return result.view(Counted)

    def dot(self, other, out=None):
        result = self.view(np.ndarray).dot(
            other.view(np.ndarray), out=out if out is None else out.view(np.ndarray)
        )
        Counted.calls += 1
        Counted.made += out is None and result.nbytes > 1024
        return result.view(Counted) if out is None else out


def network(widths, output, optimizer):
    "A network whose optimiser has begun, and one step of its training on a batch."
    model = nn.Network(widths[0], seed=0)
    for units in widths[1:-1]:
        model.add_layer(units, nn.ReLU())
    model.add_output_layer(widths[-1], output)
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(128, widths[0])), rng.integers(0, max(widths[-1], 2), 128)
    model.train(X, y, epochs=1, optimizer=optimizer, verbose=False)
    X, Y, _ = checked(model, X, y).block(0, 128)

    def step(size, X=X):
        Objective(model, model.head, model.regularizer).gradient(X[:size], Y[:size])
        model.optimizer.step(model.theta, model.grad, 0.01)

    step(32), step(128)  # whatever a first step of this size sets up
    return model, X, step


README = (2, 16, 8, 1), nn.Sigmoid(), "gradient_descent"
MNIST = (784, 128, 64, 10), nn.Softmax(), "adam"


# A number here may fall; where it rises, a step has become dearer.
@pytest.mark.parametrize(
    "recipe, size, calls, made", [(README, 32, 28, 4), (MNIST, 128, 30, 16)],
    ids=["README", "MNIST"],
)
def test_calls_and_arrays_of_a_step(recipe, size, calls, made, monkeypatch):
    model, X, step = network(*recipe)
    monkeypatch.setattr(np, "asarray", np.asanyarray)  # keeps the counting kind
    monkeypatch.setattr(
        nn.layers, "ones", lambda n, dtype: np.ones(n, dtype).view(Counted)
    )
    model.numbers.bind(model.theta.view(Counted), model.grad.view(Counted))
    Counted.calls = Counted.made = 0
    step(size, X.view(Counted))
    assert 20 < Counted.calls <= calls and Counted.made <= made


@pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="limits of NumPy 2"
)
@pytest.mark.parametrize(
    "recipe, size, peak", [(README, 32, 9_000), (MNIST, 128, 185_000)],
    ids=["README", "MNIST"],
)
def test_memory_of_a_step(recipe, size, peak):
    _, _, step = network(*recipe)
    tracemalloc.start()
    try:
        step(size)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        step(size)
        used = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert used <= peak, used


def python_calls(function):
    "How many functions are called, in Python and from it."
    count = [0]
    def counting(frame, event, argument):
        count[0] += event in ("call", "c_call")
    sys.setprofile(counting)
    try:
        function()
    finally:
        sys.setprofile(None)
    return count[0]


def calls_of_steps(compiled, rows, callbacks=()):
    "Of the second epoch of a run in batches of 32."
    model = nn.Network(2, seed=0)
    for units in (16, 8):
        model.add_layer(units, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid())
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(rows, 2)), rng.integers(0, 2, rows)
    def train(epochs):
        return lambda: model.train(
            X, y, epochs=epochs, optimizer="adam", compiled=compiled, verbose=False,
            callbacks=list(callbacks),
        )
    train(2)()  # what is imported and compiled once
    return python_calls(train(2)) - python_calls(train(1))


def test_calls_of_a_compiled_epoch_do_not_depend_on_its_steps():
    pytest.importorskip("numba")
    few, many = (calls_of_steps(True, 32 * steps) for steps in (10, 100))
    assert few == many <= 420, many


class Looking(nn.Callback):
    def on_batch_end(self, network):
        pass


def test_calls_of_a_step_with_a_compiled_rule():
    pytest.importorskip("numba")
    per_step = {
        compiled: (calls_of_steps(compiled, 640, [Looking()])
                   - calls_of_steps(compiled, 320, [Looking()])) / 10
        for compiled in (False, True)
    }
    assert per_step[False] <= 60 and per_step[True] <= 100, per_step
