"""The chapters as live notebooks: each is found from its page, opens without another
host but Pyodide's, and runs."""
import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlencode

import pytest
from conftest import PYODIDE, SITE
from packaging.utils import canonicalize_name

pytestmark = pytest.mark.browser
ROOT = SITE.parent
LITE = SITE / "lite"
NOTEBOOKS = [
    path.relative_to(LITE / "files").as_posix()
    for path in sorted((LITE / "files").rglob("*.ipynb"))
]
OWN_PYODIDE = LITE / "static/pyodide"
runs = pytest.mark.skipif(
    not OWN_PYODIDE.exists(),
    reason="the site has no Pyodide of its own, see PYODIDE_URL",
)
computes = pytest.mark.skipif(
    not [*OWN_PYODIDE.glob("numpy-*.whl")],
    reason="the site has no Pyodide of its own with NumPy",
)
START = 300_000  # milliseconds for Python to start on a busy machine


def test_every_notebook_is_found_from_its_page():
    links = {
        path.relative_to(SITE / "nbs").with_suffix(".ipynb").as_posix(): re.findall(
            r"lite/notebooks/index\.html\?path=([^\"#]+)",
            path.read_text(encoding="utf-8"),
        )
        for path in (SITE / "nbs").rglob("*.html")
    }
    assert NOTEBOOKS
    assert {page for page, found in links.items() if found} == {*NOTEBOOKS}
    assert all(found in ([], [page]) for page, found in links.items())


def test_the_list_opens(visit):
    visit.open("lite/index.html").get_by_text("01_gradcheck.ipynb").wait_for()
    assert [
        address for address in visit.foreign if not address.startswith(PYODIDE)
    ] == []


def test_button_opens_the_notebook(visit):
    page = visit.open("nbs/01_gradcheck.html")
    page.goto(
        page.locator("a[href*='lite/notebooks']").first.evaluate("link => link.href")
    )
    page.get_by_role("heading", name="Gradient checks", exact=True).wait_for()
    assert page.get_by_text("nbdev_export").count() == 0
    assert [
        address for address in visit.foreign if not address.startswith(PYODIDE)
    ] == []


@runs
def test_the_package_is_already_there(visit):
    code = "import nn_from_scratch; print('version', nn_from_scratch.__version__)"
    visit.open(
        "lite/repl/index.html?"
        + urlencode({"kernel": "python", "execute": 1, "code": code})
    )
    visit.page.get_by_text(re.compile(r"^version [\d.]+\s*$")).wait_for(timeout=START)
    assert visit.foreign == []


@computes
def test_the_landing_page_trains_a_network(visit):
    page = visit.open("index.html")
    page.goto(page.locator("a[href*='lite/repl']").evaluate("link => link.href"))
    printed = re.compile(r"^\{'loss': [\d.]+, 'single_class_error'")
    page.get_by_text(printed).wait_for(timeout=START)
    assert visit.foreign == []


# what JupyterLab calls its own parts: the notebook that is shown, and the kernel
RUN_ALL = """async () => {
    const panel = window.jupyterapp.shell.currentWidget
    await panel.context.ready
    await panel.sessionContext.ready
    await window.jupyterapp.commands.execute('notebook:run-all-cells')
    return panel.content.model.sharedModel.cells
        .filter(cell => cell.cell_type === 'code')
        .map(cell => ({
            source: cell.source, count: cell.execution_count,
            errors: cell.outputs.filter(one => one.output_type === 'error')
                .map(one => one.evalue),
            hidden: cell.getMetadata('jupyter')?.source_hidden ?? false,
        }))
}"""


@computes
@pytest.mark.parametrize("path", ["15_metrics.ipynb", "02_activations.ipynb"])
def test_a_whole_chapter_runs(visit, path):
    page = visit.open(f"lite/notebooks/index.html?path={path}")
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget", timeout=START)
    page.set_default_timeout(0)  # the test's own limit is that of the whole run
    cells = page.evaluate(RUN_ALL)
    written = json.loads((LITE / "files" / path).read_text(encoding="utf-8"))["cells"]
    assert len(cells) == sum(cell["cell_type"] == "code" for cell in written)
    assert [cell for cell in cells if cell["errors"]] == []
    assert [cell["count"] for cell in cells] == list(range(1, 1 + len(cells)))
    solutions = [cell for cell in cells if cell["source"].startswith("# Solution")]
    assert solutions and all(cell["hidden"] for cell in solutions)
    assert visit.foreign == []


def test_the_reader_is_told():
    """The page says how much is loaded, or why a chapter does not run there; the live
    notebook how to run it, and what helps if Python does not start."""
    for page in (SITE / "nbs").rglob("[0-9]*.html"):
        text = page.read_text(encoding="utf-8")
        runs_there = "Run this chapter in your browser</a>" in text
        assert runs_there != ("does not run in a browser, since" in text), page
        assert not runs_there or re.search(r"loads about \d+ MB and takes about", text)
    for path in NOTEBOOKS:
        notebook = json.loads((LITE / "files" / path).read_text(encoding="utf-8"))
        told = "".join(notebook["cells"][1]["source"])
        assert "Run All Cells" in told and "red cross" in told


@computes
def test_sizes_are_those_of_the_files():
    "Megabytes, to a quarter: what hosts compress, and JupyterLite's own, is not exact."
    sys.path.insert(0, str(ROOT / "docs"))
    import lite

    lock = json.loads((OWN_PYODIDE / "pyodide-lock.json").read_text(encoding="utf-8"))
    packages = {
        canonicalize_name(name): package for name, package in lock["packages"].items()
    }
    def size(names, done=()):
        "Of packages with all that they need, and their names."
        files, left = {}, [*names]
        while left:
            name = canonicalize_name(left.pop())
            if name in files or name in done: continue
            path = OWN_PYODIDE / packages[name]["file_name"]
            files[name] = path.stat().st_size / 1e6
            left += packages[name]["depends"]
        return sum(files.values()), {*files, *done}
    core = ("pyodide.asm.wasm", "pyodide.asm.mjs", "pyodide.mjs", "python_stdlib.zip")
    weight, have = size(["numpy", "micropip", "ipython", "jedi"])
    weight += sum((OWN_PYODIDE / name).stat().st_size / 1e6 for name in core)
    assert weight < lite.START < 1.5 * weight  # the rest is JupyterLite
    for name, said in lite.MORE.items():
        assert abs(size([name], have)[0] / said - 1) < .25, name


@computes
def test_every_chapter_runs():
    "All live notebooks in two processes of Pyodide, cell by cell, without their pages."
    (wheel,) = (LITE / "pypi").glob("nn_from_scratch*.whl")
    command = ["node", Path(__file__).with_name("chapters.mjs"), OWN_PYODIDE, wheel]
    parts = [
        subprocess.Popen(
            [*command, *(LITE / "files" / path for path in NOTEBOOKS[i::2])],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]
    done = [part.communicate() for part in parts]
    found = [json.loads(line) for out, _ in done for line in out.splitlines()]
    for one in found: print(f"{one['seconds']:6.1f} s  {Path(one['path']).name}")
    assert [one for one in found if one["error"]] == []
    assert len(found) == len(NOTEBOOKS), [err[-2000:] for _, err in done]
