"""Figures count every sample, whatever its label is called and its unit is."""

import matplotlib
import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.plots import (
    counts_of,
    figure_of,
    plane,
    plot_confusion_matrix,
    plot_decision_boundary,
    plot_learning_curve,
    plot_roc_curve,
    shortened,
)

matplotlib.use("Agg")
pytestmark = pytest.mark.filterwarnings("error")

RNG = np.random.default_rng(0)
X, Y = nn.two_moons(90, 0.2, seed=0)
THREE = np.arange(90) % 3
TEXT = np.array(["no", "yes"])


class Sigmoid:
    "Stands for a network: one output, 1/2 where the features in their units add to 0."

    def __init__(self, unit=1.0):
        self.unit = unit

    def output(self, X):
        return 1 / (1 + np.exp(-(X / self.unit).sum(1, keepdims=True)))


class Three:
    def output(self, X):
        return np.abs(np.column_stack([X[:, 0], X[:, 1], X[:, 1] - 1]))


def drawn(ax, k):
    "How many samples of each of k classes are in a figure."
    found = [len(marks.get_offsets()) for marks in ax.collections[-k:]]
    figure_of(ax)
    return found


LABELS = [
    Y,
    2 * Y - 1,
    TEXT[Y],
    TEXT[Y].astype(object),
    Y.astype(bool),
    Y[:, None],
    np.eye(2)[Y],
    1.0 * Y + 4,
]


@pytest.mark.parametrize("y", LABELS, ids=str)
def test_boundary_of_two_classes_leaves_out_none(y):
    ax = plot_decision_boundary(Sigmoid(), X, y, resolution=20)
    assert drawn(ax, 2) == [45, 45]


def test_boundary_of_three_classes_has_a_region_each():
    names = np.array(["a", "b", "c"])
    ax = plot_decision_boundary(Three(), X, names[THREE], resolution=30)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["class a", "class b", "class c"]
    grounds = ax.images[0].get_array().reshape(-1, 3)
    assert drawn(ax, 3) == [30, 30, 30] and len(np.unique(grounds, axis=0)) == 3


def test_a_part_that_lacks_a_class():
    assert drawn(plot_decision_boundary(Three(), X, Y, resolution=9), 3) == [45, 45, 0]
    ax = plot_decision_boundary(Sigmoid(), X, np.ones(90), resolution=9)
    assert drawn(ax, 2) == [0, 90]
    with pytest.raises(ValueError, match="classes="):
        plot_decision_boundary(Three(), X, TEXT[Y])
    ax = plot_decision_boundary(
        Three(), X, TEXT[Y], classes=["yes", "perhaps", "no"], resolution=9
    )
    assert drawn(ax, 3) == [45, 0, 45]


@pytest.mark.parametrize(
    "unit", [[1, 1e4], [1, 1e-3], [1e9, 1e-9], [1, 1], [1e-6, 1e-6]]
)
def test_boundary_of_features_of_any_scale(unit):
    ax = plot_decision_boundary(Sigmoid(unit), X * unit, Y, resolution=9)
    ax.figure.draw_without_rendering()
    box = ax.get_window_extent()
    assert min(box.width, box.height) > 90 and drawn(ax, 2) == [45, 45]


def test_margins_are_a_tenth_of_the_range():
    assert np.allclose(
        plane(np.array([[0, 5], [1e-3, 5]])), [[-1e-4, 4.5], [1.1e-3, 5.5]]
    )


@pytest.mark.parametrize(
    ("model", "X", "y", "message"),
    [
        (Sigmoid(), X, THREE, "expected 2 classes.*0, 1, 2"),
        (Sigmoid(), X[:9], Y, "as many labels"),
        (Sigmoid(), X[:, :1], Y, r"\(n, 2\)"),
        (Sigmoid(), np.full((90, 2), np.nan), Y, "finite"),
        (Sigmoid(), X[:0], Y[:0], "at least one"),
        (Sigmoid(), X, Y + 0.5, "classes"),
        (Sigmoid(), X, np.where(Y, np.nan, 0), "classes"),
    ],
)
def test_boundary_says_what_it_expects(model, X, y, message):
    with pytest.raises(ValueError, match=message):
        plot_decision_boundary(model, X, y)


def test_an_output_that_is_no_probability_has_no_boundary_at_a_half():
    class Linear:
        def output(self, X):
            return X[:, :1]

    with pytest.raises(ValueError, match="between 0 and 1"):
        plot_decision_boundary(Linear(), X, Y)


