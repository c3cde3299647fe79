"""Losses and metrics agree with references of 50 digits where a formula taken at its
word loses them: 1e-12 of the value in float64, 1e-5 in float32."""

import numpy as np
import pytest

import nn_from_scratch as nn

mpmath = pytest.importorskip("mpmath")
mp = mpmath.mp.clone()
mp.dps = 50
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
precisions = pytest.mark.parametrize("dtype", TOLERANCE, ids=lambda kind: kind.__name__)


def numbers(rows):
    "Rows of an array as numbers of 50 digits."
    return [[mp.mpf(float(value)) for value in row] for row in rows]


def reference(term, A, Y, weights=None):
    "Mean over rows of what `term` says to a row, each times its weight."
    weights = np.ones(len(A)) if weights is None else weights
    rows = zip(numbers(A), numbers(Y), weights)
    return mp.fsum(mp.mpf(float(w)) * term(a, y) for a, y, w in rows) / len(A)


def agrees(value, exact, dtype):
    error = abs(mp.mpf(float(value)) - exact)
    assert error <= TOLERANCE[dtype] * abs(exact), (float(value), mp.nstr(exact, 20))


def identity(k, activation, dtype, loss=None, shape=None):
    "A network whose pre-activations are its samples."
    model = nn.Network(k if shape is None else shape, seed=0, dtype=dtype)
    model.add_output_layer(k, activation)
    model.theta = np.concatenate([np.eye(k).ravel(), np.zeros(k)])
    if loss is not None:
        model.loss = loss
    return model


# --- the losses as they stand in a textbook


def squared(a, y):
    return mp.fsum((s - t) ** 2 for s, t in zip(a, y))


def absolute(a, y):
    return mp.fsum(abs(s - t) for s, t in zip(a, y))


def huber(delta):
    def each(r):
        return r**2 / 2 if r <= delta else delta * (r - mp.mpf(delta) / 2)

    return lambda a, y: mp.fsum(each(abs(s - t)) for s, t in zip(a, y))


def entropy(p, y):
    "Of a probability and a target; 0 ln 0 is 0."
    return (-y * mp.log(p) if y else 0) - ((1 - y) * mp.log1p(-p) if y < 1 else 0)


def binary(a, y):
    return mp.fsum(map(entropy, a, y))


def sigmoid(steepness):
    def each(z, y):
        z = z * mp.mpf(steepness)
        return y * mp.log1p(mp.exp(-z)) + (1 - y) * mp.log1p(mp.exp(z))

    return lambda z, y: mp.fsum(map(each, z, y))


def smooth(y, share):
    return [(1 - mp.mpf(share)) * t + mp.mpf(share) / len(y) for t in y]


def categorical(share=0.0):
    return lambda a, y: mp.fsum(
        -t * mp.log(p) for p, t in zip(a, smooth(y, share)) if t
    )


def rest_of_softmax(z, j):
    "1 / p - 1, of which the logarithm is the loss also where p is nearly 1."
    return mp.fsum(mp.exp(other - z[j]) for i, other in enumerate(z) if i != j)


def softmax(share=0.0):
    return lambda z, y: mp.fsum(
        t * mp.log1p(rest_of_softmax(z, j)) for j, t in enumerate(smooth(y, share)) if t
    )


def distance(a, y):
    return mp.sqrt(squared(a, y))


# --- losses of outputs, called directly

NEAR = {np.float32: 2.0**-23, np.float64: 2.0**-52}  # from 1 to the next number


def real_cases(dtype):
    "Outputs and targets of one scale, and their differences, which cancel."
    eps = NEAR[dtype]
    return {
        "cancel": ([[1 + eps, 1e4 * (1 + eps)]], [[1.0, 1e4]]),
        "tiny": ([[3e-17, 0.0]], [[1e-17, -2e-17]]),
        "mixed": ([[1e9, 1e-9], [1.0, 2.0]], [[-1e9, 2e-9], [1.0, 2.5]]),
        "sum beyond float32": ([[1.5e19]] * 9, [[0.0]] * 9),
        "at the kinks": ([[1.0, -1.0, 0.0, 0.5]], [[0.0, 0.0, 0.0, -0.5]]),
        "one number": ([[7.25]], [[-0.125]]),
    }


REAL = {
    "squared": (nn.MeanSquaredError(), squared),
    "absolute": (nn.MeanAbsoluteError(), absolute),
    "huber": (nn.Huber(), huber(1.0)),
    "narrow huber": (nn.Huber(1e-3), huber(1e-3)),
}


