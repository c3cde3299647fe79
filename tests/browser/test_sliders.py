"""Figures that answer the hand: keys move them, and what they say is what the package
computes."""
import re

import numpy as np
import pytest

from nn_from_scratch.activations import ReLU, Sigmoid
from nn_from_scratch.backprop import Stack
from nn_from_scratch.convolution import Conv2D
from nn_from_scratch.initializers import VarianceScaling
from nn_from_scratch.optimizers import Momentum
from nn_from_scratch.regularizers import L1, L2, Dropout

pytestmark = pytest.mark.browser
PAGES = {
    "steepness": "nbs/02_activations.html", "depth": "nbs/04_initializers.html",
    "contours": "nbs/10_regularizers.html", "dropout": "nbs/10_regularizers.html",
    "valley": "nbs/12_optimizers.html", "field": "nbs/30_convolution.html",
}


class Hand:
    "One slider of a page, moved by keys."

    def __init__(self, visit, name):
        self.visit, self.name = visit, name
        self.page = visit.open(PAGES[name])
        self.place = self.page.locator(f"#slider-{name}.live")
        self.place.scroll_into_view_if_needed()

    def press(self, key, *keys):
        box = self.page.locator(f"#slider-{self.name}-{key}")
        box.focus()
        for each in keys:
            self.page.keyboard.press(each)
        return float(box.input_value())

    def move(self, **values):
        "From the least value step by step, as a key does."
        for key, value in values.items():
            box = self.page.locator(f"#slider-{self.name}-{key}")
            least, step = (float(box.get_attribute(name)) for name in ("min", "step"))
            self.press(key, "Home", *["ArrowRight"] * round((value - least) / step))
            assert float(box.input_value()) == pytest.approx(value)

    def said(self, key):
        text = self.place.locator(f"[data-number={key}]").inner_text()
        numbers = [float(number) for number in text.split(", ")]
        return numbers if len(numbers) > 1 else numbers[0]

    def drawn(self):
        return self.place.locator("svg").inner_html()


@pytest.fixture
def hand(visit):
    return lambda name: Hand(visit, name)


def rounds_to(shown, value):
    "Whether a number that is shown with a few digits is a value."
    return abs(shown - value) <= max(5.1e-5, .051 * abs(value) if value > 1e4 or
                                     abs(value) < 1e-3 else 5.1e-4)


@pytest.mark.parametrize("name", PAGES)
def test_keys_change_the_drawing_and_the_numbers(hand, name):
    slider = hand(name)
    for box in slider.place.locator("input").all():
        key = box.get_attribute("id").rsplit("-", 1)[1]
        assert slider.page.locator(f"label[for={box.get_attribute('id')}]").count() == 1
        seen, said = slider.drawn(), slider.place.locator(".said").inner_text()
        shown = slider.place.locator(f"output[for={box.get_attribute('id')}]")
        before, value = shown.inner_text(), float(box.input_value())
        assert slider.press(key, "ArrowRight") > value
        assert slider.drawn() != seen
        assert slider.place.locator(".said").inner_text() != said
        assert shown.inner_text() != before
        assert box.get_attribute("aria-valuetext") == shown.inner_text()
    assert slider.place.locator(".caption").inner_text()
    assert slider.visit.errors == []


@pytest.mark.parametrize("name", PAGES)
def test_a_drawing_fits_a_phone_and_has_words(hand, name):
    slider = hand(name)
    slider.page.set_viewport_size({"width": 390, "height": 844})
    slider.page.wait_for_function(
        "name => document.querySelector(`#slider-${name} svg`).viewBox.baseVal.width"
        " < 390", arg=name,
    )
    outside = slider.place.evaluate("""place => {
        const {left, right} = place.getBoundingClientRect()
        return [...place.querySelectorAll('svg > *, input')].filter(e => {
            const box = e.getBoundingClientRect()
            return box.left < left - 1 || box.right > right + 1
        }).map(e => e.outerHTML.slice(0, 80))
    }""")
    assert outside == []
    words = slider.place.locator("svg").get_attribute("aria-label")
    assert re.search(r"\d", words)


def test_without_scripts_the_still_figure_stands(browser, url):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(url + PAGES["depth"])
    assert not page.locator("#slider-depth").is_visible()
    assert page.locator(".cell_output img").count()
    context.close()


