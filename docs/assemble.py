"""Assemble what Sphinx reads in build/site/: the notebooks as they are, the written
pages filled in, the reference."""
import shutil

from jinja2 import Environment, StrictUndefined

import api
import book
import citations
import lite
import results

SITE = book.ROOT / "build/site"
PAGES = ("index", "results", "cite")


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main():
    shutil.rmtree(SITE, ignore_errors=True)
    for path in (book.ROOT / "nbs").rglob("*.ipynb"):
        if ".ipynb_checkpoints" in path.parts:
            continue
        copy = SITE / path.relative_to(book.ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    figure, described = results.picture("index")
    write(SITE / "figures/moons.svg", figure)
    shutil.copy(results.benchmark("svg"), SITE / "figures/benchmark.svg")
    templates = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
    for name in PAGES:
        page = book.ROOT / f"docs/{name}.md"
        template = templates.from_string(page.read_text(encoding="utf-8"))
        text = template.render(
            vars(results), prompt_url=lite.prompt_url, wheel_url=lite.wheel_url,
            first_start=lite.FIRST_START,
            picture=f"![{described}](figures/moons.svg)",
        )
        write(SITE / f"{name}.md", book.with_links(text, "definition"))
    for name in ("CHANGELOG", "CONTRIBUTING"):
        shutil.copy(book.ROOT / f"{name}.md", SITE)
    title, tables = results.benchmark("md").read_text(encoding="utf-8").split("\n", 1)
    write(SITE / "benchmarks.md", f"{title}\n\n{tables}")
    write(SITE / "bibliography.md", citations.page())
    api.write(SITE / "api")


if __name__ == "__main__":
    main()
