"""Figures that answer the hand: after some sections of the chapters stands one, drawn
by a small script of `_static/sliders/`. Without scripts there is none, and the
chapter's own figure says what it says in the notebook."""
import json
import re
from typing import Callable, NamedTuple

import numpy as np
from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from nn_from_scratch.activations import ReLU
from nn_from_scratch.initializers import VarianceScaling


class Slider(NamedTuple):
    script: str  # its name, without its suffix
    caption: str  # in Markdown
    values: Callable | None = None  # gives what the script draws from


def through_fifty_layers(c=1, seed=0, width=128, n=64):
    """Mean squares of a signal after each ReLU layer, and of its gradient before it,
    at variances `c / width`, as a list each."""
    rng, relu = np.random.default_rng(seed), ReLU()
    A, draw, passed = rng.normal(size=(n, width)), VarianceScaling(c), []
    for _ in range(50):
        W = draw(rng, width, width)
        Z = A @ W
        A = relu.forward(Z)
        passed.append((W, Z, A))
    dA, gradient = rng.normal(size=A.shape), []
    for W, Z, A in reversed(passed):
        dA = relu.backward(dA, Z, A) @ W.T
        gradient.append(float(f"{np.mean(dA**2):.5g}"))
    signal = [float(f"{np.mean(A**2):.5g}") for _, _, A in passed]
    return {"signal": signal, "gradient": gradient[::-1]}


def drawn_units(seed=2, n=96):
    "What a dropout layer draws for each of its units, in [0, 1)."
    return np.random.default_rng(seed).random(n).round(4).tolist()


# by module and heading of the section that one follows
SLIDERS = {
    ("activations", "Sigmoid"): Slider("steepness", (
        "The sigmoid and its slope for the steepness $a$. The slope at 0 is $a / 4$; "
        "the steeper the middle, the sooner the slope is nearly nothing on both sides."
    )),
    ("initializers", "Fifty layers again"): Slider("depth", (
        "The mean square of the signal after each of fifty ReLU layers of 128 units, "
        "and of the gradient on its way back, for weights of variance "
        "$c / d_\\text{in}$. At $c = 2$, He's variance, neither grows nor fades "
        "exponentially. The weights are the same draw throughout, times a factor."
    ), through_fifty_layers),
    ("regularizers", "Two ways to shrink"): Slider("contours", (
        "The weights at which loss and penalty together are least (filled), the "
        "least loss alone (ring), the curve of equal loss through the filled dot, and "
        "the circle and the diamond of equal penalty through it. As the strength "
        "grows, L1 sets the second weight to exactly 0; L2 does not."
    )),
    ("regularizers", "Dropout"): Slider("dropout", (
        "A layer of 96 units whose values are 1, after dropout at a rate. A unit is "
        "dropped (grey) where the number drawn for it is below the rate; the area of "
        "the others is what they are scaled to, so the mean stays near 1, and is the "
        "further from it the fewer units are left."
    ), drawn_units),
    ("optimizers", "Momentum"): Slider("valley", (
        "Sixty steps from the filled dot in a valley of curvatures 1 and 50. Without "
        "momentum the steps go to and fro across the valley at a rate above "
        "$1 / 50$, and leave it above $2 / 50$; the slow way along it is what momentum "
        "shortens. The factor is the larger $|\\zeta|$ of the two curvatures."
    )),
    ("convolution", "Receptive field"): Slider("field", (
        "The pixels of a line on which one number at the top depends, through layers "
        "of windows. With stride 1 each layer adds the width of a window less one; "
        "with stride 2 each adds twice what the one below it does."
    )),
}
HEADING = re.compile(r"^#{1,6} +(.+)$", re.M)
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def directive(module, heading):
    return f"```{{slider}} {module}\n{heading}\n```"


def place(cells, module):
    """Put the sliders of a chapter into the Markdown of its cells, each before the
    heading that follows its section. Raises `ValueError` if there is no such section.
    """
    waiting = None
    missing = {heading for of, heading in SLIDERS if of == module}
    for cell in cells:
        if cell.cell_type != "markdown":
            continue
        text, end = "", 0
        fenced = [match.span() for match in FENCE.finditer(cell.source)]
        for match in HEADING.finditer(cell.source):
            if any(a < match.start() < b for a, b in fenced):
                continue
            if waiting:
                text += cell.source[end:match.start()]
                text += directive(module, waiting) + "\n\n"
                end = match.start()
            waiting = match[1] if match[1] in missing else None
            missing.discard(match[1])
        cell.source = text + cell.source[end:]
    if missing:
        raise ValueError(f"{module} has no section {', '.join(missing)}")
    if waiting:
        raise ValueError(f"no heading follows the section {waiting}")


class SliderNode(nodes.General, nodes.Element):
    "The place of a slider: its caption, and what its script draws from."


def enter(self, node):
    values = {"data-values": json.dumps(node["values"])} if node["values"] else {}
    ids = [f"slider-{node['script']}"]
    self.body.append(self.starttag(node, "div", ids=ids, CLASS="slider", **values))


def leave(self, node):
    self.body.append("</div>\n")


class SliderDirective(SphinxDirective):
    "The slider of a module, its argument, after the section in the content."
    required_arguments = 1
    has_content = True

    def run(self):
        slider = SLIDERS[self.arguments[0], self.content[0]]
        values = slider.values() if slider.values else None
        node = SliderNode(script=slider.script, values=values)
        caption = nodes.paragraph(classes=["caption"])
        caption += self.parse_inline(slider.caption)[0]
        node += caption
        return [node]


def scripts(app, page, template, context, doctree):
    "A page loads the scripts of its sliders."
    for node in doctree.findall(SliderNode) if doctree else ():
        app.add_js_file(f"sliders/{node['script']}.js", type="module")


def setup(app):
    app.add_node(SliderNode, html=(enter, leave))
    app.add_directive("slider", SliderDirective)
    app.connect("html-page-context", scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
