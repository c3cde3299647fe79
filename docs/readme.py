"""Write README.md, with its figure in README_files/, from nbs/index.ipynb and the outputs committed in it."""
import re
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parent.parent


def reader_cells(notebook):
    "What a reader sees: no plumbing, no directives, no input of `echo: false` cells."
    for cell in notebook.cells:
        directives = re.findall(r"^#\|\s*(.*)$", cell.source, re.M) if cell.cell_type == "code" else []
        if any(re.match(r"(hide|default_exp|exporti?)\b", directive) for directive in directives): continue
        cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M).strip()
        if "echo: false" in directives: cell.metadata["transient"] = {"remove_source": True}
        for output in cell.get("outputs", []):
            if "image/svg+xml" in output.get("data", {}): output.data.pop("text/plain", None)
        cell.metadata["alt"] = next((d.removeprefix("fig-alt: ") for d in directives if d.startswith("fig-alt: ")), "")
        yield cell


def main():
    notebook = nbformat.read(ROOT / "nbs/index.ipynb", as_version=4)
    notebook.metadata["language_info"] = {"name": "python"}  # nbdev_clean takes it away, and the code fences need it
    notebook.cells = list(reader_cells(notebook))
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"unique_key": "README", "output_files_dir": "README_files"})
    for alt in (cell.metadata["alt"] for cell in notebook.cells):
        if alt: text = text.replace("![svg]", f"![{alt}]", 1)
    text = re.sub(r"\]\(\.\./", "](", re.sub(r"\]\(((?:experiments/)?\w+\.ipynb)\)", r"](nbs/\1)", text))
    text = "<!-- Generated from nbs/index.ipynb by `make sync`: edit there, not here. -->\n\n" + re.sub(r"[ \t]+$", "", text, flags=re.M)
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    (ROOT / "README.md").write_text(text, encoding="utf-8")
    (ROOT / "README_files").mkdir(exist_ok=True)
    for old in (ROOT / "README_files").iterdir(): old.unlink()
    for name, data in resources["outputs"].items(): (ROOT / name).write_bytes(data)


if __name__ == "__main__":
    main()
