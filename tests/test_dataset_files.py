"""Data files: where they are looked for, what is read, what is refused. Builds its own
small files; the published ones are checked as well where NN_FROM_SCRATCH_DATA names
their folder."""

import datetime
import gzip
import hashlib
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from nn_from_scratch import datasets as data
from nn_from_scratch.datasets import (
    CUP_FILES,
    MNIST,
    MONK,
    MONK_CASES,
    CorruptData,
    DataNotFound,
    FolderNotFound,
    cache_dir,
    cup,
    cup_blind,
    find_data,
    mnist,
    monk,
    monk_files,
    names,
    read_idx,
    shakespeare,
    write_cup,
)

REAL = os.environ.get("NN_FROM_SCRATCH_DATA")
real = pytest.mark.skipif(
    not REAL, reason="NN_FROM_SCRATCH_DATA names no folder with the published files"
)
IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = MNIST


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    "No variable, an empty cache, and a download that fails."

    def offline(*arguments, **more):
        raise OSError("no network in tests")

    monkeypatch.delenv("NN_FROM_SCRATCH_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("sklearn.datasets.fetch_openml", offline)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def idx(array):
    array = np.asarray(array, np.uint8)
    return (
        bytes([0, 0, 8, array.ndim])
        + b"".join(n.to_bytes(4, "big") for n in array.shape)
        + array.tobytes()
    )


def arrays(seed=0, n=(5, 3)):
    rng = np.random.default_rng(seed)
    return [
        part
        for m in n
        for part in (
            rng.integers(256, size=(m, 28, 28), dtype=np.uint8),
            rng.integers(10, size=m, dtype=np.uint8),
        )
    ]


def write_mnist(folder, parts=None, compress=lambda i: i % 2):
    parts = parts or arrays()
    folder.mkdir(parents=True, exist_ok=True)
    for i, (file, part) in enumerate(zip(MNIST, parts)):
        (folder / (f"{file}.gz" if compress(i) else file)).write_bytes(
            gzip.compress(idx(part)) if compress(i) else idx(part)
        )
    return parts


def monk_lines(problem, part, end="\n", seed=0):
    x_train, y_train, x_test, y_test = monk(problem, False, seed)
    x, y = (x_train, y_train) if part == "train" else (x_test, y_test)
    number = {row.tobytes(): i for i, row in enumerate(x_test)}
    rows = [number[row.tobytes()] for row in x]
    return [
        f" {label} {' '.join(map(str, MONK_CASES[i]))} data_{i + 1}{end}"
        for label, i in zip(y, rows)
    ]


def write_monk(folder, problem, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    for part in ("train", "test"):
        (folder / f"monks-{problem}.{part}").write_text(
            "".join(monk_lines(problem, part, seed=seed))
        )


def cup_lines(start, stop, seed=0):
    rng = np.random.default_rng(seed + start)
    return [
        f"{i}," + ",".join(f"{v:.6f}" for v in rng.normal(size=11)) + "\n"
        for i in range(start, stop)
    ]


HEAD = [
    "# Data Set\n",
    "# Format: id inputs targets\n",
    "id, a1, a2, a3, a4, a5, a6, a7, a8, a9, tx, ty\n",
]


def write_cup_files(folder, lines=None, file="ML-CUP22-TR.csv"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text("".join(lines or HEAD + cup_lines(1, 16)))


# where files are found


@pytest.mark.parametrize("sub", ["", "mnist"])
def test_folder_holds_files_directly_or_in_a_subfolder(folder, sub):
    parts = write_mnist(folder / sub)
    for data_dir in (folder, str(folder)):
        assert np.array_equal(mnist(data_dir, verify=False)[1], parts[1])


def test_order_is_argument_then_variable_then_cache(folder, monkeypatch):
    places = [folder / "argument", folder / "variable", cache_dir()]
    for seed, place in enumerate(places):
        write_mnist(place / "mnist", arrays(seed))
    monkeypatch.setenv("NN_FROM_SCRATCH_DATA", str(places[1]))
    found = [
        find_data("mnist", list(MNIST), places[0]),
        find_data("mnist", list(MNIST)),
    ]
    monkeypatch.delenv("NN_FROM_SCRATCH_DATA")
    found.append(find_data("mnist", list(MNIST)))
    assert [paths[0].parent for paths in found] == [place / "mnist" for place in places]


def test_a_variable_without_the_files_leaves_the_cache(folder, monkeypatch):
    monkeypatch.setenv("NN_FROM_SCRATCH_DATA", str(folder))
    write_cup_files(cache_dir() / "cup")
    assert cup(verify=False)[0].shape == (12, 9)


@pytest.mark.parametrize(
    "load", [mnist, cup, cup_blind, lambda: monk(1), lambda: monk_files(1)]
)
def test_a_variable_that_names_no_folder_is_an_error(folder, monkeypatch, load):
    write_mnist(cache_dir() / "mnist")
    write_cup_files(cache_dir() / "cup")
    write_monk(cache_dir() / "monk", 1)  # not gone on to
    monkeypatch.setenv("NN_FROM_SCRATCH_DATA", str(folder / "typo"))
    with pytest.raises(
        FolderNotFound, match="NN_FROM_SCRATCH_DATA names .*typo, which is no folder"
    ):
        load()
    monkeypatch.setenv("NN_FROM_SCRATCH_DATA", "")  # as good as unset
    assert monk_files(1)


def test_a_set_is_never_mixed_from_two_folders(folder, monkeypatch):
    monkeypatch.setenv("NN_FROM_SCRATCH_DATA", str(folder))
    write_cup_files(folder, cup_lines(1, 6), "cup.internal.train")
    names = ["cup.internal.train", "cup.internal.test"]
    write_cup_files(cache_dir() / "cup", cup_lines(1, 11), names[0])
    write_cup_files(cache_dir() / "cup", cup_lines(11, 21), names[1])
    assert len(cup(verify=False)[2]) == 4
    assert {path.parent for path in find_data("cup", names)} == {cache_dir() / "cup"}


def test_cache_respects_xdg_and_home(monkeypatch):
    assert cache_dir() == Path(os.environ["XDG_CACHE_HOME"], "nn_from_scratch")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache_dir() == Path.home() / ".cache" / "nn_from_scratch"
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", str(Path.home() / "local"))
    assert cache_dir() == Path.home() / "local" / "nn_from_scratch"


@pytest.mark.parametrize(
    "load, files",
    [
        (mnist, list(MNIST)),
        (cup, sum(CUP_FILES, [])),
        (cup_blind, ["ML-CUP22-TS.csv", "cup.blind.test"]),
        (lambda d=None: monk(2, d), ["monks-2.train", "monks-2.test"]),
    ],
)
def test_a_folder_without_the_files_is_an_error_that_says_what_to_do(
    folder, load, files
):
    write_mnist(cache_dir() / "mnist")
    write_cup_files(cache_dir() / "cup")
    write_monk(cache_dir() / "monk", 2)  # not looked at
    with pytest.raises(FolderNotFound) as error:
        load(folder / "typo")
    assert isinstance(error.value, DataNotFound) and isinstance(
        error.value, FileNotFoundError
    )
    lines = str(error.value).splitlines()
    assert len(lines) == 2 and all(file in lines[0] for file in files)
    assert all(
        word in lines[1]
        for word in (
            str(folder / "typo"),
            "data_dir=",
            "--data",
            "NN_FROM_SCRATCH_DATA",
        )
    )


def test_only_what_is_missing_is_named(folder):
    write_mnist(folder)
    (folder / LABELS).unlink(missing_ok=True)
    (folder / f"{LABELS}.gz").unlink(missing_ok=True)
    with pytest.raises(DataNotFound) as error:
        mnist(folder)
    first = str(error.value).splitlines()[0]
    assert LABELS in first and TEST_IMAGES not in first and f"in {folder};" in first
    write_cup_files(folder, file="cup.internal.train")
    with pytest.raises(DataNotFound, match="no cup.internal.test in"):
        cup(folder)


def test_message_without_network(folder):
    with pytest.raises(DataNotFound) as error:
        mnist()
    lines = str(error.value).splitlines()
    assert (
        len(lines) == 2
        and "no network in tests" in lines[0]
        and str(cache_dir() / "mnist") in lines[1]
    )
    with pytest.raises(
        DataNotFound,
        match="no ML-CUP22-TR.csv or cup.train or "
        "cup.internal.train, cup.internal.test in",
    ):
        cup()


@pytest.mark.parametrize("with_pandas", [True, False])
def test_download_is_kept_as_idx_files(monkeypatch, with_pandas):
    calls, rows = [], np.zeros((70000, 784), np.uint8)
    rows[:, 0] = np.arange(70000) % 251
    digits = np.array([str(i % 10) for i in range(70000)], object)

    def fetch(name, **options):
        calls.append((name, options))
        return rows, digits

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: with_pandas)
    made = [
        idx(part)
        for pair in ((rows[:60000], digits[:60000]), (rows[60000:], digits[60000:]))
        for part in (pair[0].reshape(-1, 28, 28), pair[1].astype(np.uint8))
    ]
    checksums = (hashlib.sha256(content).hexdigest() for content in made)
    monkeypatch.setattr(data, "MNIST", dict(zip(data.MNIST, checksums)))
    x_train, y_train, x_test, y_test = mnist()
    assert (
        (x_train.shape, x_test.shape) == ((60000, 784), (10000, 784))
        and y_test[0] == 0
        and y_train[59999] == 9
    )
    assert np.array_equal(x_test[:, 0] * np.float32(255), rows[60000:, 0])
    name, options = calls[0]
    assert (
        name == "mnist_784" and options["version"] == 1 and options["as_frame"] is False
    )
    assert options["parser"] == ("pandas" if with_pandas else "liac-arff") and options[
        "data_home"
    ] == str(cache_dir())
    mnist()
    assert len(calls) == 1 and not list((cache_dir() / "mnist").glob("*.part"))


@pytest.mark.parametrize("verify", [True, False])
def test_a_download_of_other_content_is_not_kept(monkeypatch, verify):
    rows, digits = np.zeros((70000, 784), np.uint8), np.zeros(70000, np.uint8)
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda *a, **k: (rows, digits))
    with pytest.raises(DataNotFound, match="from OpenML: .* SHA-256"):
        mnist(verify=verify)
    assert not list((cache_dir() / "mnist").iterdir())


def test_a_failed_download_leaves_no_files(monkeypatch):
    monkeypatch.setattr(
        "sklearn.datasets.fetch_openml",
        lambda *a, **k: (_ for _ in ()).throw(
            ValueError("md5 checksum does not match")
        ),
    )
    with pytest.raises(DataNotFound, match="md5 checksum does not match"):
        mnist()
    assert not list((cache_dir() / "mnist").iterdir())


# MNIST


@pytest.mark.parametrize("compress", [lambda i: 0, lambda i: 1, lambda i: i % 2])
def test_mnist_values(folder, compress):
    parts = write_mnist(folder, compress=compress)
    x_train, y_train, x_test, y_test = mnist(folder, verify=False)
    assert x_train.dtype == x_test.dtype == np.float32 and y_train.dtype == np.int64
    assert np.array_equal(x_train, (parts[0].reshape(5, 784) / 255).astype(np.float32))
    assert (
        np.array_equal(y_train, parts[1])
        and np.array_equal(y_test, parts[3])
        and x_test.shape == (3, 784)
    )
    assert x_train.flags.writeable and 0 <= x_train.min() and x_train.max() <= 1


def test_pixels_are_exact_quotients():
    values = np.arange(256, dtype=np.uint8)
    ours = np.divide(values, np.float32(255), dtype=np.float32)
    assert (
        ours[0] == 0
        and ours[255] == 1
        and np.array_equal(ours, (values / 255).astype(np.float32))
    )


def test_gzip_is_told_by_its_content(folder):
    write_mnist(folder, compress=lambda i: 0)
    (folder / IMAGES).write_bytes(
        gzip.compress((folder / IMAGES).read_bytes())
    )  # unnamed gzip
    (folder / LABELS).rename(
        folder / f"{LABELS}.gz"
    )  # decompressed on the way, as browsers do
    assert mnist(folder, verify=False)[0].shape == (5, 784)


@pytest.mark.parametrize("shape", [(4,), (2, 3), (2, 3, 4), (1, 1, 1, 5)])
def test_read_idx(folder, shape):
    array = np.random.default_rng(0).integers(256, size=shape, dtype=np.uint8)
    (folder / "a").write_bytes(idx(array))
    (folder / "a.gz").write_bytes(gzip.compress(idx(array)))
    digest = hashlib.sha256(idx(array)).hexdigest()
    for path in (folder / "a", str(folder / "a.gz")):
        read = read_idx(path, digest)
        assert (
            read.dtype == np.uint8
            and np.array_equal(read, array)
            and read.flags.writeable
        )
    with pytest.raises(CorruptData, match=f"SHA-256 {'0' * 16}, got {digest[:16]}"):
        read_idx(folder / "a", "0" * 64)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "got nothing"),
        (b"\0\0\x08", "got 00 00 08"),
        (
            b"\0\0\x0d\1\0\0\0\1\0\0\0\0",
            "expected 00 00 08 and 01 to 08 dimensions, got 00 00 0d 01",
        ),  # float32
        (b"\0\0\x08\0\7", "got 00 00 08 00"),
        (b"\0\0\x08\x80" + bytes(512), "got 00 00 08 80"),
        (b"\0\0\x08\1\0\0", "got 6"),
        (b"\0\0\x08\3" + bytes(12), "without zeros"),
        (b"\0\0\x08\3\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", "without zeros"),
        (b"\0\0\x08\3" + b"\xff" * 12, "got 16"),
        (b"\0\0\x08\1\0\0\0\2\1\2\3", "expected 10 bytes .* got 11"),
        (b"<!DOCTYPE html>", "got 3c 21 44 4f"),
    ],
)
def test_bad_idx(folder, content, message):
    for name, data_ in (("bad", content), ("bad.gz", gzip.compress(content))):
        (folder / name).write_bytes(data_)
        with pytest.raises(CorruptData, match=f"{name}.*{message}"):
            read_idx(folder / name)