def test_steepness_is_the_sigmoids(hand):
    slider = hand("steepness")
    for a in (.5, 3):
        slider.move(a=a)
        sigmoid, z = Sigmoid(a=a), np.array([1.])
        A = sigmoid.forward(z)
        assert rounds_to(slider.said("value"), A.item())
        assert rounds_to(slider.said("slope"),
                         sigmoid.backward(np.ones(1), z, A).item())
        assert rounds_to(slider.said("greatest"), a / 4)


def test_depth_is_what_the_layers_do(hand):
    slider, relu = hand("depth"), ReLU()
    for c in (1, 2, 3.5):
        slider.move(c=c)
        rng = np.random.default_rng(0)
        A = rng.normal(size=(64, 128))
        for _ in range(50):
            A = relu.forward(A @ VarianceScaling(c)(rng, 128, 128))
        square = np.mean(A**2)
        assert abs(slider.said("signal") / square - 1) < .051


def test_units_left_are_those_of_the_layer(hand):
    slider = hand("dropout")
    for rate in (.2, .5, .9):
        slider.move(rate=rate)
        layer = Dropout(rate)
        layer.rng = np.random.default_rng(2)
        A = layer.forward(np.ones(96), training=True)
        assert slider.said("kept") == np.count_nonzero(A)
        assert rounds_to(slider.said("scale"), A.max())
        assert rounds_to(slider.said("mean"), A.mean())


def test_no_weights_near_by_are_better(hand):
    slider, H, w0 = hand("contours"), np.array([[1, .4], [.4, .6]]), (1.2, .4)
    offsets = np.linspace(-.05, .05, 101)
    for strength in (.1, .5, 1.2):
        slider.move(strength=strength)
        for key, penalty in ("ridge", L2(strength)), ("lasso", L1(strength)):
            least = np.array(slider.said(key))
            def total(w):
                return (w - w0) @ H @ (w - w0) / 2 + penalty.value(w[:, None])
            near = [least + (a, b) for a in offsets for b in offsets]
            best = near[int(np.argmin([total(w) for w in near]))]
            assert np.abs(best - least).max() < .0016, (key, strength)


def test_the_ball_rolls_as_momentum_does(hand):
    slider = hand("valley")
    S = np.array([[3**.5, -1], [1, 3**.5]]) / 2
    H = S @ np.diag([1, 50]) @ S.T
    for eta, beta in (.01, 0), (.02, .9), (.05, .5):
        slider.move(eta=eta, beta=beta)
        theta, rule = np.array([-2., 1.]), Momentum(beta=beta)
        rule.start(theta)
        for _ in range(60):
            rule.step(theta, H @ theta, eta)
        assert slider.said("loss") == pytest.approx(theta @ H @ theta / 2, rel=.051,
                                                    abs=5.1e-5)
        steps = [[[1 + beta - eta * k, -beta], [1, 0]] for k in (1, 50)]
        factor = max(np.abs(np.linalg.eigvals(step)).max() for step in steps)
        assert rounds_to(slider.said("factor"), factor)


def test_the_field_is_what_a_gradient_reaches(hand):
    slider = hand("field")
    for layers, kernel, stride in (1, 1, 1), (2, 3, 1), (4, 5, 2), (3, 2, 2):
        slider.move(layers=layers, kernel=kernel, stride=stride)
        stack = Stack((1, 200, 1), [Conv2D(1, (1, kernel), stride=(1, stride))
                                    for _ in range(layers)], seed=0, dtype=np.float64)
        stack.theta = np.ones(stack.theta.size)
        dA = np.zeros_like(stack.forward(np.zeros((1, 1, 200, 1)), training=True))
        dA[0, 0, 2] = 1
        for layer in reversed(stack.layers):
            layer.needs_dX = True
            dA = layer.backward(dA)
        assert slider.said("field") == np.count_nonzero(dA)
        assert slider.said("jump") == stride**layers


def test_scripts_are_plain_and_small():
    from conftest import SITE
    folder = SITE / "_static/sliders"
    assert {path.stem for path in folder.glob("*.js")} == {*PAGES, "slider"}
    assert sum(path.stat().st_size for path in folder.iterdir()) < 25_000
