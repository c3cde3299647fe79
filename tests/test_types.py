"""What an editor says: the package's own annotations agree, and a slip in a program
that uses it is underlined."""
import re
import subprocess
import sys

import pytest

SLIPS = {
    "model.trian(x, y)": 'attribute "trian"',
    "model.train(x, y, epohcs=25)": 'parameter named "epohcs"',
    'model.add_layer("16", ReLU())': "assignable to \"int\"",
    "model.add_layer(16)": 'missing for parameter "activation"',
    'Network(2, dtype=64)': 'parameter "dtype"',
}
RIGHT = """
import numpy as np
model = Network(2, dtype=np.float64)
model.add_layer(4, ReLU(), dropout=.2)
model.add_output_layer(1, Sigmoid())
model.theta = 2 * model.theta
first = model.layers[0].W.shape
"""


@pytest.fixture(scope="module")
def said(repository, tmp_path_factory):
    "Of the package, and of programs beside it: what pyright finds, line by line."
    folder = tmp_path_factory.mktemp("programs")
    readme = (repository / "README.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", readme, re.M | re.S)
    head = "from nn_from_scratch import Network, ReLU, Sigmoid\n"
    programs = {"readme": "\n".join(blocks), "right": head + RIGHT} | {
        f"slip_{i}": f"{head}def program(model: Network, x, y): {line}\n"
        for i, line in enumerate(SLIPS)
    }
    for name, text in programs.items():
        (folder / f"{name}.py").write_text(text)
    config = (repository / "pyproject.toml").read_text()
    [settings] = re.findall(r"^\[tool\.pyright\]\n.*?(?=^\[)", config, re.M | re.S)
    for line in 'include = ["nn_from_scratch"]', 'venvPath = "."', 'venv = ".venv"':
        assert line in settings
    settings = settings.replace('["nn_from_scratch"]', '["*.py", "nn_from_scratch"]')
    settings = re.sub(r"^venv.*\n", "", settings, flags=re.M)
    (folder / "pyproject.toml").write_text(settings)
    (folder / "nn_from_scratch").symlink_to(repository / "nn_from_scratch")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert " errors, " in run.stdout, run.stdout + run.stderr
    return re.findall(r"(\S+)\.py:\d+:\d+ - (?:error|warning): (.*)", run.stdout)
