"""What `make bench` measures, with made times and small cases."""
import importlib

import numpy as np
import pytest


@pytest.fixture()
def module(repository, monkeypatch):
    "A module of the benchmarks, by name."
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    return importlib.import_module


def test_both_modes_train_the_same_network(module):
    pytest.importorskip("numba")
    peers, case = module("peers"), module("cases").Case((4, 8, 3), 16, 96, 1)
    X, y = module("cases").data(case)
    runs = peers.nn_from_scratch, peers.nn_from_scratch_compiled
    outputs = []
    for run in runs:
        train, predict = run(case, X, y)
        train(2)
        outputs.append(predict(X))
    assert np.abs(outputs[0] - outputs[1]).max() < 1e-5


def test_the_time_to_an_accuracy_ends_where_it_is_first_there(module, monkeypatch):
    measure, looked = module("measure"), []
    labels = np.arange(10)
    images = None, None, np.zeros((10, 2)), labels
    monkeypatch.setattr(measure, "images", lambda: images)

    def peer(case, X, y):
        def train(epochs, look):
            for epoch in range(epochs):
                looked.append(epoch)
                look()
        def predict(rows):
            return np.eye(10)[labels if len(looked) > 2 else labels * 0]
        return train, predict

    found = measure.until_98(peer, started=0, seed=1)
    assert found["epochs"] == 3 and found["accuracy"] == 1 and len(looked) == 5


def test_a_report_has_spread_peak_and_slope(module):
    cases, report = module("cases"), module("report")
    name, [roof, _], [rows, *_] = [*cases.TRAINING][0], cases.ROOFS, cases.SLOPES
    slowest = cases.operations(cases.TRAINING[name]) / 1e9  # 1 Gop/s
    memory = {"peak_mb": [100.0] * 3}
    found = {
        roof: {"nn_from_scratch": {"seconds": [0.5, 0.25, 0.5], **memory}},
        name: {
            "nn_from_scratch": {"seconds": [slowest] * 3, **memory},
            "JAX": {"seconds": [slowest / 2, slowest, slowest * 2], **memory},
        },
        rows: {
            "nn_from_scratch": {
                "seconds": [1.0], "points": [[1.0, 1.0]], "exponent": [0.5],
                "peak_mb": [100.0],
            }
        },
    }
    text = report.markdown({
        "date": "today", "machine": "none", "threads": 2, "rounds": 3, "minutes": 1,
        "versions": {}, "cases": found,
    })
    assert "| JAX | 1.00 (0.50 to 2.00) |" in text and "slope 0.50" in text
    assert "1 Gop/s, 25.00 % of the peak" in text and "| 100 | 4 Gop/s |" in text
    assert report.speed({}, name, found[name]["JAX"]) == "1 Gop/s"


def test_memory_is_that_of_the_process(module):
    before = module("memory").peak_mb()
    held = np.ones(10**7)  # 80 MB
    assert 0 < before <= module("memory").peak_mb() and held.all()


def test_a_worker_measures_again_and_says_what_failed(module, repository, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(repository))
    run = module("run")
    worker = run.Worker("nn_from_scratch", 1)
    name = "two moons 2-16-8-1, batch 32"
    answers = [worker.ask(name, 0) for _ in range(2)]
    assert all(answer.keys() == {"seconds"} for answer in answers)
    assert worker.ask(f"{name}, alone", 0).keys() == {"seconds"}
    assert "KeyError" in worker.ask("no such case", 0)["missing"]
    assert worker.process.wait() != 0
    assert worker.ask(name, 0)["missing"].startswith("failed")
    worker.close()