@precisions
@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("case", real_cases(np.float64))
def test_losses_of_real_targets(name, case, dtype):
    loss, term = REAL[name]
    A, Y = (np.array(rows, dtype) for rows in real_cases(dtype)[case])
    exact = reference(term, A, Y)
    assert loss.value(A, Y).dtype == dtype
    model = identity(A.shape[1], nn.Linear(), dtype, loss)
    for value in (loss.value(A, Y), model.evaluate(A, Y)["loss"]):
        agrees(value, exact, dtype)


def probabilities(dtype):
    eps = NEAR[dtype]
    return [0.0, 1e-36, 1e-10, 1e-3, 0.5, 0.75, 1 - eps, 1 - eps / 2, 1.0]


@precisions
def test_binary_cross_entropy_of_outputs(dtype):
    loss = nn.BinaryCrossEntropy()
    for p in np.array(probabilities(dtype), dtype):
        for y in np.array([0, 1e-30, 1e-7, 0.25, 1 - NEAR[dtype], 1], dtype):
            if not ((p == 0 and y > 0) or (p == 1 and y < 1)):  # else it is infinite
                A, Y = np.array([[p]]), np.array([[y]])
                agrees(loss.value(A, Y), reference(binary, A, Y), dtype)


@precisions
@pytest.mark.parametrize("share", [0.0, 0.1, 1e-6])
def test_categorical_cross_entropy_of_outputs(share, dtype):
    loss, rows = nn.CategoricalCrossEntropy(share), probabilities(dtype)[bool(share):-1]
    for p in np.array(rows, dtype):
        for y in ([1, 0], [0, 1], [0.25, 0.75]):
            A, Y = np.array([[p, 1 - p]]), np.array([y], dtype)
            if not np.any((A == 0) & (Y > 0)) and (A.all() or not share):
                agrees(loss.value(A, Y), reference(categorical(share), A, Y), dtype)
    sure = np.array([[0, 1, 0]], dtype)
    assert nn.CategoricalCrossEntropy().value(sure, sure) == 0


# --- losses of pre-activations, through a network


def logits(dtype):
    far = 80.0 if dtype == np.float32 else 700.0
    return np.array([0, 1e-30, 1e-6, 0.5, 17, 40, far, 1e4, 1e30], dtype)


@precisions
@pytest.mark.parametrize("steepness", [1.0, 0.3, 2.0])
def test_sigmoid_and_binary_cross_entropy(steepness, dtype):
    model = identity(1, nn.Sigmoid(steepness), dtype)
    tiny = mp.mpf(float(np.finfo(dtype).tiny))
    for z in (*logits(dtype), *-logits(dtype)):
        for y in np.array([0, 1e-30, 1e-7, 0.25, 1 - NEAR[dtype], 1], dtype):
            Z, Y = np.array([[z]]), np.array([[y]])
            exact, value = reference(sigmoid(steepness), Z, Y), model.evaluate(Z, Y)
            if exact > tiny:
                agrees(value["loss"], exact, dtype)
            else:  # below the range of the precision
                assert 0 <= value["loss"] <= 2 * tiny


@precisions
@pytest.mark.parametrize("share", [0.0, 0.1, 1e-6])
def test_softmax_and_categorical_cross_entropy(share, dtype):
    loss = nn.CategoricalCrossEntropy(share)
    model = identity(3, nn.Softmax(), dtype, loss)
    tiny = mp.mpf(float(np.finfo(dtype).tiny))
    rows = [[z, 0, w] for z in logits(dtype) for w in (-z, z, 0, -0.5)]
    rows += [[1e4, 1e4 + 1, -1e4], [5, 5, 5], [1e-30, -1e-30, 0], [88, 0, 87]]
    for row in rows:
        for y in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [0.25, 0.25, 0.5]):
            Z, Y = np.array([row], dtype), np.array([y], dtype)
            exact, value = reference(softmax(share), Z, Y), model.evaluate(Z, Y)
            if exact > tiny:
                agrees(value["loss"], exact, dtype)
            else:
                assert 0 <= value["loss"] <= 2 * tiny


@precisions
def test_sequences_are_rows(dtype):
    rng = np.random.default_rng(0)
    Z, labels = rng.normal(scale=20, size=(4, 5, 3)), rng.integers(0, 3, (4, 5))
    model = identity(3, nn.Softmax(), dtype, shape=(5, 3))
    exact = reference(softmax(), Z.astype(dtype).reshape(20, 3),
                      np.eye(3)[labels.ravel()])
    agrees(model.evaluate(Z, labels)["loss"], exact, dtype)


# --- many samples, and weights


