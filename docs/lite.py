"""Build JupyterLite into _site/lite/: the chapters as live notebooks, and a prompt,
with the package already there."""
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from copy import deepcopy
from functools import cache
from pathlib import Path
from shutil import copytree
from typing import NamedTuple
from urllib.parse import urlencode

import nbformat
from jupyterlite_pyodide_kernel.constants import (
    PYODIDE_KERNEL_PLUGIN_ID, PYODIDE_VERSION,
)

import book

KERNEL = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
# Why the others do not run there: a page of a browser has one process and one thread,
# no compiler, and no files of the repository
FILES = "it reads and writes files of the repository"
PROCESSES = "it starts several processes"
COMPILER = "it compiles with Numba or C, which a browser does not have"
OTHERS = "it compares with libraries that a browser does not have"
DATA = "it reads data sets that are too large to load"
LONG = "it trains for minutes, on several processes"
LEFT_OUT = {
    "23_storage": FILES, "24_estimators": PROCESSES, "26_cli": PROCESSES,
    "27_onnx": OTHERS, "28_compiled": COMPILER, "29_tables": FILES,
    "35_distributed": PROCESSES, "36_blocks": PROCESSES, "37_loops": COMPILER,
    "38_kernels": COMPILER, "39_acceleration": COMPILER, "41_mutants": PROCESSES,
    "42_parity": OTHERS, "53_mnist": DATA, "54_cup": DATA, "55_speed": OTHERS,
    "56_scale": COMPILER, "57_images": DATA, "58_names": DATA, "59_text": DATA,
    "60_table": LONG, "61_report": LONG, "62_comparison": LONG,
}
# packages by the name that is imported, where it is not their own
DISTRIBUTIONS = {"sklearn": "scikit-learn"}
LOADABLE = {"matplotlib", "mpmath", "pandas", "scipy", "sklearn", "sympy", "tqdm"}
OPTIONAL = {"pandas", "tqdm"}  # the package does without them
FIRST_START = "the first start loads 30 to 60 MB and takes up to a minute"
HOW_TO_RUN = """**To run this chapter**, choose *Run > Run All Cells* in the menu, or go
from cell to cell with Shift+Enter, from the first one on: it loads what the chapter
uses. Cells with three dots are solutions; a click on the dots shows them. Changes stay
in this browser. Starting Python for the first time loads 30 to 60 MB and takes up to a
minute."""
PYODIDE_HOST = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE_VERSION}/full"
LEFT_OUT_CELL = re.compile(
    r"^#\| *slow\b|n_workers=2|Thread\(|ThreadPool", re.M
)
PLUMBING = re.compile(r"^#\| *default_exp\b|nbdev_export\(\)", re.M)
SAID_INSTEAD = """*A cell of the chapter is left out here: it takes minutes, or starts
threads or processes, which a page of a browser does not have.*"""


def notebook_path(page):
    "Path in JupyterLite of the chapter on a page, or None if it has none there."
    found = page in {chapter.page for chapter in book.chapters()}
    if found and Path(page).name not in LEFT_OUT:
        return f"{page.removeprefix('nbs/')}.ipynb"


def left_out(page):
    "Why a chapter has no live notebook; nothing for a page that has one, or is none."
    if page in {chapter.page for chapter in book.chapters()}:
        return LEFT_OUT.get(Path(page).name)


class Needs(NamedTuple):
    "What some code imports that a browser has to load, and what it may call."
    imports: set
    names: set  # of functions and classes
    methods: set


def needs_of(*nodes):
    found = Needs(set(), set(), set())
    for part in (part for node in nodes for part in ast.walk(node)):
        if isinstance(part, ast.Import):
            found.imports.update(alias.name for alias in part.names)
        elif isinstance(part, ast.ImportFrom):
            found.imports.add(part.module or "")
        elif isinstance(part, ast.Name):
            found.names.add(part.id)
        elif isinstance(part, ast.Attribute):
            found.methods.add(part.attr)
    tops = {name.partition(".")[0] for name in found.imports}
    return found._replace(imports=tops & LOADABLE)


