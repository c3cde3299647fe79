"""Chromium in front of the built site: `make docs browser`. Without either of them
these tests fail, they are not skipped."""
import shutil
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

SITE = Path(__file__).parents[2] / "_site"
PAGES = [
    str(path.relative_to(SITE))
    for path in sorted(SITE.rglob("*.html"))
    if path.relative_to(SITE).parts[0] not in ("lite", "_static")
]
if not PAGES:
    raise pytest.UsageError("_site/ has no pages: run `make docs` first")
# the one other host that a page may ask, and only for Python
PYODIDE = "https://cdn.jsdelivr.net/pyodide/"
# One of each kind, with every colour of the style sheets: `--all` looks at all of them
COLOURED = (
    "index.html", "404.html", "search.html", "results.html", "CONTRIBUTING.html",
    "api/losses.html", "nbs/15_metrics.html", "playground/index.html",
)
QUIET = ("gpu", "quic", "background-networking", "component-update", "sync")


def pytest_addoption(parser):
    parser.addoption(
        "--all", action="store_true",
        help="the contrast of colours on every page, and all chapters in Pyodide",
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption("all"):
        return
    few = [
        item for item in items
        if not item.get_closest_marker("weekly")
        and (
            not item.name.startswith("test_colours")
            or item.callspec.params["opened"] in COLOURED
        )
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in few])
    items[:] = few


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        "The tests say what was not served."


@pytest.fixture(scope="session")
def url(tmp_path_factory):
    """Address of the site, in a folder of its host as where it is published, with a
    slash at its end."""
    root = tmp_path_factory.mktemp("host")
    (root / "nn_from_scratch").symlink_to(SITE)
    with ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=root)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/nn_from_scratch/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser():
    path = shutil.which("chromium")
    assert path, "Chromium is missing: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox", "--no-first-run",
                *(f"--disable-{name}" for name in QUIET),
            ],
        )
        yield browser
        browser.close()


class Visit:
    "A page of its own, as if for the first time, and what went over the wire for it."

    def __init__(self, browser, url):
        self.url, self.errors, self.foreign, self.weights = url, [], [], {}
        # colours are judged, and not on their way to others
        self.context = browser.new_context(reduced_motion="reduce")
        self.context.route(lambda address: not address.startswith(url), self.refuse)
        self.page = self.context.new_page()
        self.page.on(
            "console",
            lambda message: (
                message.type == "error" and self.errors.append(message.text)
            ),
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on(
            "requestfailed",
            lambda request: self.errors.append(f"{request.url}: {request.failure}"),
        )
        self.page.on("response", self.weigh)

    def refuse(self, route):
        self.foreign.append(route.request.url)
        route.abort()

    def weigh(self, response):
        if response.status >= 400:
            self.errors.append(f"{response.url}: {response.status}")
        self.weights[response.url] = int(response.headers.get("content-length", 0))

    def open(self, path):
        self.page.goto(self.url + path)
        self.page.evaluate("document.fonts.ready.then(() => null)")
        return self.page


@pytest.fixture
def visit(browser, url):
    visit = Visit(browser, url)
    yield visit
    visit.context.close()


@pytest.fixture(
    scope="module",
    params=[pytest.param(page, marks=pytest.mark.xdist_group(page)) for page in PAGES],
)
def opened(request, browser, url):
    "Each page of the site in turn, opened once for the tests that look at it."
    visit = Visit(browser, url)
    visit.path = request.param
    visit.open(visit.path)
    yield visit
    visit.context.close()


def pytest_terminal_summary(terminalreporter):
    """The heaviest and the slowest pages. Times depend on the machine, so no test
    asserts them."""
    measured = [
        dict(report.user_properties)
        for report in terminalreporter.stats.get("passed", [])
        if report.user_properties
    ]
    for name, unit in ("weight", "MB"), ("largest contentful paint", "s"):
        rows = sorted(
            ((row[name], row["page"]) for row in measured if name in row), reverse=True
        )[:5]
        for value, page in rows:
            terminalreporter.write_line(f"{name} {value:.2f} {unit}  {page}")
