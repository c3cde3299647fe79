"""Copies learn: by copy, pickle, joblib and other processes; assignment reaches the
vectors; no copy holds data."""
import copy
import io
import multiprocessing
import pickle
import sys
import threading

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.training import Training

X, y = nn.two_moons(200, 0.2, seed=0)


class Scale(nn.Layer):
    "A layer as a user would write one: a factor for each feature."

    def build(self, shape):
        self.parameters = {"scale": shape[-1:]}
        return shape

    def initialize(self, rng):
        self.scale[...] = rng.uniform(0.5, 2, self.scale.shape)

    def forward(self, X, training=False):
        if training:
            self.kept[:] = [X]
        return X * self.scale

    def backward(self, dA):
        [X] = self.kept
        self.dscale[...] = (dA * X).reshape(-1, X.shape[-1]).sum(axis=0)
        return dA * self.scale


def dense():
    model = nn.Network(2, seed=0)
    model.add_layer(16, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid())
    return model


def everything():
    model = nn.Network((2, 1), seed=np.random.default_rng(3))
    model.add(nn.Flatten())
    model.add_layer(8, nn.ReLU(), dropout=0.2, batch_norm=True)
    model.add(
        nn.Residual(
            nn.Dense(8, nn.Tanh()), Scale(), nn.Residual(nn.Dropout(0.1), nn.Dense(8))
        )
    )
    model.add_output_layer(1, nn.Sigmoid())
    return model


def train(model, epochs=2, **more):
    return model.train(
        X.reshape(-1, *model.input.shape), y, epochs=epochs, verbose=False, **more
    )


def same(a, b):
    return (
        all(np.array_equal(t, b.tensors()[name]) for name, t in a.tensors().items())
        and a.tensors().keys() == b.tensors().keys()
    )


def trained_elsewhere(model):
    "What a worker does: train, and send the network back."
    history = train(model)
    return model, history


def through_joblib(model):
    import joblib
    joblib.dump(model, file := io.BytesIO())
    return joblib.load(io.BytesIO(file.getvalue()))


