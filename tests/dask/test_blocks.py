"""Estimators fitted to data that are read a block at a time: arrays of Dask, Parquet,
mapped files."""
import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.preprocessing import StandardScaler

from nn_from_scratch.blocks import blocks, fit_blocks
from nn_from_scratch.estimators import NetworkClassifier, NetworkRegressor

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
pytest.importorskip("pyarrow")
rng = np.random.default_rng(0)
X = (rng.normal(size=(1003, 5)) * [1, 10, 0.1, 3, 1] + [0, 1e4, 0, -7, 1]).astype("f4")
y = (X[:, 0] + X[:, 4] > 1).astype(int)
NAMES = np.array(["low", "high"])[y]
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0, "learning_rate": 0.01}


def sources(folder):
    "The same samples and labels, six times, in four blocks each."
    import pandas as pd

    np.save(folder / "X.npy", X), np.save(folder / "y.npy", y)
    table = pd.DataFrame(X, columns=list("abcde")).assign(label=y)
    table.to_parquet(folder / "table.parquet", row_group_size=251)
    lazy = da.from_array(X, chunks=(251, 3)), da.from_array(y, chunks=251)
    return {
        "array": blocks(X, y, rows=251),
        "files": blocks(folder / "X.npy", folder / "y.npy", rows=251),
        "mapped": blocks(np.load(folder / "X.npy", mmap_mode="r"), y, rows=251),
        "dask array": blocks(*lazy),
        "parquet": blocks(folder / "table.parquet", "label"),
        "dask table": blocks(dd.from_pandas(table, npartitions=4), "label"),
    }


def test_every_source_has_all_rows_once_in_order(tmp_path):
    for name, parts in sources(tmp_path).items():
        assert len(parts) == 4, name
        pairs = [read() for read in parts]
        assert np.array_equal(np.concatenate([part for part, _ in pairs]), X), name
        assert np.array_equal(np.concatenate([labels for _, labels in pairs]), y), name


def test_sources_of_the_same_blocks_fit_the_same_network(tmp_path):
    thetas = []
    for name, parts in sources(tmp_path).items():
        if name in ("dask array", "parquet"):  # both cut after each 251 rows
            model, history = fit_blocks(NetworkClassifier(**SMALL), parts, epochs=3)
            thetas.append(model[-1].network_.theta)
            assert history["val_score"][-1] > 0.9
    np.testing.assert_allclose(*thetas, rtol=0, atol=1e-5)  # tables sum by column


def test_a_mapped_part_of_a_file(tmp_path):
    "A slice of a mapped array keeps its place in the file."
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")[100:][17:]
    found = np.concatenate([read()[0] for read in blocks(mapped, y[117:], rows=300)])
    assert np.array_equal(found, X[117:])
    raw = np.memmap(tmp_path / "raw", "f4", "w+", offset=24, shape=X.shape)
    raw[:] = X
    assert np.array_equal(blocks(raw, y, rows=2000)[0]()[0], X)
    raw = np.memmap(tmp_path / "raw", "f4", "c", offset=24, shape=X.shape)
    raw[5] = 1  # in memory alone
    assert np.array_equal(blocks(raw, y, rows=2000)[0]()[0], raw)


class Recorder(RegressorMixin, BaseEstimator):
    "Keeps what it is given."

    def fit(self, X, y):
        return self

    def partial_fit(self, X, y):
        self.seen_ = [*getattr(self, "seen_", []), (X, y)]
        return self

    def predict(self, X):
        return np.full(len(X), 1.0 / len(self.seen_))


def test_order_scale_and_the_block_kept_out():
    rows = np.arange(1003.0)
    parts = blocks(X, rows, rows=251)
    model, history = fit_blocks(Recorder(), parts, epochs=2, seed=3)
    seen = model[-1].seen_
    first, second = seen[:3], seen[3:]
    trained = np.sort(np.concatenate([y for _, y in first]))
    assert np.array_equal(trained, np.sort(np.concatenate([y for _, y in second])))
    kept = [read()[1] for read in parts if not np.isin(read()[1], trained).any()]
    assert len(kept) == 1 and len(trained) + len(kept[0]) == 1003
    assert all(np.any(np.diff(y) < 0) for _, y in seen)  # rows are shuffled
    scaler = StandardScaler().fit(X[trained.astype(int)])
    together = np.concatenate([x for x, _ in first])
    order = np.concatenate([y for _, y in first]).astype(int)
    assert np.allclose(together, scaler.transform(X)[order], atol=1e-5)
    assert np.allclose(together.mean(axis=0), 0, atol=1e-3)
    assert len(history["val_score"]) == 2


