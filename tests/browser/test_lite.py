"""The chapters as live notebooks: each is found from its page, opens without another
host but Pyodide's, and runs."""
import re
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
START = 120_000  # milliseconds for Python to start in the browser


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
    page.get_by_text("val_single_class_error").first.wait_for(timeout=START)
    assert visit.foreign == []


@computes
def test_a_whole_chapter_runs(visit):
    page = visit.open("lite/notebooks/index.html?path=01_gradcheck.ipynb")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for(
        timeout=START
    )
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    prompts = page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt")
    # an error would have stopped before it
    expect(prompts.last).to_have_text(f"[{prompts.count()}]:", timeout=START)
    assert visit.foreign == []
