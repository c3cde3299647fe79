"""Measurements of a peer, in the process that `run.py` starts for it."""
import importlib
import statistics
import time

import numpy as np
from cases import (
    LAYERED, PREDICTION, PRODUCTS, RECIPE_98, ROOFS, SLOPES, SMALL, TO_98, TRAINING,
    Case, data, images,
)
from peers import COMPILED, OURS, PEERS

# what starts the networks of `networks.py`: module and function, by peer
STARTS = {
    OURS: ("networks", "start"), COMPILED: ("networks", "start_compiled"),
    "PyTorch": ("networks_torch", "start"), "JAX": ("networks_jax", "start"),
}


PREPARED = {}  # what a measurement calls, by the name of its case


def measure(peer, name, seed, started=0.0):
    """Seconds and what belongs to them, by name. What is compiled or made for a case is
    there from its first measurement on."""
    name, function = name.removesuffix(", alone"), PEERS[peer][0]
    if name == TO_98:
        return until_98(function, started, seed)
    if name not in PREPARED:
        if name in TRAINING:
            PREPARED[name] = training(function, TRAINING[name])
        elif name in SLOPES:
            PREPARED[name] = slope(function, SLOPES[name])
        elif name in ROOFS:
            PREPARED[name] = products(peer)
        elif name in LAYERED:
            PREPARED[name] = layered(peer, LAYERED[name])
        else:
            PREPARED[name] = prediction(peer, *PREDICTION[name])
    return PREPARED[name]()


def training(function, case):
    "An epoch; one before is not timed, nor is what it compiles."
    train, _ = function(case, *data(case))
    train(1)

    def epoch():
        [seconds] = timed(lambda: train(case.epochs), 1)
        return {"seconds": seconds / case.epochs}
    return epoch


def until_98(function, started, seed):
    """From the start of the process, with its imports, until the accuracy is there for
    the first time; it is looked at after each epoch, which is part of the time."""
    X, y, x_test, y_test = images()
    train, predict = function(RECIPE_98._replace(seed=seed), X, y)
    accuracies, times, start = [], [], time.time()

    def look():
        accuracies.append(float(np.mean(predict(x_test).argmax(axis=1) == y_test)))
        times.append(time.time())

    train(RECIPE_98.epochs, look)
    first = next((t for a, t in zip(accuracies, times) if a >= 0.98), None)
    if first is None:
        return {"missing": f"not there: {max(accuracies):.2%}"}
    return {
        "seconds": first - started, "training": first - start,
        "epochs": times.index(first) + 1, "accuracy": accuracies[-1],
    }


def slope(function, cases):
    "The largest point, all points, and their slope in logarithms."
    trains = [function(case, *data(case))[0] for case in cases.values()]
    for train in trains:
        train(1)

    def line():
        points = [median_of(lambda: train(1), 3) for train in trains]
        exponent = np.polyfit(np.log([*cases]), np.log(points), 1)[0]
        return {"seconds": points[-1], "points": points, "exponent": float(exponent)}
    return line


def products(peer):
    "10⁹ additions and multiplications, in the product where they take least."
    prepare, multiply = np.asarray, np.matmul
    if peer == "PyTorch":
        import torch
        prepare, multiply = torch.from_numpy, torch.matmul
    if peer == "JAX":
        import jax
        prepare = jax.numpy.asarray
        def multiply(A, B):
            return jax.block_until_ready(jax.numpy.matmul(A, B))

    def most():
        rng, least = np.random.default_rng(0), np.inf
        for n, d, k in PRODUCTS:
            A, B = (
                prepare(rng.random(shape, np.float32)) for shape in ((n, d), (d, k))
            )
            calls = max(4, min(100, int(2e9 / (n * d * k))))
            seconds = min(timed(lambda: multiply(A, B), calls))
            least = min(least, seconds / (2 * n * d * k))
        return {"seconds": 1e9 * least}
    return most


def layered(peer, case):
    """One step, or the outputs; and the loss after three of them, the same for all who
    compute the same."""
    import networks
    model = networks.network(case)
    X, y = networks.batch(model, case)
    module, function = STARTS[peer]
    start = getattr(importlib.import_module(module), function)
    step, outputs = start(model, case, X, y)
    call = step if case.training else outputs
    for _ in range(3):
        call()
    loss = float(networks.loss(model, outputs(), y))
    return lambda: {"seconds": median_of(call, case.calls), "loss": loss}


def prediction(peer, rows, repetitions):
    "A call."
    case = Case(SMALL, 100, 1000, 1)
    X, y = data(case)
    train, predict = PEERS[peer][0](case, X, y)
    if peer == "scikit-learn":
        train(1)  # it has no weights before
    if peer == COMPILED:
        from nn_from_scratch.acceleration import CompiledOutput
        predict = CompiledOutput(predict.__self__, verbose=False)  # the network's own
    X = np.ascontiguousarray(np.resize(X, (rows, X.shape[1])))
    for _ in range(5):
        predict(X)
    return lambda: {"seconds": median_of(lambda: predict(X), repetitions)}


def timed(call, repetitions):
    "Seconds of each call."
    seconds = []
    for _ in range(repetitions):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds


def median_of(call, repetitions):
    return statistics.median(timed(call, repetitions))