@precisions
def test_a_sum_over_many_samples(dtype):
    n, rng = 6_000, np.random.default_rng(0)
    X = rng.lognormal(sigma=4, size=(n, 1)).astype(dtype)
    Y = np.zeros((n, 1), dtype)
    model = identity(1, nn.Linear(), dtype)
    agrees(model.evaluate(X, Y)["loss"], reference(squared, X, Y), dtype)
    agrees(nn.MeanSquaredError().value(X, Y), reference(squared, X, Y), dtype)
    found = model.evaluate(X, Y, nn.MeanEuclideanError())["mean_euclidean_error"]
    agrees(found, reference(distance, X, Y), dtype)
    ones = np.full((10**6, 1), 0.1, dtype)  # of alike terms, errors are of one sign
    exact = mp.mpf(float(ones[0, 0])) ** 2
    agrees(nn.MeanSquaredError().value(ones, 0 * ones), exact, dtype)
    agrees(model.evaluate(ones, 0 * ones)["loss"], exact, dtype)


@precisions
def test_weights_in_the_history(dtype):
    rng = np.random.default_rng(0)
    Z = rng.normal(scale=30, size=(50, 3)).astype(dtype)
    labels = rng.integers(0, 3, 50)
    by_class = {0: 1e-3, 1: 1.0, 2: 250.0}
    by_sample = rng.lognormal(sigma=3, size=50)
    weights = np.array([by_class[label] for label in labels]) * by_sample
    model = identity(3, nn.Softmax(), dtype)
    stats = model.train(Z, labels, Z[:7], labels[:7], eta=1e-30, epochs=1,
                        batch_size=50, verbose=False, class_weight=by_class,
                        sample_weight=by_sample)
    Y = np.eye(3)[labels]
    agrees(stats["train_loss"][0], reference(softmax(), Z, Y, weights), dtype)
    agrees(stats["val_loss"][0], reference(softmax(), Z[:7], Y[:7]), dtype)


# --- metrics


@precisions
def test_a_distance_beyond_the_range_of_its_square(dtype):
    metric = nn.MeanEuclideanError()
    for scale in (1e-30, 1.0, 1e30) if dtype == np.float32 else (1e-200, 1.0, 1e200):
        A = np.array([[3, 4], [1, 0], [0, 0], [5e-3, 12]], dtype) * dtype(scale)
        Y = np.array([[0, 0], [0, 1], [0, 0], [5e-3, 7]], dtype) * dtype(scale)
        agrees(metric(A, Y), reference(distance, A, Y), dtype)
        model = identity(2, nn.Linear(), dtype)
        found = model.evaluate(A, Y, metric)["mean_euclidean_error"]
        agrees(found, reference(distance, A, Y), dtype)
    far = np.full((1000, 1), 3e38, dtype)  # the sum is beyond float32
    agrees(metric(far, 0 * far), mp.mpf(float(far[0, 0])), dtype)


def test_a_distance_of_whole_numbers_does_not_wrap_around():
    A, Y = np.array([[0], [3]], np.uint8), np.array([[1], [7]], np.uint8)
    assert nn.MeanEuclideanError()(A, Y) == nn.MeanEuclideanError()(Y, A) == 2.5
    assert nn.MeanEuclideanError()(A > 0, Y > 9) == 0.5


@precisions
def test_shares_are_exact_and_ties_go_to_the_first_class(dtype):
    A = np.array([[0.5, 0.5, 0], [0, 0.5, 0.5], [0.2, 0.3, 0.5]], dtype)
    labels, Y = [1, 1, 2], np.eye(3, dtype=dtype)[[1, 1, 2]]
    assert nn.MulticlassAccuracy()(A, Y) == 2 / 3
    assert nn.MultiClassError()(A, Y) == 1 / 3
    logits = np.array([[9, 9, 0], [0, 40, 40 - 1e-4], [0, 0, 200]], dtype)
    model = identity(3, nn.Softmax(), dtype)
    found = model.evaluate(logits, labels, nn.MulticlassAccuracy())
    assert found["multiclass_accuracy"] == 2 / 3
    half = np.array([[0.5], [np.nextafter(dtype(0.5), dtype(1))], [0.5]], dtype)
    assert nn.BinaryAccuracy()(half, np.array([[0], [1], [1]], dtype)) == 2 / 3
    assert nn.SingleClassError()(half, np.array([[0], [1], [1]], dtype)) == 1 / 3
    n = 2**24 + 3  # whole numbers beyond which float32 no longer counts
    right = np.ones((n, 1), np.int8)
    assert nn.BinaryAccuracy()(right, right) == 1