def test_every_cut_is_refused(folder):
    write_mnist(folder)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for n in sorted(
            {
                *range(min(len(whole), 40)),
                *range(0, len(whole), 97),
                *range(max(0, len(whole) - 20), len(whole)),
            }
        ):
            path.write_bytes(whole[:n])
            with pytest.raises(CorruptData, match=path.name):
                mnist(folder, verify=False)
        for tail in (b"\1", b"\1\2\3" * 50):
            path.write_bytes(whole + tail)
            with pytest.raises(CorruptData, match=path.name):
                mnist(folder, verify=False)
        path.write_bytes(whole)
    mnist(folder, verify=False)


def test_every_header_bit_matters(folder):
    write_mnist(folder, compress=lambda i: 0)
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        for bit in range(8 * (16 if "images" in path.name else 8)):
            path.write_bytes(
                whole[: bit // 8]
                + bytes([whole[bit // 8] ^ 1 << bit % 8])
                + whole[bit // 8 + 1 :]
            )
            with pytest.raises(CorruptData):
                mnist(folder, verify=False)
        path.write_bytes(whole)


def test_a_flipped_bit_of_a_gzip_file_never_changes_the_data(folder):
    write_mnist(folder, compress=lambda i: 1)
    good = mnist(folder, verify=False)
    for file, step in ((LABELS, 1), (IMAGES, 211)):
        path = folder / f"{file}.gz"
        whole = path.read_bytes()
        refused = 0
        for bit in range(0, 8 * len(whole), step):
            path.write_bytes(
                whole[: bit // 8]
                + bytes([whole[bit // 8] ^ 1 << bit % 8])
                + whole[bit // 8 + 1 :]
            )
            try:
                assert all(map(np.array_equal, mnist(folder, verify=False), good))
            except CorruptData:
                refused += 1
        path.write_bytes(whole)
        assert refused > 0


def test_a_changed_pixel_is_seen_by_the_checksum(folder, monkeypatch):
    parts = write_mnist(folder, compress=lambda i: 0)
    monkeypatch.setattr(
        data,
        "MNIST",
        {
            file: hashlib.sha256(idx(part)).hexdigest()
            for file, part in zip(MNIST, parts)
        },
    )
    mnist(folder)
    changed = bytearray((folder / TEST_IMAGES).read_bytes())
    changed[100] ^= 1
    (folder / TEST_IMAGES).write_bytes(changed)
    with pytest.raises(
        CorruptData,
        match=f"{TEST_IMAGES}: expected the published data, of SHA-256 .*, "
        "got .*verify=False",
    ):
        mnist(folder)
    mnist(folder, verify=False)


@pytest.mark.parametrize(
    "i, replacement, message",
    [
        (0, np.zeros((5, 28, 27)), r"shape \(n, 28, 28\), got \(5, 28, 27\)"),
        (0, np.zeros((5, 784)), r"got \(5, 784\)"),
        (0, np.zeros(5), r"got \(5,\)"),
        (1, np.zeros(4), r"shape \(5,\), a label for each image, got \(4,\)"),
        (1, np.zeros((5, 1)), r"got \(5, 1\)"),
        (3, [1, 2, 10], "label 2: expected 0 to 9, got 10"),
    ],
)
def test_parts_that_do_not_fit(folder, i, replacement, message):
    parts = arrays()
    parts[i] = replacement
    write_mnist(folder, parts)
    with pytest.raises(CorruptData, match=f"{list(MNIST)[i]}.*{message}"):
        mnist(folder, verify=False)


def test_swapped_files(folder):
    write_mnist(folder, compress=lambda i: 0)
    (folder / IMAGES).rename(folder / "x")
    (folder / LABELS).rename(folder / IMAGES)
    (folder / "x").rename(folder / LABELS)
    with pytest.raises(CorruptData, match=IMAGES):
        mnist(folder, verify=False)


# MONK

RULES = {
    1: lambda a: a[0] == a[1] or a[4] == 1,
    2: lambda a: a.count(1) == 2,
    3: lambda a: (a[4] == 3 and a[3] == 1) or (a[4] != 4 and a[1] != 3),
}


@pytest.mark.parametrize(
    "problem, n, wrong, positive",
    [(1, 124, 0, 216), (2, 169, 0, 142), (3, 122, 6, 228)],
)
def test_generated_monk(problem, n, wrong, positive):
    x_train, y_train, x_test, y_test = monk(problem)
    assert (
        x_train.shape == (n, 17)
        and x_test.shape == (432, 17)
        and y_train.shape == (n,)
        and y_test.shape == (432,)
    )
    assert (
        set(np.unique(x_test)) == {0, 1}
        and np.all(x_test.sum(axis=1) == 6)
        and len(np.unique(x_test, axis=0)) == 432
    )
    for block, k in zip(
        np.split(x_test, [3, 6, 8, 11, 15], axis=1), (3, 3, 2, 3, 4, 2)
    ):
        assert block.shape[1] == k and np.all(block.sum(axis=1) == 1)
    assert [bool(y) for y in y_test] == [
        RULES[problem](case) for case in MONK_CASES.tolist()
    ] and y_test.sum() == positive
    truth = {row.tobytes(): y for row, y in zip(x_test, y_test)}
    assert len({row.tobytes() for row in x_train}) == n
    assert sum(truth[row.tobytes()] != y for row, y in zip(x_train, y_train)) == wrong
    assert y_train.dtype.kind == "i" and set(y_train) == {0, 1}


def test_seeds():
    same, other = [monk(3, seed=1) for _ in range(2)], monk(3, seed=2)
    assert (
        all(map(np.array_equal, *same))
        and not np.array_equal(same[0][0], other[0])
        and np.array_equal(same[0][3], other[3])
    )
    flips, code = [], 2.0 ** np.arange(17)
    for seed in range(200):
        x, y, cases, labels = monk(3, seed=seed)
        flips.append(y != labels[(x @ code == (cases @ code)[:, None]).argmax(axis=0)])
    share = np.mean(flips, axis=0)
    assert (
        np.all(np.sum(flips, axis=1) == 6) and share.max() < 0.15
    )  # the wrong labels lie anywhere in the training part


@pytest.mark.parametrize("problem", [0, 4, "1", None])
def test_no_such_problem(problem):
    with pytest.raises(ValueError, match="problem must be 1, 2 or 3, got"):
        monk(problem)


@pytest.mark.parametrize("problem", [1, 2, 3])
def test_monk_files(folder, problem, monkeypatch):
    write_monk(folder / "monk", problem)
    generated = monk(problem, False)
    assert all(
        map(np.array_equal, monk(problem, folder, seed=7, verify=False), generated)
    )
    monkeypatch.setenv("NN_FROM_SCRATCH_DATA", str(folder))
    assert all(
        map(np.array_equal, monk(problem, seed=7, verify=False), generated)
    )  # the files come first
    assert not np.array_equal(monk(problem, False, seed=7)[0], generated[0])
    for part in ("train", "test"):  # other line ends, and compressed
        (folder / "monk" / f"monks-{problem}.{part}").unlink()
        (folder / "monk" / f"monks-{problem}.{part}.gz").write_bytes(
            gzip.compress("".join(monk_lines(problem, part, "\r\n")).encode())
        )
    assert all(map(np.array_equal, monk(problem, folder, verify=False), generated))


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("problem", [1, 2, 3])
def test_a_generated_monk_problem_is_not_accepted_as_the_published_one(
    folder, problem, seed
):
    write_monk(folder, problem, seed)
    with pytest.raises(
        CorruptData,
        match=f"monks-{problem}.train: expected the published data, "
        "of SHA-256 .*verify=False",
    ):
        monk(problem, folder)


def test_all_six_monk_files_have_a_checksum():
    assert list(MONK) == [
        f"monks-{problem}.{part}" for problem in (1, 2, 3) for part in ("train", "test")
    ]
    assert len(set(MONK.values())) == 6 and all(
        len(value) == 64 for value in MONK.values()
    )


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda lines: lines[:-1], "expected 122 rows"),
        (lambda lines: lines + lines[:1], "expected 122 rows"),
        (lambda lines: lines[:-1] + lines[:1], "122 of them distinct"),
        (lambda lines: lines[:-1] + [lines[-1].rstrip()], "end of line"),
        (
            lambda lines: lines[:7] + [lines[7].replace(" data", "5 data")] + lines[8:],
            "row 8: expected",
        ),
        (
            lambda lines: (
                lines[:7] + [lines[7].replace(" data", ".5 data")] + lines[8:]
            ),
            "row 8: expected",
        ),
        (
            lambda lines: lines[:7] + [" 2" + lines[7][2:]] + lines[8:],
            "row 8: expected",
        ),
        (
            lambda lines: (
                lines[:7] + [f" {1 - int(lines[7][1])}" + lines[7][2:]] + lines[8:]
            ),
            "6 against the rule, got",
        ),
        (
            lambda lines: lines[:7] + [lines[7].replace("data_", "data_9")] + lines[8:],
            "row 8: expected",
        ),
        (
            lambda lines: lines[:7] + [lines[7].replace("data_", "data_x")] + lines[8:],
            "line 8: expected finite numbers",
        ),
        (
            lambda lines: (
                lines[:7] + [lines[7].replace("data_", "3 data_")] + lines[8:]
            ),
            "line 8: expected 8 columns, got 9",
        ),
        (
            lambda lines: lines[:7] + [" 1 1 1\n"] + lines[8:],
            "line 8: expected 8 columns, got 3",
        ),
        (lambda lines: [], "rows up to an end of line"),
        (lambda lines: monk_lines(1, "train"), "against the rule"),
        (lambda lines: monk_lines(3, "test"), "expected 122 rows"),
    ],
)
def test_bad_monk_files(folder, change, message):
    write_monk(folder, 3)
    (folder / "monks-3.train").write_text("".join(change(monk_lines(3, "train"))))
    with pytest.raises(CorruptData, match=f"monks-3.train.*{message}"):
        monk(3, folder, verify=False)


def test_every_cut_of_a_table_is_refused(folder):
    write_monk(folder, 1)
    path = folder / "monks-1.train"
    whole = path.read_bytes()
    for n in range(0, len(whole), 13):
        path.write_bytes(whole[:n])
        with pytest.raises(CorruptData, match="monks-1.train"):
            monk(1, folder, verify=False)


# ML-CUP


def sha256_of(lines):
    return hashlib.sha256(
        np.array([[float(v) for v in line.split(",")] for line in lines]).tobytes()
    ).hexdigest()


def test_cup_values(folder):
    lines = cup_lines(1, 16)
    write_cup_files(folder / "cup", HEAD + lines[:4] + ["\n"] + lines[4:])
    x_train, y_train, x_test, y_test = cup(folder, verify=False)
    assert (x_train.shape, y_train.shape, x_test.shape, y_test.shape) == (
        (12, 9),
        (12, 2),
        (3, 9),
        (3, 2),
    )
    expected = np.array([[float(v) for v in line.split(",")][1:] for line in lines])
    found = np.vstack([np.hstack([x_train, y_train]), np.hstack([x_test, y_test])])
    assert found.dtype == np.float64 and sorted(map(bytes, found)) == sorted(
        map(bytes, expected)
    )


@pytest.mark.parametrize("compress", [False, True])
def test_cup_parts_are_the_same_whatever_files_the_rows_come_from(folder, compress):
    lines = cup_lines(1, 31)
    shuffled = [lines[i] for i in np.random.default_rng(1).permutation(30)]
    contents = {
        "a": {"ML-CUP22-TR.csv": HEAD[:2] + lines},
        "b": {"cup.train": HEAD + lines},
        "c": {
            "cup.internal.train": HEAD[2:] + shuffled[:20],
            "cup.internal.test": shuffled[20:],
        },
    }
    found = []
    for name, files in contents.items():
        (folder / name).mkdir()
        for file, text in files.items():
            data_ = "".join(text).encode()
            (folder / name / (f"{file}.gz" if compress else file)).write_bytes(
                gzip.compress(data_) if compress else data_
            )
        found.append(cup(folder / name, verify=False))
    assert all(
        np.array_equal(a, b) for parts in found[1:] for a, b in zip(parts, found[0])
    )


def test_cup_parts_are_drawn_by_the_seed(folder):
    write_cup_files(folder, HEAD + cup_lines(1, 31))
    parts = [cup(folder, verify=False, seed=seed) for seed in (0, 0, 1)]
    assert np.array_equal(parts[0][2], parts[1][2]) and not np.array_equal(
        parts[0][2], parts[2][2]
    )


def test_cup_checksum_is_of_the_numbers(folder, monkeypatch):
    lines = cup_lines(1, 16)
    write_cup_files(folder)
    monkeypatch.setitem(data.CUP, "training", sha256_of(lines))
    cup(folder)
    path = folder / "ML-CUP22-TR.csv"
    text = path.read_bytes()
    for same in (
        text.replace(b"\n", b"\r\n"),
        "".join(lines[::-1]).encode(),
    ):  # other line ends, another order
        path.write_bytes(same)
        cup(folder)
    path.write_bytes(
        b"".join(text.splitlines(keepends=True)[:-1])
    )  # cut between two rows
    with pytest.raises(
        CorruptData, match="ML-CUP22-TR.csv: expected the published data"
    ):
        cup(folder)
    i = text.rindex(b".")
    path.write_bytes(text[: i + 1] + bytes([text[i + 1] ^ 1]) + text[i + 2 :])
    with pytest.raises(
        CorruptData, match="ML-CUP22-TR.csv: expected the published data"
    ):
        cup(folder)


@pytest.mark.parametrize(
    "line, message",
    [
        (
            "16," + ",".join(["0.5"] * 10) + "\n",
            "ML-CUP22-TR.csv, line 17: expected 12 columns, got 11",
        ),
        (
            "16," + ",".join(["0.5"] * 12) + "\n",
            "ML-CUP22-TR.csv, line 17: expected 12 columns, got 13",
        ),
        ("16;0.5\n", "ML-CUP22-TR.csv, line 17: expected 12 columns, got 1"),
        *(
            (
                f"16,{word}," + ",".join(["0.5"] * 10) + "\n",
                "ML-CUP22-TR.csv, line 17: expected finite numbers, "
                f"got b'16,{word},0.5",
            )
            for word in ("nan", "inf", "-inf", "1e999", "", "1.2.3", "abc")
        ),
        (HEAD[2], "ML-CUP22-TR.csv, line 17: expected finite numbers"),
        (
            "16," + ",".join(["0.5"] * 11),
            "ML-CUP22-TR.csv: expected rows up to an end of line",
        ),
        (
            "15," + ",".join(["0.5"] * 11) + "\n",
            "expected every id from 1 to 16 once, got 15 in the place of 16",
        ),
        (
            "17," + ",".join(["0.5"] * 11) + "\n",
            "expected every id from 1 to 16 once, got 17 in the place of 16",
        ),
    ],
)
def test_bad_cup_lines(folder, line, message):
    write_cup_files(folder, HEAD[2:] + cup_lines(1, 16) + [line])
    with pytest.raises(CorruptData) as error:
        cup(folder, verify=False)
    assert message in str(error.value)


def test_cup_files_that_share_a_sample_are_refused(folder):
    write_cup_files(folder, cup_lines(1, 11), "cup.internal.train")
    write_cup_files(folder, cup_lines(10, 15), "cup.internal.test")
    with pytest.raises(
        CorruptData,
        match="cup.internal.train, .*cup.internal.test: "
        "expected every id from 1 to 15 once, got 10",
    ):
        cup(folder, verify=False)


@pytest.mark.parametrize(
    "content",
    [b"", b"# only a comment\n", b"id, a1\n", b"\n\n", b"\x80\xff\x00" * 20 + b"\n"],
)
def test_cup_without_rows(folder, content):
    write_cup_files(folder)
    (folder / "ML-CUP22-TR.csv").write_bytes(content)
    with pytest.raises(CorruptData, match="ML-CUP22-TR.csv"):
        cup(folder, verify=False)


@pytest.mark.parametrize("file", ["ML-CUP22-TS.csv", "cup.blind.test"])
def test_blind_test_has_inputs_alone(folder, file, monkeypatch):
    lines = [",".join(line.split(",")[:10]) + "\n" for line in cup_lines(1, 6)]
    write_cup_files(folder, HEAD[:2] + lines[::-1], file)
    X = cup_blind(folder, verify=False)
    assert X.shape == (5, 9) and X[0, 0] == float(
        lines[0].split(",")[1]
    )  # in the order of the ids
    with pytest.raises(CorruptData, match=f"{file}: expected the published data"):
        cup_blind(folder)
    monkeypatch.setitem(data.CUP, "blind", sha256_of(lines))
    cup_blind(folder)
    write_cup_files(folder, cup_lines(1, 6), file)
    with pytest.raises(
        CorruptData, match=f"{file}, line 1: expected 10 columns, got 12"
    ):
        cup_blind(folder, verify=False)


def test_predictions_are_written_as_the_course_asks(folder):
    path = folder / "team.csv"
    write_cup(
        path,
        np.float32([[1, -2.5], [1e-7, 30]]),
        "team",
        "Ada Lovelace  Alan\nTuring",
        datetime.date(2023, 1, 9),
    )
    assert (
        path.read_text()
        == "# Ada Lovelace Alan Turing\n# team\n# ML-CUP22\n# 09/01/2023\n"
        "1,1.000000,-2.500000\n2,0.000000,30.000000\n"
    )
    before = path.read_bytes()
    with pytest.raises(
        FileExistsError, match="team.csv is there already; overwrite=True"
    ):
        write_cup(path, np.ones((2, 2)))
    assert path.read_bytes() == before
    write_cup(str(path), [[0, 1]], overwrite=True)
    assert path.read_text().endswith(
        "# ML-CUP22\n" + f"# {datetime.date.today():%d/%m/%Y}\n1,0.000000,1.000000\n"
    )


@pytest.mark.parametrize(
    "predictions",
    [np.ones(4), np.ones((2, 3)), [[1, np.nan]], [[np.inf, 0]], np.ones((0, 2, 1))],
)
def test_what_no_predictions_are_is_refused_before_a_file_is_touched(
    folder, predictions
):
    (folder / "kept").write_text("kept")
    for file in ("new", "kept"):
        with pytest.raises(
            ValueError, match=r"expected predictions (of shape \(n, 2\)|to be finite)"
        ):
            write_cup(folder / file, predictions, overwrite=True)
    assert [path.read_text() for path in folder.iterdir()] == ["kept"]


# the module


def test_import_loads_numpy_only():
    others = "sklearn", "scipy", "matplotlib", "pandas", "tqdm", "urllib.request"
    code = ("import sys, nn_from_scratch.datasets; "
            f"print([name for name in {others} if name in sys.modules])")
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_files_load_without_sklearn(folder):
    write_mnist(folder)
    write_cup_files(folder)
    write_monk(folder, 3)
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from nn_from_scratch.datasets import cup, mnist, monk\n"
        "d = sys.argv[1]; mnist(d, verify=False), cup(d, verify=False)\n"
        "monk(3, d, verify=False), monk(1, False)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


# the published files


@real
@pytest.mark.parametrize("problem, n, wrong", [(1, 124, 0), (2, 169, 0), (3, 122, 6)])
def test_published_monk(problem, n, wrong):
    x_train, y_train, x_test, y_test = monk(problem, REAL)
    _, _, cases, labels = monk(problem, False)
    assert np.array_equal(x_test, cases) and np.array_equal(y_test, labels)
    truth = {row.tobytes(): y for row, y in zip(cases, labels)}
    assert (
        len({row.tobytes() for row in x_train}) == n
    )  # no case twice, so no contradictory labels
    assert sum(truth[row.tobytes()] != y for row, y in zip(x_train, y_train)) == wrong


@real
def test_published_mnist():
    tracemalloc.start()
    x_train, y_train, x_test, y_test = mnist(REAL)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        x_train.shape == (60000, 784)
        and x_test.shape == (10000, 784)
        and x_train.dtype == np.float32
    )
    assert np.bincount(y_train).tolist() == [
        5923,
        6742,
        5958,
        6131,
        5842,
        5421,
        5918,
        6265,
        5851,
        5949,
    ]
    assert np.bincount(y_test).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    assert (
        x_train.min() == 0
        and x_train.max() == 1
        and abs(x_train.mean(dtype=float) - 0.1307) < 1e-4
    )
    assert (
        peak < x_train.nbytes + x_test.nbytes + 3 * x_train.size
    )  # one float32 copy, and bytes


@real
def test_published_mnist_by_way_of_openml(monkeypatch):
    images, labels = zip(
        *[
            [read_idx(path) for path in find_data("mnist", names, REAL)]
            for names in ([IMAGES, LABELS], [TEST_IMAGES, TEST_LABELS])
        ]
    )
    rows, digits = (
        np.concatenate(images).reshape(-1, 784).astype(np.int64),
        np.concatenate(labels).astype(str).astype(object),
    )
    monkeypatch.setattr("sklearn.datasets.fetch_openml", lambda *a, **k: (rows, digits))
    assert mnist()[0].shape == (
        60000,
        784,
    )  # the files made of the download have the published checksums


@real
def test_published_cup():
    x_train, y_train, x_test, y_test = cup(REAL)
    assert (
        x_train.shape == (1194, 9)
        and y_train.shape == (1194, 2)
        and x_test.shape == (298, 9)
        and y_test.shape == (298, 2)
    )
    assert (
        x_train[0, 0] == -1.704815
        and y_train[0].tolist() == [22.222923, -27.036774]
        and cup_blind(REAL).shape == (529, 9)
    )


@real
def test_published_cup_under_its_own_names_and_changed_by_a_digit(folder):
    paths = [
        find_data("cup", names, REAL)
        for names in (["cup.internal.train", "cup.internal.test"], ["cup.blind.test"])
    ]
    lines = [
        line
        for path in paths[0]
        for line in path.read_text().splitlines(keepends=True)
        if line[0].isdigit()
    ]
    lines.sort(key=lambda line: int(line.split(",")[0]))
    (folder / "ML-CUP22-TR.csv").write_text("# Data Set (v1)\n" + "".join(lines))
    (folder / "ML-CUP22-TS.csv").write_bytes(paths[1][0].read_bytes())
    assert all(map(np.array_equal, cup(folder), cup(REAL))) and np.array_equal(
        cup_blind(folder), cup_blind(REAL)
    )
    (folder / "ML-CUP22-TR.csv").write_text(
        "".join(lines).replace("-1.704815", "-1.704816", 1)
    )
    with pytest.raises(
        CorruptData, match="ML-CUP22-TR.csv: expected the published data"
    ):
        cup(folder)


@pytest.mark.parametrize("read", [names, shakespeare])
def test_texts_say_where_they_are_published(read, folder):
    for given in (None, folder, folder / "absent.txt"):
        with pytest.raises(DataNotFound, match="is published at https://github.com/"):
            read(given)
    for wrong in (3, "", b"names.txt", ["names.txt"]):
        with pytest.raises(TypeError, match="expected data_dir to be a path"):
            read(wrong)


@pytest.mark.parametrize("packed", [False, True])
def test_a_text_of_ones_own(packed, folder):
    content = "\ufeffZoë\r\n\r\n  Åsa \n".encode()
    mine = folder / "mine.txt"
    mine.write_bytes(gzip.compress(content) if packed else content)
    assert names(mine) == ["Zoë", "Åsa"]
    assert shakespeare(str(mine)) == "Zoë\n\n  Åsa \n"


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"\xff\xfe\x00", b"\x1f\x8b\x08"])
@pytest.mark.parametrize("read", [names, shakespeare])
def test_what_is_no_text(read, content, folder):
    mine = folder / "mine.txt"
    mine.write_bytes(content)
    with pytest.raises(CorruptData, match="mine.txt: expected"):
        read(mine)
    published = folder / f"{read.__name__}.txt"
    published.write_text("emma\n")
    with pytest.raises(CorruptData, match="a path to the file itself reads any"):
        read(folder)


@real
def test_published_texts():
    assert (len(names(REAL)), names(REAL)[0], len(set(names(REAL)))) == (
        32033, "emma", 29494,
    )
    assert len(shakespeare(REAL)) == 1_115_394
    assert len(set(shakespeare(REAL))) == 65
