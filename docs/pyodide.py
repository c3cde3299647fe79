"""Assemble a Pyodide without network at run time: `python docs/pyodide.py FOLDER`, then
`PYODIDE_URL=FOLDER make docs`. It has Python and what of the packages below is pure
Python. Compiled packages, NumPy before all, are neither on npm nor on PyPI: only a
whole Pyodide, from its releases, has them, and that needs no assembling."""
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from shutil import unpack_archive

from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION
from packaging.utils import canonicalize_name, parse_wheel_filename

NEEDED = "micropip", "ipython", "jedi", "tqdm", "sympy", "matplotlib", "scikit-learn"


def with_dependencies(names, lock):
    "The packages, and all that they depend on."
    found, left = {}, [*names]
    while left:
        name = canonicalize_name(left.pop())
        if name not in found:
            found[name] = lock[name]
            left += lock[name]["depends"]
    return found.values()


def main(folder):
    folder.mkdir(parents=True)
    command = ["npm", "pack", "--silent", f"pyodide@{PYODIDE_VERSION}"]
    subprocess.run(command, cwd=folder, check=True)
    (archive,) = folder.glob("*.tgz")
    unpack_archive(archive, folder)
    archive.unlink()
    for path in (folder / "package").iterdir(): path.rename(folder / path.name)
    (folder / "package").rmdir()
    path = folder / "pyodide-lock.json"
    lock = json.loads(path.read_text(encoding="utf-8"))
    packages = {
        canonicalize_name(name): package for name, package in lock["packages"].items()
    }
    pure = [
        package
        for package in with_dependencies(NEEDED, packages)
        if package["file_name"].endswith("-none-any.whl")
    ]
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
        "--only-binary", ":all:", "--platform", "any",
        "--python-version", lock["info"]["python"], "--dest", folder,
        *(f"{p['name']}=={p['version']}" for p in pure),
    ]
    subprocess.run(command, check=True)
    # Pyodide's own wheels are without tests, so their checksums differ
    for wheel in folder.glob("*.whl"):
        packages[parse_wheel_filename(wheel.name)[0]].update(
            file_name=wheel.name, sha256=hashlib.sha256(wheel.read_bytes()).hexdigest()
        )
    path.write_text(json.dumps(lock), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
