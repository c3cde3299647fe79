"""Build JupyterLite into _site/lite/: the chapters as live notebooks, and a prompt,
with the package already there."""
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from shutil import copytree
from urllib.parse import urlencode

import nbformat
from jupyterlite_pyodide_kernel.constants import PYODIDE_KERNEL_PLUGIN_ID

import book

KERNEL = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
PROCESSES = "it starts processes, and a page of a browser has one"
LOOPS = "it compiles loops with Numba, which is not made for browsers"
FILES = "it reads files that do not come with the book"
PACKAGES = "it needs packages that are not made for browsers"
# Chapters that do not run in a page, and why
LEFT_OUT = {
    "23_storage": PROCESSES, "24_estimators": PROCESSES, "26_cli": PROCESSES,
    "27_onnx": PACKAGES, "28_compiled": LOOPS, "29_tables": PACKAGES,
    "35_distributed": PROCESSES, "36_blocks": PROCESSES, "37_loops": LOOPS,
    "38_kernels": LOOPS, "39_acceleration": LOOPS,
    "41_mutants": "it reads all other chapters", "42_parity": PACKAGES,
    "53_mnist": FILES, "54_cup": FILES, "55_speed": PROCESSES, "56_scale": PROCESSES,
    "57_images": FILES, "58_names": FILES, "59_text": FILES, "60_table": PACKAGES,
    "61_report": PACKAGES, "62_comparison": PACKAGES,
}
# Megabytes that the first start loads, rounded: Python, JupyterLite and NumPy, and what
# a chapter may need besides, with all that it depends on
START = 25
MORE = {"matplotlib": 10, "scikit-learn": 20, "sympy": 5}
LEFT_OUT_CELL = re.compile(
    r"^#\| *(default_exp|slow)\b|nbdev_export\(\)|n_workers=2|Thread(PoolExecutor)?\(",
    re.M,
)
HOW_TO = """\
This chapter runs in your browser. **Run > Run All Cells** runs it from the top, and
Shift+Enter one cell at a time; whatever you change stays on your machine. Python is
ready when the circle at the top right is empty. The first start loads about {size} MB
and takes about half a minute. A red cross in place of the circle means that
`cdn.jsdelivr.net`, which Python comes from, was not reached: look whether a network or
an extension of the browser keeps it away and reload the page, or take the chapter's
file from the book and run it with `make lab`."""


def notebook_path(page):
    "Path in JupyterLite of the chapter on a page, or None if it has none there."
    found = page in {chapter.page for chapter in book.chapters()}
    if found and Path(page).name not in LEFT_OUT:
        return f"{page.removeprefix('nbs/')}.ipynb"


@cache
def lazily_needed():
    "Names of the package's functions that load a package when they are called."
    found = {}
    for path in (book.ROOT / book.PACKAGE).rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for inner in ast.walk(node) if hasattr(node, "name") else ():
                if isinstance(inner, (ast.Import, ast.ImportFrom)):
                    names = [inner.module or ""] if hasattr(inner, "module") else [
                        alias.name for alias in inner.names
                    ]
                    found.setdefault(node.name, set()).update(names)
    return found


def packages_of(notebook):
    "What a live notebook needs beyond NumPy: imported in it, or by what it calls."
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "code")
    called = set(re.findall(r"(?<![.\w])(\w+)\(", text))
    needed = set(re.findall(r"^ *(?:from|import) (\w+)", text, re.M))
    for name, modules in lazily_needed().items():
        if name in called: needed |= {module.split(".")[0] for module in modules}
    modules = {"matplotlib": "matplotlib", "sklearn": "scikit-learn", "sympy": "sympy"}
    modules |= {"scipy": "scikit-learn"}  # which brings it
    return sorted({modules[name] for name in needed & modules.keys()})


def how_to_run(page):
    "A line below a chapter's title: a link to its live notebook, or why it has none."
    if not (path := notebook_path(page)):
        reason = LEFT_OUT[Path(page).name]
        root = "../" * page.count("/")
        elsewhere = f"{root}index.html#read-it-run-it-use-it"
        return (f"This chapter does not run in a browser, since {reason}. "
                f'<a href="{elsewhere}">Elsewhere it does.</a>')
    live = readers_copy(book.chapter(page).notebook)
    return (
        f'<a class="run" href="{"../" * page.count("/")}{run_url(page)}">'
        "Run this chapter in your browser</a> with nothing to install. The first start "
        f"loads about {size_of(live)} MB and takes about half a minute."
    )


