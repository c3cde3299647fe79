"""Searches whose fits run on a cluster: the bits of a search on one machine, also if a
worker is killed."""
import os
import signal
import threading
import time

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV

import nn_from_scratch as nn
from nn_from_scratch.distributed import on_cluster
from nn_from_scratch.estimators import NetworkClassifier

X, y = nn.two_moons(300, 0.2, seed=0)
WEIGHTS = np.random.default_rng(1).uniform(0.5, 2, len(X))
CHOICES = {"hidden_layer_sizes": [(8,), (16,)], "learning_rate": [0.01, 0.1]}


def build(seed, units):
    model = nn.Network(2, seed=seed)
    model.add_layer(units, nn.ReLU(), dropout=0.1)
    model.add_output_layer(1, nn.Sigmoid())
    return model


def scores(n_jobs=None, kind=GridSearchCV, epochs=10):
    estimator = NetworkClassifier(epochs=epochs, random_state=0)
    more = {} if kind is GridSearchCV else {"n_iter": 3, "random_state": 0}
    search = kind(estimator, CHOICES, n_jobs=n_jobs, cv=3, **more)
    found = search.fit(X, y, sample_weight=WEIGHTS).cv_results_
    return np.array([found[f"split{i}_test_score"] for i in range(3)]).tobytes()


def own(**options):
    settings = nn.grid(units=[4, 8], eta=[0.1, 0.3])
    return dict(nn.search(build, settings, X, y, k=3, epochs=10, verbose=False,
                          sample_weight=WEIGHTS, **options))


def kill_one(client):
    "Kill a worker as soon as it computes; the list gets its number."
    killed, pids = [], client.run(os.getpid)

    def watch():
        while not killed:
            for worker, tasks in client.processing().items():
                if tasks and not killed:
                    os.kill(pids[worker], signal.SIGKILL)
                    killed.append(pids[worker])
            time.sleep(0.05)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return killed, thread


def test_scikit_learn_searches_have_the_same_bits(client):
    for kind in (GridSearchCV, RandomizedSearchCV):
        with joblib.parallel_backend("dask"):
            found = scores(-1, kind)
        with on_cluster(client):
            again = scores(-1, kind)
        assert found == again == scores(kind=kind)


def test_own_search_has_the_same_bits(client):
    with joblib.parallel_backend("dask"):
        found = own(n_workers=-1)
    with on_cluster(client):
        assert own(n_workers=-1) == found == own()
    assert not any(found["error"])


@pytest.mark.parametrize("search", [lambda: scores(-1, epochs=40), own])
def test_a_killed_worker_is_survived(mortal, search):
    killed, thread = kill_one(mortal)
    with on_cluster(mortal):
        found = search()
    thread.join(60)
    assert killed and killed[0] not in mortal.run(os.getpid).values()
    assert found == (own() if search is own else scores(epochs=40))


def test_what_is_no_client_is_refused():
    with pytest.raises(TypeError, match="Client"):
        with on_cluster("localhost:8786"):
            pass
