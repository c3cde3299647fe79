"""The chapters as live notebooks: each is found from its page, opens without another
host but Pyodide's, and runs."""
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest
from conftest import PYODIDE, SITE
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
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
PACKAGE = "nn_from_scratch"
# chapters that every change is tried with; all are, with `--all`
SAMPLE = ["15_metrics.ipynb"]
START = 300_000  # milliseconds for Python to start in the browser


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
    output = page.locator(".jp-OutputArea-output")
    expect(output.filter(has_text="val_single_class_error").first).to_be_visible(
        timeout=START
    )
    assert visit.foreign == []


RUN_ALL = """async () => {
    const pause = (time) => new Promise((done) => setTimeout(done, time));
    const { shell, commands } = window.jupyterapp;
    await commands.execute("notebook:run-all-cells");
    const { content } = shell.currentWidget;
    const cells = [...content.model.cells].filter((cell) => cell.type == "code");
    const failed = () => cells.flatMap((cell) => cell.outputs.toJSON())
        .filter((output) => output.output_type == "error")
        .map((output) => `${output.ename}: ${output.evalue}`);
    const left = () => cells.filter((cell) => cell.executionCount == null);
    while (left().length && !failed().length) await pause(500);
    return { cells: cells.length, left: left().length, failed: failed() };
}"""


@computes
@pytest.mark.parametrize("path", SAMPLE)
def test_a_whole_chapter_runs(visit, path):
    page = visit.open(f"lite/notebooks/index.html?path={path}")
    page.locator("#python-start").filter(has_text="Python starts").wait_for()
    page.locator("html[data-python=ready]").wait_for(timeout=START, state="attached")
    assert page.locator("#python-start").count() == 0
    ran = page.evaluate(RUN_ALL)
    assert ran["cells"] > 5 and ran["failed"] == [] and ran["left"] == 0
    assert visit.foreign == []


@runs
def test_without_pyodide_a_sentence_says_what_to_do(visit):
    visit.context.route("**/static/pyodide/**", lambda route: route.abort())
    page = visit.open(f"lite/notebooks/index.html?path={SAMPLE[0]}")
    expect(page.locator("#python-start")).to_contain_text("make lab", timeout=START)


def test_a_notebook_says_how_to_run_it_and_folds_solutions():
    for path in NOTEBOOKS:
        cells = json.loads((LITE / "files" / path).read_text(encoding="utf-8"))["cells"]
        assert "Run All Cells" in "".join(cells[0]["source"])
        for cell in cells:
            hidden = cell["metadata"].get("jupyter", {}).get("source_hidden", False)
            assert hidden or "".join(cell["source"])[:13] != "# Solution of"


def test_a_chapter_that_does_not_run_says_why():
    for path in (SITE / "nbs").rglob("[0-9]*.html"):
        name = path.relative_to(SITE / "nbs").with_suffix(".ipynb").as_posix()
        said = "This chapter does not run in a browser: " in path.read_text("utf-8")
        assert said == (name not in NOTEBOOKS), name


@computes
@pytest.mark.parametrize(
    "path",
    [
        path if path in SAMPLE else pytest.param(path, marks=pytest.mark.weekly)
        for path in NOTEBOOKS
    ],
)
def test_the_cells_of_a_chapter_run(path):
    (wheel,) = (LITE / "pypi").glob(f"{PACKAGE}*.whl")
    command = [
        "node", Path(__file__).with_name("chapter.mjs"), OWN_PYODIDE, wheel,
        LITE / "files" / path,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-5000:]
