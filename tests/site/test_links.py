"""Every link, anchor and image of the built site leads somewhere; `make docs` runs this
after it has built _site/."""
import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from lxml import html

ROOT = Path(__file__).parent.parent.parent
SITE = ROOT / "_site"
PAGES = sorted(
    path.relative_to(SITE).as_posix()
    for path in SITE.rglob("*.html")
    if path.relative_to(SITE).parts[0] not in ("_static", "lite")
)
LISTED = set((ROOT / "docs/links.txt").read_text().split())


def setting(name):
    return next(
        line.split(" = ")[1]
        for line in (ROOT / "settings.ini").read_text().splitlines()
        if line.startswith(f"{name} = ")
    )


HOST = f"https://{setting('user')}.github.io/{setting('repo')}/"
REPOSITORY = f"{setting('user')}/{setting('repo')}"
OWN = tuple(
    start + REPOSITORY
    for start in (
        "https://github.com/", "https://colab.research.google.com/github/",
        "https://mybinder.org/v2/gh/",
    )
)


@cache
def tree(page):
    return html.parse(SITE / page).getroot()


@cache
def anchors(page):
    return {*tree(page).xpath("//@id"), *tree(page).xpath("//a/@name"), "", "top"}


def addresses(page):
    """What a page loads or links to, resolved as a browser does; a page for any depth
    has absolute paths."""
    found = tree(page).xpath(
        "//a/@href | //link/@href | //img/@src | //script/@src"
        " | //meta[@property='og:image']/@content"
    )
    return {
        urljoin(HOST + page, address)
        for address in found
        if not address.startswith(("data:", "javascript:"))
    }


def problem(address):
    "What is wrong with an address, or None."
    if not address.startswith(HOST):
        return (
            None
            if address.startswith(OWN) or address in LISTED
            else "is not in docs/links.txt"
        )
    parts = urlsplit(address[len(HOST):])
    path = unquote(parts.path) or "index.html"
    if not (SITE / path).is_file():
        return "does not exist"
    if parts.fragment.startswith("preset="):
        lessons = json.loads((SITE / "playground/presets.json").read_text())
        found = parts.fragment[7:] in {lesson["name"] for lesson in lessons}
        return None if found else "is no lesson"
    if path.endswith(".html") and unquote(parts.fragment) not in anchors(path):
        return "has no such anchor"


@pytest.mark.parametrize("page", PAGES)
def test_links(page):
    broken = {
        address: wrong
        for address in sorted(addresses(page))
        if (wrong := problem(address))
    }
    assert not broken, "\n".join(
        f"{address} {wrong}" for address, wrong in broken.items()
    )


@pytest.mark.parametrize("page", PAGES)
def test_images_are_described(page):
    assert not [
        image.get("src")
        for image in tree(page).xpath("//main//img")
        if not image.get("alt")
    ]


@pytest.mark.parametrize("page", PAGES)
def test_an_id_is_given_once(page):
    ids = tree(page).xpath("//@id")
    assert len(ids) == len(set(ids)), {name for name in ids if ids.count(name) > 1}


def test_the_wheel_that_pip_is_told_to_install_is_there():
    told = re.findall(r"pip install (\S+\.whl)", tree("index.html").text_content())
    assert told and [address for address in told if problem(address)] == []


def test_site_is_whole():
    notebooks = [
        path.relative_to(ROOT) for path in (ROOT / "nbs").rglob("[0-9]*.ipynb")
    ]
    for path in notebooks:
        assert (SITE / path.with_suffix(".html")).is_file(), path
        assert (SITE / "_sources" / path).read_bytes() == (ROOT / path).read_bytes(), (
            f"{path}: the download is not the notebook"
        )