def test_patience_keeps_the_best_epoch():
    parts = blocks(X, X[:, 0] * 0.1 + 0.1, rows=251)
    model, history = fit_blocks(Recorder(), parts, epochs=9, patience=2)
    scores = history["val_score"]
    assert len(model[-1].seen_) == 3 * (np.argmax(scores) + 1)
    assert len(scores) == min(9, np.argmax(scores) + 3)


def test_labels_of_any_kind_and_real_targets():
    model, _ = fit_blocks(NetworkClassifier(**SMALL), blocks(X, NAMES, rows=300))
    assert model.classes_.tolist() == ["high", "low"]
    assert model.score(X, NAMES) > 0.9
    targets = 1000 + 50 * X[:, 0]
    model, history = fit_blocks(NetworkRegressor(**SMALL), blocks(X, targets, rows=300),
                                epochs=15)
    assert history["val_score"][-1] > 0.8


def test_what_cannot_be_read_is_refused(tmp_path):
    files = sources(tmp_path)
    assert files
    np.save(tmp_path / "F.npy", np.asfortranarray(X))
    lazy = da.from_array(X, chunks=(251, 5))
    for error, words, call in (
        (ValueError, "targets", lambda: blocks(X, y[:9])),
        (ValueError, "one of a, b, c, d, e, label",
         lambda: blocks(tmp_path / "table.parquet", "none")),
        (ValueError, "column", lambda: blocks(tmp_path / "table.parquet", y)),
        (ValueError, "compute_chunk_sizes",
         lambda: blocks(lazy[lazy[:, 0] > 0], da.from_array(y)[lazy[:, 0] > 0])),
        (ValueError, "one after the other",
         lambda: blocks(tmp_path / "F.npy", y)[0]()),
        (TypeError, "Parquet", lambda: blocks([[1.0]], [1])),
        (FileNotFoundError, "none", lambda: blocks(tmp_path / "none.npy", y)),
        (ValueError, "2 blocks",
         lambda: fit_blocks(NetworkClassifier(), blocks(X, y, rows=5000))),
    ):
        with pytest.raises(error, match=words):
            call()


PROGRAM = """
import os, sys
import numpy as np
from nn_from_scratch.blocks import blocks, fit_blocks
from nn_from_scratch.estimators import NetworkClassifier

def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if name in line)

X = np.memmap(sys.argv[1], np.float32, "r").reshape(-1, 500)
y = np.load(sys.argv[2], mmap_mode="r")
model, history = fit_blocks(NetworkClassifier((16,), batch_size=1000, random_state=0),
                            blocks(X, y), epochs=1)
print(X.nbytes, memory("VmHWM"), history["val_score"][-1])
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="needs Linux")
def test_a_file_larger_than_the_memory_it_takes(tmp_path):
    """1 GB within 300 MB, and with GIGABYTES=5 in the environment 5 GB within 1 GB: the
    highest resident set of a process of its own, mapped pages included."""
    gigabytes = int(os.environ.get("GIGABYTES", 1))
    some = rng.normal(size=(20_000, 500)).astype(np.float32)  # 40 MB
    copies = 25 * gigabytes
    with open(tmp_path / "X", "wb") as file:
        for _ in range(copies):
            some.tofile(file)
    np.save(tmp_path / "y.npy", np.tile(some[:, 0] + some[:, 1] > 0, copies))
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "X", tmp_path / "y.npy"],
        capture_output=True, text=True, env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    os.unlink(tmp_path / "X")
    assert run.returncode == 0, run.stderr
    size, peak, score = map(float, run.stdout.split())
    print(f"{size / 1e9:.1f} GB, at most {peak / 1e6:.0f} MB, score {score:.3f}")
    assert size == gigabytes * 1e9 and score > 0.9
    assert peak < (300e6 if gigabytes == 1 else 1e9)