WAYS = {
    "copy": copy.copy, "deepcopy": copy.deepcopy, "joblib": through_joblib,
    **{
        f"pickle {p}": lambda model, p=p: pickle.loads(pickle.dumps(model, p))
        for p in range(2, pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("make", [dense, everything])
@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_independent_and_learns_as_the_original(way, begun, make):
    model = make()
    if begun:
        train(model, optimizer="adam", loss=nn.MeanSquaredError(), regularizer="l2")
    other = WAYS[way](model)
    before = {name: tensor.copy() for name, tensor in model.tensors().items()}
    assert same(model, other)
    assert repr(other) == repr(model)
    assert other.summary() == model.summary()
    history = train(other)
    assert all(
        np.array_equal(tensor, before[name]) for name, tensor in model.tensors().items()
    )
    assert not same(model, other) and train(model) == history and same(model, other)
    assert repr((model.optimizer, model.loss, model.regularizer)) == repr(
        (other.optimizer, other.loss, other.regularizer)
    )
    for network in (model, other):
        assert all(
            np.shares_memory(tensor, network.theta)
            for name, tensor in network.tensors().items()
            if not name.endswith(("mean", "variance"))
        )


@pytest.mark.parametrize("start", multiprocessing.get_all_start_methods())
@pytest.mark.parametrize("make", [dense, everything])
def test_another_process_trains_it(start, make):
    model = make()
    with multiprocessing.get_context(start).Pool(1) as pool:
        other, history = pool.apply(trained_elsewhere, (model,))
    assert train(model) == history and same(model, other)
    assert train(model) == train(other) and same(model, other)


def test_workers_of_joblib_train_large_networks():
    from joblib import Parallel, delayed
    model = nn.Network(2, seed=0)
    model.add_layer(700, nn.ReLU())
    model.add_layer(700, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid())
    # vectors above a megabyte reach a worker as read-only maps
    train(model, 1, optimizer="adam")
    [(other, history)] = Parallel(2)(
        delayed(trained_elsewhere)(model) for _ in range(1)
    )
    # in as many threads as there are cores, a worker in one: sums differ by rounding
    train(model)
    assert np.allclose(model.theta, other.theta, atol=1e-4)
    assert history["train_loss"][1] < history["train_loss"][0]


def test_an_incomplete_network_is_copied():
    model = nn.Network(2, seed=0)
    model.add_layer(16, nn.ReLU())
    other = copy.copy(model)
    for network in (model, other):
        network.add_output_layer(1, nn.Sigmoid())
    train(model), train(other)
    assert same(model, other) and same(model, (lambda m: (train(m), m)[1])(dense()))


def test_assignment_writes_into_the_vector():
    model, values = dense(), np.arange(32, dtype=float).reshape(2, 16)
    layer = model.layers[0]
    layer.W = values
    assert np.array_equal(model.theta[:32], values.ravel())
    assert np.shares_memory(layer.W, model.theta)
    layer.W += 1
    layer.W -= 1
    model.theta = model.theta * 2
    assert np.array_equal(layer.W, 2 * values)
    model.theta *= 0.5
    layer.b = np.ones(16)
    assert model.theta[32] == 1 and np.shares_memory(layer.b, model.theta)
    before = model.theta.copy()
    train(model)
    assert not np.array_equal(layer.W, values)
    assert not np.array_equal(model.theta, before)
    assert np.shares_memory(layer.W, model.theta)
    for wrong in (np.ones((16, 2)), np.ones(16), 0.0, np.ones((3, 16))):
        with pytest.raises(
            ValueError, match=r"expected 1\.W of shape \(2, 16\), got .*W\[\.\.\.\] = "
        ):
            layer.W = wrong
    with pytest.raises(ValueError, match="expected theta of shape"):
        model.theta = np.zeros(3)
    with pytest.raises(ValueError, match="expected grad of shape"):
        model.grad = 0.0
    with pytest.raises(ValueError):
        layer.W = [["a"] * 16] * 2
    with pytest.raises(AttributeError):
        model.layers = []
    with pytest.raises((AttributeError, TypeError)):
        model.layers[0] = nn.Dense(16, nn.ReLU())
    with pytest.raises((AttributeError, TypeError)):
        model.layers.append(nn.Flatten())
    with pytest.raises(ValueError, match="no output layer yet"):
        nn.Network(2).theta = np.zeros(3)


def test_a_layer_waits_for_its_network():
    alone = copy.copy(dense().layers[0])
    with pytest.raises(AttributeError, match="W"):
        alone.W
    with pytest.raises(AttributeError, match="W of Dense.*network is complete"):
        alone.W = np.ones((2, 16))
    model = nn.Network(2, seed=0)
    model.add(alone)
    model.add_output_layer(1, nn.Sigmoid())
    train(model)
    assert same(model, (lambda m: (train(m), m)[1])(dense()))


def test_a_layer_has_one_place():
    model, layer = dense(), nn.Dense(2, nn.ReLU())
    other = nn.Network(2, seed=0)
    for wrong in (model.layers[0], nn.Residual(model.layers[0])):
        with pytest.raises(ValueError, match="belongs to a network already.*copy"):
            other.add(wrong)
    other.add(layer)
    with pytest.raises(ValueError, match="belongs to a network already"):
        other.add(layer)
    third = nn.Network(2, seed=0)
    with pytest.raises(ValueError, match="belongs to a network already"):
        third.add(layer)
    assert third.layers == () and len(other.layers) == 1
    with pytest.raises(ValueError, match="belongs to a network already"):
        third.add(nn.Residual(nn.Dense(2), *[nn.Dense(2)] * 2))
    with pytest.raises(TypeError, match="such as Dense"):
        other.add("relu")


@pytest.mark.parametrize("make", [dense, everything])
def test_no_copy_holds_data(make):
    model = make()
    rows = (
        np.random.default_rng(0)
        .normal(size=(1000, *model.input.shape))
        .astype(np.float32)
    )
    size = len(pickle.dumps(model))
    model.output(rows), model.evaluate(rows, np.arange(1000) % 2)
    assert len(pickle.dumps(model)) <= size + 64
    references = sys.getrefcount(rows)
    model.output(rows)
    assert sys.getrefcount(rows) == references
    data = rows.copy()
    model.train(data, np.arange(1000) % 2, epochs=1, shuffle=False, verbose=False)
    assert len(pickle.dumps(model)) < 3 * size  # the optimiser's vectors
    assert not any(layer.kept for layer in model.layers) and model.activations is None
    for batch in Training(model, data, np.arange(1000) % 2, shuffle=False):
        if batch == 3:
            break
    sample = data[:32].tobytes()[:64]
    for blob in (
        pickle.dumps(model), pickle.dumps(copy.copy(model)),
        pickle.dumps(model.layers[0]), pickle.dumps(model.snapshot()),
    ):
        assert sample not in blob


# --- prediction beside anything else

def in_threads(work, n=8):
    errors = []

    def guarded():
        try:
            work()
        except BaseException as error:
            errors.append(error)
    threads = [threading.Thread(target=guarded) for _ in range(n)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("make", [dense, everything])
def test_prediction_is_safe_from_any_thread(make):
    model = make()
    train(model)
    parts = [(rows, y[rows]) for rows in (slice(0, 40), slice(40, 41), slice(41, 200))]
    samples = [X[rows].reshape(-1, *model.input.shape) for rows, _ in parts]
    outputs = [model.output(part) for part in samples]
    scores = [
        model.evaluate(part, labels, nn.BinaryAccuracy())
        for part, (_, labels) in zip(samples, parts)
    ]

    def work():
        for i in range(150):
            k = i % 3
            assert np.array_equal(model.output(samples[k]), outputs[k])
            assert (
                model.evaluate(samples[k], parts[k][1], nn.BinaryAccuracy())
                == scores[k]
            )
    in_threads(work)


@pytest.mark.parametrize("make", [dense, everything])
def test_prediction_does_not_disturb_a_training(make):
    alone, watched, going = make(), make(), threading.Event()
    history = train(alone, 20)

    def ask():
        while not going.is_set():
            samples = X[:50].reshape(-1, *watched.input.shape)
            (
                watched.output(samples), watched.evaluate(samples, y[:50]),
                copy.copy(watched),
            )
    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    try:
        again = train(watched, 20)
    finally:
        going.set()
        for thread in asking:
            thread.join()
    assert again == history and same(alone, watched)


def test_two_threads_cannot_train_one_network():
    model, begun, go_on, refused = dense(), threading.Event(), threading.Event(), []

    def wait(network, stats):
        begun.set()
        go_on.wait(10)
    slow = threading.Thread(
        target=lambda: train(model, callbacks=[nn.LambdaCallback(on_epoch_end=wait)])
    )
    slow.start()
    begun.wait(10)
    try:
        train(model)
    except RuntimeError as error:
        refused.append(str(error))
    finally:
        go_on.set()
    slow.join()
    assert refused and "being trained already" in refused[0]
    train(model)
    assert same(model, (lambda m: (train(m), train(m), m)[2])(dense()))
