"""What the written pages take from notebooks, reports and settings, so that no number
in them is typed by hand."""
import ast
import re

import nbformat
import yaml

import book

ROOT, SETTINGS = book.ROOT, book.SETTINGS


def cells(page):
    return nbformat.read(ROOT / "nbs" / f"{page}.ipynb", as_version=4).cells


def cell(page, start):
    def code(cell):
        return re.sub(r"^#\|.*\n", "", cell.source, flags=re.M)
    return next(c for c in cells(page) if code(c).startswith(start))


def fence(language, text):
    return f"```{language}\n{text.rstrip()}\n```"


def code(page, start):
    "Source of the first cell that starts with the given text."
    return fence("python", cell(page, start).source)


def section(page, heading):
    "Text of the cell after a heading, with its links made relative to the site's root."
    found = cells(page)
    text = next(
        after.source
        for before, after in zip(found, found[1:])
        if before.source == f"## {heading}"
    )
    return re.sub(r"\]\((?=[\w/]+\.ipynb)", "](nbs/", text)


def after(page, part):
    "Text of the cell after the one that has the given part."
    found = cells(page)
    return next(b.source for a, b in zip(found, found[1:]) if part in a.source)


def texts(page):
    """All outputs of a notebook that are text; of a string its characters, not its
    quotes."""
    for c in cells(page):
        for output in c.get("outputs", []):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            yield ast.literal_eval(text) if text.startswith("'") else text


def outputs(page, *starts):
    "The first text outputs that start with each of the given texts."
    def first(start):
        return next(t for t in texts(page) if t.startswith(start))
    return fence("text", "\n".join(first(start).rstrip() for start in starts))


def markdown(page, start=""):
    "The first output of a notebook that is Markdown and starts with the given text."
    found = (
        output.data["text/markdown"].lstrip("\n")
        for c in cells(page)
        for output in c.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    )
    return next(text for text in found if text.startswith(start))


def picture(page):
    "The first figure of a notebook, and its description."
    for c in cells(page):
        for output in c.get("outputs", []):
            if "image/svg+xml" in output.get("data", {}):
                alt = book.directives(c.source)["fig-alt"]
                return output.data["image/svg+xml"], alt


def benchmark(suffix):
    return max((ROOT / "benchmarks/results").glob(f"*.{suffix}"))


def bibtex():
    "The entry of CITATION.cff."
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    versions = cited["version"], SETTINGS["version"]
    if versions[0] != versions[1]:
        raise ValueError("versions of CITATION.cff and settings.ini differ", versions)
    fields = {
        "title": cited["title"],
        "author": f"{{{' and '.join(author['name'] for author in cited['authors'])}}}",
        "year": SETTINGS["copyright"][:4],
        "version": cited["version"],
        "url": cited["repository-code"],
    }
    lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    return fence("bibtex", f"@software{{{book.PACKAGE},\n{lines}\n}}")
