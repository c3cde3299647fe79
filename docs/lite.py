"""Build JupyterLite into _site/lite/: the chapters as live notebooks, and a prompt,
with the package already there."""
import json
import os
import re
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from shutil import copytree
from urllib.parse import urlencode

import nbformat
from jupyterlite_pyodide_kernel.constants import PYODIDE_KERNEL_PLUGIN_ID

import book

KERNEL = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
# A page of a browser has no other processes or threads, and no files of the repository
LEFT_OUT = {
    "23_storage", "24_estimators", "26_cli", "27_onnx", "28_compiled", "29_tables",
    "35_distributed", "36_blocks", "37_loops", "38_kernels", "39_acceleration",
    "41_mutants", "42_parity", "53_mnist", "54_cup", "55_speed", "56_scale",
    "57_images", "58_names", "59_text", "60_table", "61_report", "62_comparison",
}
LEFT_OUT_CELL = re.compile(
    r"^#\| *(default_exp|slow)\b|nbdev_export\(\)|n_workers=2|Thread\(", re.M
)


def notebook_path(page):
    "Path in JupyterLite of the chapter on a page, or None if it has none there."
    found = page in {chapter.page for chapter in book.chapters()}
    if found and Path(page).name not in LEFT_OUT:
        return f"{page.removeprefix('nbs/')}.ipynb"


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
        if cell.cell_type != "code" or not LEFT_OUT_CELL.search(cell.source)
    ]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = re.sub(r"^#\|.*\n?", "", cell.source, flags=re.M)
            cell.outputs = []
    return notebook


def settings(wheel, pyodide):
    "Of the kernel: where Pyodide is, and what is loaded with it."
    # files are stored in chapters that do not run in a browser
    packages = re.findall(r"([\w-]+)>=", book.SETTINGS["requirements"])
    packages.remove("safetensors")
    # The kernel's worker is four folders below the site of JupyterLite, and takes
    # addresses relative to itself
    options = {"packages": [*packages, "sympy", f"../../../../pypi/{wheel}"]}
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
