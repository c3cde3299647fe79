"""Write README.md, with its figure in README_files/, from nbs/index.ipynb and the
outputs committed in it."""
import re
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter

ROOT = Path(__file__).parent.parent
HEAD = "<!-- Generated from nbs/index.ipynb by `make sync`: edit there, not here. -->"


def reader_cells(notebook):
    "What a reader sees: no plumbing, no directives, no input of `echo: false` cells."
    for cell in notebook.cells:
        code = cell.source if cell.cell_type == "code" else ""
        directives = re.findall(r"^#\|\s*(.*)$", code, re.M)
        if any(re.match(r"(hide|default_exp|exporti?)\b", d) for d in directives):
            continue
        cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M).strip()
        if "echo: false" in directives:
            cell.metadata["transient"] = {"remove_source": True}
        for output in cell.get("outputs", []):
            if "image/svg+xml" in output.get("data", {}):
                output.data.pop("text/plain", None)
        described = [d for d in directives if d.startswith("fig-alt: ")]
        cell.metadata["alt"] = "".join(described).removeprefix("fig-alt: ")
        yield cell


def main():
    notebook = nbformat.read(ROOT / "nbs/index.ipynb", as_version=4)
    # nbdev_clean takes it away, and the code fences need it
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.cells = list(reader_cells(notebook))
    text, resources = MarkdownExporter().from_notebook_node(
        notebook, {"unique_key": "README", "output_files_dir": "README_files"})
    for alt in (cell.metadata["alt"] for cell in notebook.cells):
        if alt:
            text = text.replace("![svg]", f"![{alt}]", 1)
    text = re.sub(r"\]\(((?:experiments/)?\w+\.ipynb)\)", r"](nbs/\1)", text)
    text = text.replace("](../", "](")
    text = re.sub(r"[ \t]+$", "", text, flags=re.M)
    text = f"{HEAD}\n\n{text}"
    text = re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"
    (ROOT / "README.md").write_text(text, encoding="utf-8")
    (ROOT / "README_files").mkdir(exist_ok=True)
    for old in (ROOT / "README_files").iterdir():
        old.unlink()
    for name, data in resources["outputs"].items():
        (ROOT / name).write_bytes(data)


if __name__ == "__main__":
    main()
