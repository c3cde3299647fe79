"""What an editor says: the package's annotations agree with each other, and a slip in a
program that uses it is underlined."""
import re
import subprocess
import sys

import pytest

HEAD = "from nn_from_scratch import Network, ReLU, Sigmoid\nmodel = Network(2)\n"
SLIPS = {
    "model.trian([[0, 1]], [1])": 'attribute "trian"',
    "model.train([[0, 1]], [1], epohcs=25)": 'parameter named "epohcs"',
    'model.add_layer("16", ReLU())': 'parameter "n_units"',
    "model.add_layer(16)": 'parameter "activation"',
    "Network(2, dtype=64)": 'parameter "dtype"',
    "Sigmoid().fowrard": 'attribute "fowrard"',
}
RIGHT = """
import numpy as np
Network(2, seed=None, dtype=np.float64).theta[:] = 0
model.add_layer(4, ReLU(), dropout=.2)
model.add_output_layer(1, Sigmoid())
model.theta = 2 * model.theta
print(model.layers[0].W.shape, model.loss, model.summary())
"""


@pytest.fixture(scope="module")
def found(repository, tmp_path_factory):
    "What pyright says of the package and of three programs, by the name of the file."
    folder = tmp_path_factory.mktemp("programs")
    readme = (repository / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S)
    programs = {
        "readme": "\n".join(blocks), "right": HEAD + RIGHT,
        "slips": HEAD + "\n".join(SLIPS),
    }
    for name, text in programs.items():
        (folder / f"{name}.py").write_text(text)
    run = subprocess.run(
        [
            sys.executable, "-m", "pyright", "--pythonpath", sys.executable,
            "nn_from_scratch", *folder.glob("*.py"),
        ],
        cwd=repository, capture_output=True, text=True,
    )
    assert re.search(r"^\d+ errors?, ", run.stdout, re.M), run.stdout + run.stderr
    lines = re.findall(r"(\w+)\.py:(\d+):\d+ - (?:error|warning): (.*)", run.stdout)
    return {
        name: [(int(line), said) for file, line, said in lines if file == name]
        for name in {file for file, *_ in lines} | {*programs}
    }


def test_the_package_and_programs_that_are_right_have_no_error(found):
    assert {name: said for name, said in found.items() if said} == {
        "slips": found["slips"]
    }


def test_each_slip_is_found(found):
    first = HEAD.count("\n") + 1
    assert [line for line, _ in found["slips"]] == [
        *range(first, first + len(SLIPS))
    ]
    for (_, said), expected in zip(found["slips"], SLIPS.values()):
        assert expected in said
