"""Samples of any shape, targets of sequences, layers of one's own: everything that
walks a network takes them."""
import tracemalloc

import numpy as np
import pytest
from test_copies import Scale

import nn_from_scratch as nn
from nn_from_scratch.objective import Head, encode_targets

rng = np.random.default_rng(0)
IMAGES, KINDS = rng.normal(size=(60, 4, 5, 2)), rng.integers(0, 3, 60)
WORDS = rng.integers(0, 7, (60, 6))
NEXT = (WORDS + 1) % 7


class Embedding(nn.Layer):
    "A row of a matrix for each word."

    def __init__(self, width):
        self.width = width

    def build(self, shape):
        self.parameters = {"E": (7, self.width)}
        return (*shape, self.width)

    def initialize(self, rng):
        self.E[...] = rng.normal(size=self.E.shape)

    def forward(self, X, training=False):
        if training:
            self.kept[:] = [X]
        return self.E[X]

    def backward(self, dA):
        self.dE[...] = 0
        np.add.at(self.dE, self.kept[0], dA)


def images(dtype=np.float32, **more):
    model = nn.Network((4, 5, 2), seed=0, dtype=dtype)
    model.add_layer(3, nn.Tanh(), **more)  # at each place of the image
    model.add(nn.Flatten())
    model.add(nn.Residual(nn.Dense(60, nn.Tanh()), Scale()))
    model.add(nn.Tanh())
    model.add_output_layer(3, nn.Softmax())
    return model


def words(output=nn.Softmax(), k=7, dtype=np.float32, **more):
    model = nn.Network((6,), seed=0, dtype=dtype, vocabulary=7)
    model.add(Embedding(5))
    model.add_layer(8, nn.Tanh(), **more)
    model.add_output_layer(k, output)
    return model


@pytest.mark.parametrize(
    "more", [{}, dict(batch_norm=True, dropout=0.2)], ids=["plain", "normalised"]
)
def test_images_train_and_are_described(more):
    model, recorder = images(**more), nn.LayerRecorder()
    stats = model.train(
        IMAGES, KINDS, validation_split=0.2, epochs=30, optimizer="adam", eta=0.01,
        estimator=nn.MulticlassAccuracy(), callbacks=[recorder], verbose=False,
    )
    assert stats["train_multiclass_accuracy"][-1] > 0.9 and stats._repr_svg_()
    assert model.output(IMAGES).shape == (60, 3)
    assert model.output(IMAGES[0]).shape == (3,)
    assert np.allclose(model.output(IMAGES[0]), model.output(IMAGES)[0], atol=1e-6)
    names = [name for name in model.tensors() if name.endswith("W")]
    assert recorder.names == names
    assert recorder.stats["update"].shape == (len(recorder.steps), len(names))
    for name in model.tensors():
        assert name in model.summary() or name.endswith(("mean", "variance"))
    assert "4 × 5 × 2" in model.summary()
    assert model._repr_html_().count("<tr>") == len(model.layers) + 3
    assert model.find_learning_rate(IMAGES, KINDS).suggestion
    assert nn.plot_confusion_matrix(KINDS, model.output(IMAGES).argmax(axis=1))


@pytest.mark.parametrize("method", ["central", "complex"])
def test_the_whole_objective_of_images_and_words(method):
    more = dict(dropout=0.3) if method == "central" else {}
    report = nn.check_objective(
        images(**more), IMAGES[:7], KINDS[:7], class_weight="balanced", method=method
    )
    assert report.error <= report.tolerance
    assert {row[0] for row in report.rows} == images(**more).tensors().keys()
    for output, k, targets in (
        (nn.Softmax(), 7, NEXT), (nn.Sigmoid(), 1, NEXT > 3),
        (nn.Linear(), 2, rng.normal(size=(60, 6, 2))),
    ):
        if method == "complex" and k == 1:
            continue  # cross-entropy of a sigmoid takes an absolute value
        model = words(output, k, batch_norm=True, regularizer=nn.L2(0.01), **more)
        report = nn.check_objective(
            model, WORDS[:7], targets[:7], sample_weight=rng.uniform(0.5, 2, 7),
            method=method,
        )
        assert report.error <= report.tolerance, report
        assert all(f"{name} " in repr(report) for name in ("1.E", "2.W", "3.gamma"))


def test_sequences_train():
    for targets in (NEXT, nn.one_hot(NEXT, 7)):
        model = words()
        stats = model.train(
            WORDS, targets, epochs=40, optimizer="adam", eta=0.02,
            estimator=nn.MulticlassAccuracy(), validation_split=0.2, verbose=False,
        )
        assert stats["val_multiclass_accuracy"][-1] > 0.95
        assert model.output(WORDS).shape == (60, 6, 7)
        assert np.allclose(model.output(WORDS).sum(axis=-1), 1, atol=1e-5)
        scores = model.evaluate(WORDS, targets, nn.MulticlassAccuracy())
        A = model.output(WORDS)
        by_hand = -np.mean(np.log(np.take_along_axis(A, NEXT[..., None], -1)))
        # a mean over samples and positions
        assert scores["loss"] == pytest.approx(by_hand, rel=1e-4)
        assert scores["multiclass_accuracy"] == np.mean(A.argmax(-1) == NEXT)


def test_weights_of_samples_and_classes_in_sequences():
    labels, weights = NEXT % 3, rng.uniform(0.5, 2, 60)
    model = words(k=3, dtype=np.float64)
    twice = words(k=3, dtype=np.float64)
    model.train(
        WORDS, labels, epochs=1, batch_size=60, class_weight={0: 1, 1: 2, 2: 5},
        sample_weight=weights, shuffle=False, verbose=False,
    )
    from nn_from_scratch.objective import Objective
    Y, each = nn.one_hot(labels, 3), np.array([1, 2, 5])[labels] * weights[:, None]
    Objective(twice, twice.head).gradient(WORDS, Y, each)
    assert np.allclose(model.theta, twice.theta - 0.1 * twice.grad, rtol=1e-12)