@cache
def package_needs():
    """Of the package's functions, of its classes when they are made, and of methods of
    any class, by name."""
    names, methods = {}, defaultdict(list)
    for path in (book.ROOT / book.PACKAGE).glob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef):
                names[node.name] = needs_of(node)
            if not isinstance(node, ast.ClassDef):
                continue
            functions = [f for f in node.body if isinstance(f, ast.FunctionDef)]
            special = [f for f in functions if f.name.startswith("__")]
            names[node.name] = needs_of(*special)
            for function in functions:
                methods[function.name].append(function)
    return names, {name: needs_of(*found) for name, found in methods.items()}


def packages(source, follow=True):
    "What code needs beside NumPy, itself and by what it calls of the package."
    names, methods = package_needs()
    own = needs_of(ast.parse(source))
    # methods of a name are many, so only those that the code itself calls
    left = [own]
    if follow:
        left += [methods[name] for name in own.methods & methods.keys()]
    found, seen = own.imports, set()
    while left:
        needs = left.pop()
        found |= needs.imports - OPTIONAL
        new = needs.names & names.keys() - seen
        seen |= new
        left += [names[name] for name in new]
    return sorted(DISTRIBUTIONS.get(name, name) for name in found)


def loading(names):
    "Code that loads packages of Pyodide."
    listed = ", ".join(f'"{name}"' for name in names)
    return f"import pyodide_js\n\nawait pyodide_js.loadPackage([{listed}])"


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
    """Address in the site of a prompt that runs some code when it opens, after what the
    code needs is loaded."""
    if needed := packages(code, follow=False):
        code = f"{loading(needed)}\n\n{code}"
    query = urlencode({"kernel": "python", "execute": 1, "code": code})
    return f"lite/repl/index.html?{query}"


def readers_copy(notebook):
    """A chapter without nbdev's directives and without outputs: what is shown has been
    run by the reader. It starts with how to run it, and solutions are folded."""
    notebook = deepcopy(notebook)
    cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type != "code" or not PLUMBING.search(cell.source)
    ]
    for cell in cells:
        cell.metadata = {}
        if cell.cell_type == "code" and LEFT_OUT_CELL.search(cell.source):
            said = nbformat.v4.new_markdown_cell(SAID_INSTEAD, id=cell.id)
            cell.clear()
            cell.update(said)
        if cell.cell_type == "code":
            if "code-fold" in book.directives(cell.source):
                summary = book.directives(cell.source).get("code-summary", "")
                cell.metadata = {"jupyter": {"source_hidden": True}}
                cell.source = f"# {summary}\n{cell.source}"
            cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M)
            cell.outputs = []
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    needed = packages(code)
    notebook.metadata = {"kernelspec": KERNEL, book.PACKAGE: {"packages": needed}}
    notebook.cells = [nbformat.v4.new_markdown_cell(HOW_TO_RUN)]
    if needed:
        notebook.cells += [nbformat.v4.new_code_cell(loading(needed))]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"start-{number}"
    notebook.cells += cells
    return notebook


def settings(wheel, pyodide):
    "Of the kernel: where Pyodide is, and what is loaded with it."
    # The kernel's worker is four folders below the site of JupyterLite, and takes
    # addresses relative to itself
    options = {"packages": ["numpy", f"../../../../pypi/{wheel}"]}
    kernel = {"loadPyodideOptions": options}
    if "://" in pyodide:
        kernel["pyodideUrl"] = f"{pyodide.rstrip('/')}/pyodide.mjs"
    return kernel


def run(*command, cwd=None):
    "Run a Python module without a word, unless it fails."
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=cwd, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True,
    )
    if done.returncode:
        sys.exit(done.stdout)


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
            if not (path := notebook_path(chapter.page)):
                continue
            (lite / "content" / path).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(readers_copy(chapter.notebook), lite / "content" / path)
        if pyodide and "://" not in pyodide:
            copytree(pyodide, lite / "static/pyodide")
        config = {
            "appName": book.PACKAGE,
            "appUrl": "./tree",
            "exposeAppInBrowser": True,  # for lite.js
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
    for app in "notebooks", "repl":
        page = book.ROOT / f"_site/lite/{app}/index.html"
        if "://" in pyodide:
            source = pyodide
        else:
            source = "../static/pyodide" if pyodide else PYODIDE_HOST
        script = (
            '<script src="../../_static/lite.js" defer '
            f'data-pyodide="{source.rstrip("/")}/"></script>'
        )
        html = page.read_text(encoding="utf-8")
        page.write_text(html.replace("</head>", f"{script}\n</head>"), encoding="utf-8")


if __name__ == "__main__":
    main()
