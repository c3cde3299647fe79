"""Put the playground into _site/: its files, and beside them what they load, made here:
addresses, lessons, digits, and the still picture of a run."""
import json
import os
import shutil

import numpy as np
from jupyterlite_pyodide_kernel.constants import PYODIDE_CDN_URL
from sklearn.datasets import load_digits

import book
from nn_from_scratch.playground import Playground, presets

SITE = book.ROOT / "_site"
EPOCHS = 60  # of the still picture


def pyodide_folder():
    "Address of the folder with Pyodide as the page takes it, and its host's policy."
    given = os.environ.get("PYODIDE_URL", "")
    if given and "://" not in given:
        return "../lite/static/pyodide", ""
    address = given.rstrip("/") or PYODIDE_CDN_URL
    return address, f" {address}/"


def addresses(folder):
    "Where Pyodide and the package's wheel are."
    (wheel,) = (SITE / "lite/pypi").glob("nn_from_scratch_book-*.whl")
    return {"pyodide": f"{folder}/pyodide.mjs", "wheel": f"../lite/pypi/{wheel.name}"}


def digits():
    "The digits 0 to 3: two principal components, of deviation 1, and their labels."
    X, y = load_digits(n_class=4, return_X_y=True)
    U = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[0][:, :2]
    points = U * np.sign(U.sum(axis=0)) * np.sqrt(len(X))
    rows = np.column_stack([points.round(3), y]).tolist()
    return [[first, second, int(label)] for first, second, label in rows]


def plain(value):
    "What JSON can say of an answer of the playground: arrays as shape and numbers."
    if isinstance(value, np.ndarray):
        numbers = [float(f"{x:.4g}") if np.isfinite(x) else None for x in value.flat]
        return {"shape": value.shape, "data": numbers}
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def still():
    "The settings, the data and a picture of a run on two moons."
    lesson = next(one for one in presets() if one["name"] == "two-moons")
    play = Playground()
    shown = play.configure(lesson["settings"])
    for _ in range(EPOCHS):
        play.epoch()
    return {**shown, "picture": play.picture()}


def main():
    folder, policy = pyodide_folder()
    place = SITE / "playground"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(book.ROOT / "docs/playground", place)
    page = place / "index.html"
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(" PYODIDE", policy), encoding="utf-8")
    files = {"config": addresses(folder), "presets": presets(), "digits": digits(),
             "still": still()}
    for name, value in files.items():
        text = json.dumps(plain(value), separators=(",", ":"), allow_nan=False)
        (place / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