@pytest.mark.parametrize(
    "loss, activation, k",
    [
        (nn.MeanSquaredError(), nn.Linear(), 2),
        (nn.MeanAbsoluteError(), nn.Linear(), 2),
        (nn.Huber(0.5), nn.Tanh(), 2),
        (nn.BinaryCrossEntropy(), nn.Sigmoid(a=2), 3),
        (nn.CategoricalCrossEntropy(0.1), nn.Softmax(), 4),
        (nn.BinaryCrossEntropy(), nn.Softmax(), 3),
    ],
)
def test_a_loss_is_a_mean_over_rows(loss, activation, k):
    Z, Y = rng.normal(size=(5, 6, k)), rng.dirichlet(np.ones(k), size=(5, 6))
    A = activation.forward(Z)
    flat = [V.reshape(30, k) for V in (Z, A, Y)]
    assert loss.value(A, Y) == pytest.approx(loss.value(*flat[1:]), rel=1e-12)
    assert np.allclose(
        loss.gradient(A, Y).reshape(30, k), loss.gradient(*flat[1:]), rtol=1e-12
    )
    head = Head((6, k), activation, loss)
    one = Head((k,), activation, loss)
    assert head.value(Z, A, Y) == pytest.approx(one.value(*flat), rel=1e-12)
    assert np.allclose(
        head.gradient(Z, A, Y).reshape(30, k), one.gradient(*flat), rtol=1e-12
    )


def test_an_own_loss_sees_rows():
    class Quartic(nn.Loss):
        def value(self, A, Y):
            return np.sum((A - Y)**4) / len(A)

        def gradient(self, A, Y):
            return 4 * (A - Y)**3 / len(A)
    model = words(nn.Linear(), 2)
    model.loss = Quartic()
    report = nn.check_objective(
        model, WORDS[:7], rng.normal(size=(7, 6, 2)),
        sample_weight=rng.uniform(0.5, 2, 7),
    )
    assert report.error <= report.tolerance


def test_encoded_targets():
    assert encode_targets(NEXT, (6, 7), nn.Softmax()).shape == (60, 6, 7)
    assert np.array_equal(
        encode_targets(NEXT, (6, 7), nn.Softmax()), nn.one_hot(NEXT, 7)
    )
    assert encode_targets(NEXT > 3, (6, 1), nn.Sigmoid()).shape == (60, 6, 1)
    assert encode_targets([[0], [2]], 3, nn.Softmax()).shape == (2, 3)


WRONG = [
    (
        lambda: images().output(IMAGES[:, :3]), ValueError,
        r"\(n, 4, 5, 2\), got \(60, 3, 5, 2\)",
    ),
    (
        lambda: images().output(IMAGES.reshape(60, -1)), ValueError,
        r"\(n, 4, 5, 2\), got \(60, 40\)",
    ),
    (lambda: words().output(WORDS + 1), ValueError, r"from 0 to 6, got 7 at index \["),
    (lambda: words().output(WORDS - 1), ValueError, "got -1"),
    (
        lambda: words().output(WORDS * 1.0), TypeError,
        "whole numbers, got dtype float64",
    ),
    (
        lambda: words().train(WORDS, NEXT[:, :5]),
        ValueError,
        r"\(n, 6, 7\) or labels of shape \(n, 6\), got \(60, 5\)",
    ),
    (
        lambda: words().train(WORDS, NEXT + 1), ValueError,
        r"from 0 to 6 for 7 classes, got 7 at index \[",
    ),
    (
        lambda: words().train(WORDS, NEXT[:, 0]), ValueError,
        r"labels of shape \(n, 6\), got \(60,\)",
    ),
    (lambda: images().train(IMAGES, KINDS[:5]), ValueError, "5 targets and 60 samples"),
    (lambda: nn.Network((3, 0)), ValueError, "at least 1, got 0"),
    (lambda: nn.Network(()), ValueError, "at least one number"),
    (lambda: nn.Network("2"), TypeError, "integer"),
    (lambda: nn.Network(2, vocabulary=0), ValueError, "words must be at least 1"),
    (lambda: nn.Residual(), ValueError, "at least one layer"),
    (lambda: nn.Residual(nn.ReLU), TypeError, "such as Dense"),
    (lambda: nn.Network(3).add(nn.Residual(nn.Dense(4))), ValueError, "make 4 of 3"),
    (lambda: nn.Activate("relu"), TypeError, "such as ReLU"),
]


@pytest.mark.parametrize("call, kind, message", WRONG)
def test_a_misfit_is_named_before_anything_is_computed(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_labels_stay_whole_numbers():
    "Rows of ten classes cost a fraction of their zeros and ones, 24 MB in float32."
    X, y = np.zeros((600_000, 2), np.float32), np.zeros(600_000, np.uint8)
    model = nn.Network(2, seed=0)
    model.add_output_layer(10, nn.Softmax())
    for call in (
        lambda: model.train(
            X, y, epochs=1, batch_size=6000, estimator=nn.MulticlassAccuracy(),
            verbose=False,
        ),
        lambda: model.evaluate(X, y, nn.MulticlassAccuracy()),
    ):
        tracemalloc.start()
        try:
            call()
            assert tracemalloc.get_traced_memory()[1] < 20e6
        finally:
            tracemalloc.stop()
