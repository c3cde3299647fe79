"""Notebooks, package and README say the same, and the notebooks are as a reader should
find them."""
import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_notebooks import NOTEBOOKS, ROOT


def tree(root):
    "Text of every file that `make sync` writes."
    files = [
        *root.glob("nbs/**/*.ipynb"), *root.glob("nn_from_scratch/**/*.py"),
        *root.glob("README_files/*"), root / "README.md", root / "pyproject.toml",
    ]
    return {
        path.relative_to(root): path.read_bytes()
        for path in files
        if ".ipynb_checkpoints" not in path.parts
    }


def sync(root):
    bin = Path(sys.executable).parent
    for command in (["nbdev_clean"], ["nbdev_export"], ["python", "docs/readme.py"]):
        subprocess.run(
            [bin / command[0], *command[1:]], cwd=root, check=True, capture_output=True,
            env={k: v for k, v in os.environ.items() if k != "IN_TEST"},
        )


@pytest.fixture()
def copy(repository, tmp_path):
    "A copy of the repository's sources, to synchronise without touching the original."
    for name in ("nbs", "nn_from_scratch", "docs", "README_files"):
        shutil.copytree(
            repository / name, tmp_path / name,
            ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"),
        )
    for name in ("settings.ini", "pyproject.toml", "README.md"):
        shutil.copy(repository / name, tmp_path)
    return tmp_path


def test_in_step(copy):
    before = tree(copy)
    sync(copy)
    after = tree(copy)
    changed = [
        str(path)
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]
    assert not changed, f"out of step, run `make sync`: {', '.join(changed)}"


def test_out_of_step_is_noticed(copy):
    module = copy / "nn_from_scratch/activations.py"
    module.write_text(module.read_text().replace("1 - A * A", "1 + A * A"))
    before = tree(copy)
    sync(copy)
    assert tree(copy) != before


@pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=[str(path.relative_to(ROOT / "nbs")) for path in NOTEBOOKS]
)
def test_as_a_reader_finds_it(path):
    """Outputs are there, errors are not; sizes are within what a page and a reader
    bear; no trace of a machine."""
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    outputs = [
        output
        for cell in cells
        if cell["cell_type"] == "code"
        for output in cell["outputs"]
    ]
    assert len(cells) <= 80 and path.stat().st_size <= 400_000
    assert all(
        len(source.splitlines()) <= 26 or re.search(r"^class ", source, re.M)
        for source in code
    )
    assert outputs
    assert not any(
        output["output_type"] == "error" or output.get("name") == "stderr"
        for output in outputs
    )
    figures = [
        "".join(output["data"]["image/svg+xml"])
        for output in outputs
        if "image/svg+xml" in output.get("data", {})
    ]
    assert all(len(figure) <= 60_000 for figure in figures)
    assert not re.search(r"/root/|/home/|/tmp/|/work/", json.dumps(outputs))


@pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=[str(path.relative_to(ROOT / "nbs")) for path in NOTEBOOKS]
)
def test_pictures_are_described(path):
    "Each cell that draws has a directive of its own with what is seen, for an `alt`."
    without = [
        number
        for number, cell in enumerate(json.loads(path.read_text())["cells"])
        if cell["cell_type"] == "code"
        and any(kind.startswith("image/") for output in cell["outputs"]
                for kind in output.get("data", {}))
        and not re.search(r"^#\| fig-alt: (\S+ ){3}", "".join(cell["source"]), re.M)
    ]
    assert not without, f"cells of {path.name} without fig-alt: {without}"


def test_modules_are_short(repository):
    for path in repository.glob("nn_from_scratch/**/*.py"):
        if path.name != "_modidx.py":
            # layers hold the gate too, training what is found out after a divergence,
            # storage the file and the run that goes on from it, estimators two classes
            # with their arguments, tables the reading and each kind of column, the
            # command line three commands with their help, onnx a form of each layer,
            # compiled each map of a network
            limits = {"layers.py": 530, "data.py": 463, "training.py": 552,
                      "storage.py": 575, "estimators.py": 750, "tables.py": 560,
                      "cli.py": 585, "table.py": 428, "onnx.py": 565,
                      "compiled.py": 540}
            most = limits.get(path.name, 410)
            assert len(path.read_text().splitlines()) <= most, path


def test_imports_follow_the_reading_order(repository):
    "A module imports only from chapters before it; a chapter's number is its own."
    numbers, missing = {}, []
    for path in NOTEBOOKS:
        cells = [
            "".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]
        ]
        heads = (re.match(r"#\| default_exp (\S+)", cell) for cell in cells)
        module = next((head[1] for head in heads if head), None)
        if module and path.name[0].isdigit():
            numbers[module] = int(path.name[:2])
    assert len(set(numbers.values())) == len(numbers)
    for module, number in numbers.items():
        path = repository / "nn_from_scratch" / f"{module.replace('.', '/')}.py"
        for node in ast.parse(path.read_text()).body:
            if not isinstance(node, ast.ImportFrom) or not node.level:
                continue
            beside = "experiments." if "." in module and node.level == 1 else ""
            imported = f"{beside}{node.module}"
            if numbers[imported] >= number:
                missing.append(f"{module} imports from {imported}")
    assert not missing, missing


def underscored(name):
    return name.startswith("_") and not name.endswith("__")


def private_names(path):
    "Underscored names that a module makes, and those that it takes from elsewhere."
    made, taken = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            made.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
        elif isinstance(node, ast.ImportFrom):
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute):
            own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            (made if own else taken).add(node.attr)
    return {name for name in made if underscored(name)}, {
        name for name in taken if underscored(name)}


def test_private_names_stay_in_their_module(repository):
    """What begins with an underscore is used by its module, and by the methods of a
    class and its subclasses on `self`."""
    package = repository / "nn_from_scratch"
    names = {path: private_names(path) for path in package.glob("**/*.py")}
    of_sklearn = {"_parameter_constraints", "_validate_params"}  # for its estimators
    ours = set().union(*(made for made, _ in names.values())) - of_sklearn
    assert "_layers" in ours
    assert not {path.name: taken & ours for path, (_, taken) in names.items()
                if taken & ours}
