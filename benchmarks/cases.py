"""What is measured: data, architecture and recipe, the same for every peer. Networks
that are more than dense layers are written in `networks.py`."""
from functools import lru_cache
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """One training recipe: Adam, or plain gradient descent, at a constant rate, in
    float32."""
    widths: tuple  # units from the inputs to the outputs
    batch: int  # samples of a step
    rows: int  # samples of an epoch
    epochs: int  # timed together, after one that is not timed
    # softmax with cross-entropy, sigmoid with binary cross-entropy, or linear with
    # squared error
    output: str = "softmax"
    optimizer: str = "adam"  # adam or gradient_descent
    eta: float = 1e-3  # learning rate, the peak of it where there is a schedule
    # rise to the peak over 30 % of the steps, then fall, each along half a cosine
    one_cycle: bool = False
    seed: int = 0  # of weights and order


SMALL, LARGE = (784, 128, 64, 10), (784, 512, 256, 10)
MOONS, REGRESSION = (2, 16, 8, 1), (9, 32, 16, 2)

ONE_THREAD = ", 1 thread"  # ends the name of a case that has no more of them


def both(cases):
    "Each case on the threads of the run, and on one."
    return {
        f"{name}{on}": case for name, case in cases.items() for on in ("", ONE_THREAD)
    }


TRAINING = both({
    "MNIST 784-128-64-10, batch 32": Case(SMALL, 32, 20_000, 2),
    "MNIST 784-128-64-10, batch 128": Case(SMALL, 128, 20_000, 4),
    "MNIST 784-128-64-10, batch 1000": Case(SMALL, 1000, 20_000, 8),
    "MNIST 784-512-256-10, batch 128": Case(LARGE, 128, 20_000, 1),
    "MNIST 784-512-256-10, batch 1000": Case(LARGE, 1000, 20_000, 2),
    "two moons 2-16-8-1, batch 32": Case(
        MOONS, 32, 3000, 20, "sigmoid", "gradient_descent", 0.1
    ),
    "two moons 2-16-8-1, batch 1": Case(
        MOONS, 1, 600, 5, "sigmoid", "gradient_descent", 0.01
    ),
    "regression 9-32-16-2, batch 32": Case(REGRESSION, 32, 3000, 20, "linear"),
})


def operations(case):
    """Additions and multiplications of the products of an epoch: forward, of the
    weights, and of the inputs except the first."""
    first, *others = (a * b for a, b in zip(case.widths, case.widths[1:]))
    return 2 * case.rows * (2 * first + 3 * sum(others))


# The largest of many products is what the machine does at most: squares, and those of
# the steps above. Rows, columns that are summed over, and columns of each.
ROOFS = ("largest of many products", f"largest of many products{ONE_THREAD}")
PRODUCTS = sorted(
    {(n, n, n) for n in (256, 512, 1024, 2048)}
    | {
        shape
        for case in TRAINING.values()
        for a, b in zip(case.widths, case.widths[1:])
        for shape in ((case.batch, a, b), (a, case.batch, b))
        if np.prod(shape) > 10**6
    }
)


def dense(width=128, depth=2, batch=128, rows=4096):
    return Case((*[width] * (depth + 1), 10), batch, rows, 1)


# The time of an epoch against one number, each point four times or twice the one
# before: its slope in logarithms is 0 where calls are the cost, 1 where numbers are.
SLOPES = {
    "cost against the width of two layers": {
        n: dense(width=n) for n in (64, 128, 256, 512, 1024)
    },
    "cost against the number of layers": {n: dense(depth=n) for n in (1, 2, 4, 8, 16)},
    "cost against the batch, 32 steps": {
        n: dense(batch=n, rows=32 * n) for n in (8, 32, 128, 512)
    },
    "cost against the rows": {n: dense(rows=n) for n in (1024, 4096, 16384)},
}


class LayeredCase(NamedTuple):
    """A network beyond dense layers, on one batch again and again, in float32: a
    training step with AdamW, or the outputs."""
    network: str  # of `networks.py`
    text: str  # what it is
    shape: tuple  # of a sample
    batch: int  # samples
    calls: int  # timed one by one
    vocabulary: int | None = None  # samples are whole numbers below it
    training: bool = True  # a step; False: the outputs alone


NETWORKS = {
    "convolutions, batch 128": LayeredCase(
        "convolutions", "Images of 28 × 28 pixels, 16 and 32 filters of 5 × 5 with the "
        "largest of 2 × 2 behind each, 128 units, 10 classes.", (28, 28, 1), 128, 10,
    ),
    "LSTM, batch 32": LayeredCase(
        "LSTM", "64 units from 64, 64 positions, squared error.", (64, 64), 32, 20
    ),
    "transformer block, batch 12": LayeredCase(
        "block", "Pre-norm, causal, 128 units, 4 heads, 512 hidden units of GELU, 64 "
        "positions, squared error.", (64, 128), 12, 20,
    ),
    "GPT, batch 12": LayeredCase(
        "GPT", "An embedding of 65 symbols, positions, 4 such blocks, and the symbols "
        "by the weights of the embedding.", (64,), 12, 6, vocabulary=65,
    ),
}
# the outputs and a step on the threads of the run, and a step on one
LAYERED = {
    f"{name}, {timed}": case._replace(training=timed != "outputs")
    for name, case in NETWORKS.items()
    for timed in ("outputs", "step", f"step{ONE_THREAD}")
}
# cases whose memory is measured, by a process that does nothing else
ALONE = tuple(f"{name}, alone" for name in (
    "MNIST 784-128-64-10, batch 128", "convolutions, batch 128, step",
    "GPT, batch 12, step",
))
# rows, repetitions
PREDICTION = both({
    "prediction of 10,000 rows": (10_000, 20),
    "prediction of 1 row": (1, 2000),
})
# of the recipes that the chapter on speed compares, one that is there with each seed
TO_98 = "MNIST to 98 % of the test images"
RECIPE_98 = Case((784, 256, 128, 10), 256, 60_000, 5, eta=6e-3, one_cycle=True)
SEEDS = 3  # of it, in turn over the rounds
IMPORTS = {
    "import": {
        "nn_from_scratch": "import nn_from_scratch", "NumPy": "import numpy",
        "scikit-learn": "import sklearn", "PyTorch": "import torch",
        "JAX": "import jax",
    },
    "import, ready to train": {
        "nn_from_scratch": "from nn_from_scratch import Network, ReLU, Sigmoid",
        "NumPy": "import numpy",
        "scikit-learn": "from sklearn.neural_network import MLPClassifier",
        "PyTorch": "import torch.nn, torch.optim",
        "JAX": "import jax.numpy",
    },
}


def images():
    """The published images, 60,000 to train on and 10,000 to test on, from the folder
    that NN_FROM_SCRATCH_DATA names."""
    from nn_from_scratch import mnist
    return mnist()


def data(case):
    """Samples and labels or targets. The values do not matter for the time, so they are
    made here: pixels are in [0, 1], a fifth of them not 0."""
    return made(case.rows, case.widths[0], case.widths[-1], case.output)


@lru_cache
def made(rows, d, k, output):
    rng = np.random.default_rng(0)
    X = rng.random((rows, d), np.float32)
    if output == "softmax":
        for x in X:
            x *= rng.random(x.shape, np.float32) < 0.2  # little memory beside X
    if output == "linear":
        return X, np.stack([X.sum(axis=1), X[:, 0] * X[:, 1]], axis=1)
    return X, rng.integers(0, max(k, 2), rows)
