"""Every page of the site: it opens without complaint, is set, fits and can be read by
everyone."""
import json
import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import SITE

pytestmark = pytest.mark.browser
ROOT = SITE.parent


def test_opens_without_complaint_and_alone(opened):
    assert opened.errors == [] and opened.foreign == []


def test_mathematics_is_set(opened):
    body = opened.page.locator("body")
    assert body.locator(".math:not(:has(.katex))").all_inner_texts() == []
    assert body.locator(".katex-error").all_inner_texts() == []
    rest = body.evaluate(
        """body => {
            body = body.cloneNode(true)
            const set = body.querySelectorAll('pre, code, script, .katex')
            set.forEach(e => e.remove())
            return body.textContent
        }"""
    )
    assert re.findall(r"\$[^$\n]+\$|\$\$|\\\(|\\\[|\\begin", rest) == []


def test_no_plumbing(opened):
    assert (
        re.findall(
            r"^#\|.*|^.*nbdev_export\(\)$",
            "\n".join(opened.page.locator(".cell").all_inner_texts()), re.M,
        )
        == []
    )


def test_weight(opened, record_property):
    weight = sum(opened.weights.values()) / 1e6
    record_property("page", opened.path)
    record_property("weight", weight)
    record_property(
        "largest contentful paint",
        opened.page.evaluate(
            "new Promise(done => new PerformanceObserver(list => "
            "done(list.getEntries().at(-1).startTime / 1000))"
            ".observe({type: 'largest-contentful-paint', buffered: true}))"
        ),
    )
    assert weight < 1.5, sorted(
        ((size, address) for address, size in opened.weights.items()), reverse=True
    )[:8]


def violations(page, rules, worded):
    """What axe finds but in mathematics, which KaTeX sets; words stand for the
    thousands of elements in what is `worded` meanwhile."""
    parts = page.evaluate_handle("""worded => {
        const set = [...document.querySelectorAll(worded)]
        const parts = set.map(e => ({element: e, nodes: [...e.childNodes]}))
        const word = e => e.matches('pre') ? e.textContent : 'x'
        set.forEach(e => e.replaceChildren(word(e)))
        return parts
    }""", worded)
    options = {"resultTypes": ["violations"], **rules}
    axe = Axe().run(page, context={"exclude": [[".katex"]]}, options=options)
    page.evaluate(
        "all => all.forEach(one => one.element.replaceChildren(...one.nodes))", parts
    )
    return [
        (rule["id"], rule["help"], [node["target"] for node in rule["nodes"]][:8])
        for rule in axe.response["violations"]
    ]


def test_accessible(opened):
    "By all rules but one: the contrast of colours takes longer than all others."
    but_one = {"rules": {"color-contrast": {"enabled": False}}}
    assert violations(opened.page, but_one, ".katex, .highlight pre") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_differ_enough(opened, theme):
    opened.page.evaluate(
        "theme => document.documentElement.dataset.theme = theme", theme
    )
    assert violations(opened.page, {"runOnly": ["color-contrast"]}, ".katex") == []


def test_fits_a_phone(opened):
    opened.page.set_viewport_size({"width": 390, "height": 844})
    wide = opened.page.evaluate("""() => {
        if (document.documentElement.scrollWidth <= innerWidth) return []
        return [...document.querySelectorAll('body *')]
            .filter(e => e.getBoundingClientRect().right > innerWidth + 1)
            .map(e => e.outerHTML.slice(0, 120))
    }""")
    assert wide == []


def test_a_phone_shows_formulas_and_tables_whole(opened):
    "What stands at their right on a wide screen is below, so nothing has to be moved."
    opened.page.set_viewport_size({"width": 390, "height": 844})
    opened.page.wait_for_timeout(50)  # they are set anew for the new width
    wide = opened.page.evaluate("""() =>
        [...document.querySelectorAll(
            'div.math, .pst-scrollable-table-container:has(> :is(.meanings, .rows))'
        )].filter(box => box.scrollWidth > box.clientWidth + 1)
        .map(box => box.textContent.slice(0, 120))
    """)
    assert wide == []
    assert opened.page.locator(".katex-error").all_inner_texts() == []
    headings = opened.page.locator("[data-heading]").evaluate_all(
        "cells => cells.map(cell => cell.dataset.heading)"
    )
    assert not [heading for heading in headings if "\\" in heading]


def test_code_fits_its_box(opened):
    "On a screen of 1280 pixels, of which a scroll bar takes 15; folded cells as well."
    opened.page.set_viewport_size({"width": 1280 - 15, "height": 720})
    scrolling = opened.page.evaluate("""() => {
        document.querySelectorAll('details').forEach(folded => folded.open = true)
        return [...document.querySelectorAll('.cell_input pre')]
            .filter(box => box.scrollWidth > box.clientWidth)
            .map(box => box.textContent.slice(0, 120))
    }""")
    assert scrolling == []


def test_search_finds_nesterov(visit):
    page = visit.open("search.html?q=nesterov")
    found = page.locator("#search-results a", has_text="Optimisers").first
    found.wait_for()
    page.wait_for_load_state("networkidle")  # else what it still loads is broken off
    found.click()
    page.wait_for_load_state()
    assert "Nesterov" in page.locator("article").inner_text()
    assert not visit.errors and not visit.foreign


def test_dark_mode_toggles(visit):
    page = visit.open("index.html")
    grounds = set()
    for mode in "light", "dark":
        page.locator(".theme-switch-button:visible").click()
        page.locator(f".theme-change-button[data-mode={mode}]:visible").click()
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(grounds) == 2 and not visit.errors


def test_download_is_the_notebook(opened):
    "A page that is a notebook offers it, and no other page offers one."
    notebook = (ROOT / opened.path).with_suffix(".ipynb")
    links = opened.page.locator(
        "a[href$='.ipynb'][download], a.btn-download-source-button[href$='.ipynb']"
    )
    assert (links.count() > 0) == notebook.exists()
    for address in {link.evaluate("link => link.href") for link in links.all()}:
        response = opened.page.request.get(address)
        assert json.loads(response.body()) == json.loads(notebook.read_bytes())