def test_confusions_of_all_forms_are_counted_alike():
    right, said = RNG.integers(0, 3, 60), RNG.integers(0, 3, 60)
    C = np.zeros((3, 3), int)
    np.add.at(C, (right, said), 1)
    names, rows = np.array(["x", "y", "z"]), np.eye(3)
    for a, b in (
        (right, said),
        (rows[right], said),
        (right[:, None], rows[said]),
        (names[right], names[said]),
        (right - 1.0, said - 1),
    ):
        assert np.array_equal(counts_of(a, b)[0], C)
    backwards, _ = counts_of(names[right], names[said], ["z", "y", "x"])
    assert np.array_equal(backwards, C[::-1, ::-1])
    assert counts_of(Y, Y == 1)[0].tolist() == [[45, 0], [0, 45]]


@pytest.mark.parametrize(
    ("true", "said", "message"),
    [
        (Y, np.linspace(0, 1, 90), "become classes by"),
        (Y, Y[:9], "as many predictions"),
        (np.eye(2)[Y], np.full((90, 2), 0.5), "become classes by"),
        (2 * Y - 1, Y == 1, "of one kind"),
        (TEXT[Y], Y, "of one kind"),
        (Y[:0], Y[:0], "at least one"),
        (np.ones((90, 2)), Y, "zeros and a one"),
    ],
)
def test_what_is_no_class_is_not_counted(true, said, message):
    with pytest.raises(ValueError, match=message):
        plot_confusion_matrix(true, said)


def test_counts_are_whole_numbers():
    y = np.repeat([0, 1], 100_000)
    ax = plot_confusion_matrix(y, y, names=["left", "right"])
    assert {text.get_text() for text in ax.texts} == {"100000", "0"}
    assert [text.get_text() for text in ax.get_xticklabels()] == ["left", "right"]
    figure_of(ax)
    with pytest.raises(ValueError, match="2 names"):
        plot_confusion_matrix(y, y, names=["one"])


@pytest.mark.parametrize("k", [2, 12])
@pytest.mark.parametrize("given", [False, True], ids=["own axes", "given axes"])
def test_long_names_neither_overlap_nor_squeeze(k, given):
    import matplotlib.pyplot as plt

    names = np.array([f"a class of a very long name, number {i}" for i in range(k)])
    y = names[RNG.integers(0, k, 500)]
    ax = plt.subplots(figsize=(5, 4), layout="constrained")[1] if given else None
    ax = plot_confusion_matrix(y, y, ax)
    ax.figure.draw_without_rendering()
    for axis, side in ((ax.xaxis, "x"), (ax.yaxis, "y")):
        boxes = [label.get_window_extent() for label in axis.get_ticklabels()]
        ends = np.sort(
            [[getattr(b, f"{side}0"), getattr(b, f"{side}1")] for b in boxes], axis=0
        )
        assert (ends[1:, 0] >= ends[:-1, 1]).all()
    assert ax.get_window_extent().width > 0.25 * ax.figure.bbox.width
    figure_of(ax)


def test_shortened_names_stay_apart():
    assert shortened(["short", "Iris versicolor of Anderson"]) == [
        "short",
        "Iris ver…Anderson",
    ]
    names = [f"class number {i} of twenty" for i in range(20)]
    assert len(set(shortened(names))) == 20


def test_a_lone_value_is_a_point_and_nan_a_gap():
    def marks(values):
        ax = plot_learning_curve({"train_loss": values})
        (line,) = ax.lines
        figure_of(ax)
        return line.get_marker(), list(line.get_markevery())

    assert marks([0.3]) == ("o", [0])
    assert marks([0.3, np.nan, 0.2, 0.1]) == ("o", [0])
    assert marks([0.3, 0.2]) == ("None", [])
    assert marks([np.nan, np.inf]) == ("None", [])


def test_a_history_without_the_quantity():
    with pytest.raises(ValueError, match="no epoch"):
        plot_learning_curve({})
    with pytest.raises(ValueError, match="train_loss"):
        plot_learning_curve({"train_loss": [1]}, "accuracy")


@pytest.mark.parametrize("y", LABELS, ids=str)
def test_roc_of_any_two_classes(y):
    ax = plot_roc_curve(y, X[:, 1:])
    reversed_order = plot_roc_curve(Y, -X[:, 1], classes=[1, 0])
    assert ax.texts[0].get_text() == reversed_order.texts[0].get_text()
    figure_of(ax), figure_of(reversed_order)


@pytest.mark.parametrize(
    ("y", "scores", "message"),
    [
        (np.ones(90), X[:, 0], "two classes, got samples of 1"),
        (THREE, X[:, 0], "two classes"),
        (Y, X, "a score for each"),
        (Y, X[:9, 0], "a score for each"),
        (Y, np.full(90, np.nan), "finite"),
    ],
)
def test_roc_says_what_it_expects(y, scores, message):
    with pytest.raises(ValueError, match=message):
        plot_roc_curve(y, scores)