def size_of(notebook): return START + sum(MORE[p] for p in packages_of(notebook))


def wheel_url():
    "Address of the package's wheel, which the live notebooks load."
    name = f"{book.SETTINGS['lib_name'].replace('-', '_')}-{book.SETTINGS['version']}"
    site = f"{book.SETTINGS['doc_host']}{book.SETTINGS['doc_baseurl']}"
    return f"{site}/lite/pypi/{name}-py3-none-any.whl"


def run_url(page):
    "Address of a chapter's live notebook in the site, or None."
    path = notebook_path(page)
    return path and f"lite/notebooks/index.html?{urlencode({'path': path}, safe='/')}"


def prompt_url(code):
    "Address in the site of a prompt that runs some code when it opens."
    query = urlencode({"kernel": "python", "execute": 1, "code": code})
    return f"lite/repl/index.html?{query}"


def readers_copy(notebook):
    """A chapter without nbdev's directives and without outputs: what is shown has been
    run by the reader."""
    notebook = deepcopy(notebook)
    notebook.metadata = {"kernelspec": KERNEL}
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type != "code"
        or book.directives(cell.source).keys() & {"export", "exports", "exporti"}
        or not LEFT_OUT_CELL.search(cell.source)
    ]
    packages = packages_of(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if book.directives(cell.source).get("code-fold") == "true":
                summary = book.directives(cell.source)["code-summary"]
                cell.source = f"# {summary}\n{cell.source}"
                cell.metadata["jupyter"] = {"source_hidden": True}
            cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M)
            cell.outputs = []
    first = [nbformat.v4.new_markdown_cell(HOW_TO.format(size=size_of(notebook)))]
    if packages:
        code = f"import pyodide_js\nawait pyodide_js.loadPackage({packages})"
        first.append(nbformat.v4.new_code_cell(f"# what this chapter needs\n{code}"))
    notebook.cells[1:1] = first
    return notebook


def settings(wheel, pyodide):
    "Of the kernel: where Pyodide is, and what is loaded with it."
    # The kernel's worker is four folders below the site of JupyterLite, and takes
    # addresses relative to itself
    options = {"packages": ["numpy", f"../../../../pypi/{wheel}"]}
    kernel = {"loadPyodideOptions": options}
    if "://" in pyodide: kernel["pyodideUrl"] = f"{pyodide.rstrip('/')}/pyodide.mjs"
    return kernel


def run(*command, cwd=None):
    "Run a Python module without a word, unless it fails."
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )
    if done.returncode: sys.exit(done.stdout)


def main():
    # address or local copy of a folder with pyodide.mjs; else the public one
    pyodide = os.environ.get("PYODIDE_URL", "")
    with tempfile.TemporaryDirectory() as folder:
        lite = Path(folder)
        # by way of a source distribution, without what an earlier build left in build/
        run("build", "--outdir", lite / "pypi", book.ROOT)
        (wheel,) = (lite / "pypi").glob("*.whl")
        # what the kernel needs and Pyodide does not have
        run(
            "pip", "download", "--no-deps", "--dest", lite / "pypi", "-c",
            book.ROOT / "constraints.txt", "comm",
        )
        for chapter in book.chapters():
            if not (path := notebook_path(chapter.page)): continue
            (lite / "content" / path).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(readers_copy(chapter.notebook), lite / "content" / path)
        if pyodide and "://" not in pyodide: copytree(pyodide, lite / "static/pyodide")
        config = {
            "appName": book.PACKAGE,
            "appUrl": "./tree",
            "exposeAppInBrowser": True,
            "faviconUrl": "../../_static/favicon.svg",
            "litePluginSettings": {
                PYODIDE_KERNEL_PLUGIN_ID: settings(wheel.name, pyodide)
            },
        }
        (lite / "jupyter-lite.json").write_text(
            json.dumps(
                {"jupyter-lite-schema-version": 0, "jupyter-config-data": config}
            ),
            encoding="utf-8",
        )
        run(
            "jupyter", "lite", "build",
            "--lite-dir", lite,
            "--contents", lite / "content",
            "--output-dir", book.ROOT / "_site/lite",
            "--apps", "notebooks", "--apps", "repl", "--apps", "tree",
            "--no-sourcemaps", "--no-unused-shared-packages",
            cwd=lite,
        )


if __name__ == "__main__":
    main()
