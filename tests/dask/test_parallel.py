"""One network trained by several worker processes: the steps of one machine, whatever
happens to the workers."""
import os
import signal

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.distributed import Placed, parallel_training, train_parallel
from nn_from_scratch.training import Training, TrainingDiverged

da = pytest.importorskip("dask.array")
X, y = nn.two_moons(301, 0.2, seed=0)  # three parts, none a multiple of the batch
WEIGHTS = np.random.default_rng(1).uniform(0, 2, len(X))
FEW = {"epochs": 3, "batch_size": 40, "verbose": False}


def network(dtype=np.float64, dropout=0.0):
    model = nn.Network(2, seed=0, dtype=dtype)
    model.add_layer(9, nn.Tanh(), regularizer=nn.ElasticNet(0.01, 0.02))
    model.add_layer(5, nn.ReLU(), dropout=dropout)
    model.add_output_layer(1, nn.Sigmoid())
    return model


def kill(client, at):
    """A callback that kills a worker after step `at`, as a failing machine would, and
    sees to it that it is dead."""
    steps, killed = [], []

    def step(network):
        steps.append(1)
        if len(steps) == at:
            pids = client.run(os.getpid)
            killed.append(pids[min(pids)])
            os.kill(killed[0], signal.SIGKILL)

    def end(network, stats):
        assert killed and killed[0] not in client.run(os.getpid).values()

    return nn.LambdaCallback(on_batch_end=step, on_train_end=end)


CASES = {
    "gradient descent": {},
    "momentum, schedule": {"optimizer": "momentum", "schedule": "cosine"},
    "adam, weights, penalty, clipping": {
        "optimizer": "adam", "regularizer": "l2", "sample_weight": WEIGHTS,
        "class_weight": "balanced", "clip_norm": 0.3, "schedule": "one_cycle"},
    "early stopping on a share": {
        "optimizer": "adam", "validation_split": 0.2, "epochs": 30, "eta": 0.3,
        "estimator": nn.BinaryAccuracy(), "callbacks": [nn.EarlyStopping(2)]},
}


@pytest.mark.parametrize("case", CASES)
def test_a_step_is_that_of_one_machine(client, case):
    options = {**FEW, **CASES[case]}
    local, parallel = network(), network()
    expected = local.train(X, y, **options)
    found = train_parallel(parallel, client, X, y, **options)
    np.testing.assert_allclose(parallel.theta, local.theta, rtol=0, atol=1e-12)
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_single_precision_up_to_rounding(client):
    local, parallel = network(np.float32), network(np.float32)
    local.train(X, y, **FEW)
    train_parallel(parallel, client, X, y, **FEW)
    assert parallel.theta.dtype == np.float32
    np.testing.assert_allclose(parallel.theta, local.theta, rtol=0, atol=1e-5)


def test_several_outputs_and_sequences(client):
    rng = np.random.default_rng(0)
    for shape in (4, (5, 4)):
        def build():
            model = nn.Network(shape, seed=0, dtype=np.float64)
            model.add_layer(6, nn.Tanh())
            model.add_output_layer(3, nn.Softmax())
            return model

        samples = rng.normal(size=(70, *np.atleast_1d(shape)))
        labels = rng.integers(0, 3, samples.shape[:-1])
        local, parallel = build(), build()
        expected = local.train(samples, labels, **FEW)
        found = train_parallel(parallel, client, samples, labels, **FEW)
        np.testing.assert_allclose(parallel.theta, local.theta, rtol=0, atol=1e-12)
        assert np.allclose(found["train_loss"], expected["train_loss"], rtol=1e-12)


def test_a_killed_worker_changes_no_bit(mortal):
    untouched, survivor = network(dropout=0.3), network(dropout=0.3)
    options = {**FEW, "optimizer": "adam", "n_parts": 3}
    expected = train_parallel(untouched, mortal, X, y, **options)
    found = train_parallel(survivor, mortal, X, y, callbacks=[kill(mortal, 5)],
                           **options)
    assert np.array_equal(survivor.theta, untouched.theta)
    assert found == expected


def test_dask_arrays(mortal):
    lazy, labels = da.from_array(X, chunks=(77, 2)), da.from_array(y, chunks=77)
    local, parallel = network(), network()
    options = {**FEW, "validation_split": 0.2}
    expected = local.train(X, y, **options)
    found = train_parallel(parallel, mortal, lazy, labels,
                           callbacks=[kill(mortal, 4)], **options)
    np.testing.assert_allclose(parallel.theta, local.theta, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found["val_loss"], expected["val_loss"], rtol=1e-12)


def test_a_run_moves_between_cluster_and_machine(client, tmp_path):
    "Stored by a run on the cluster, taken up on one machine, and the other way round."
    whole = network()
    whole.train(X, y, optimizer="adam", epochs=4, batch_size=40, verbose=False)
    options = {"optimizer": "adam", "epochs": 4, "batch_size": 40, "n_parts": 3}
    training = parallel_training(network(), client, X, y, **options)
    while training.t < 11:
        training.step()
    state = training.state()
    del options["n_parts"]
    here = Training(network(), X, y, **options).restore(state)
    here.run()
    np.testing.assert_allclose(here.network.theta, whole.theta, rtol=0, atol=1e-12)
    there = network()
    local = Training(network(), X, y, **options)
    for _ in range(11):
        local.step()
    local.network.save(tmp_path / "run", local)
    train_parallel(there, client, X, y, resume=tmp_path / "run", verbose=False,
                   **options)
    np.testing.assert_allclose(there.theta, whole.theta, rtol=0, atol=1e-12)


def test_same_parts_same_bits(client):
    thetas = []
    for _ in range(2):
        model = network(dropout=0.2)
        train_parallel(model, client, X, y, n_parts=4, **FEW)
        thetas.append(model.theta.tobytes())
    assert thetas[0] == thetas[1]


def test_bytes_of_a_step(client):
    "The parameters go to each part, a gradient comes back, and little else."
    training = parallel_training(network(), client, X, y, batch_size=301, n_parts=3,
                                 epochs=1)
    training.run()
    objective, P = training.objective, training.network.theta.size
    assert objective.sent == 8 * (3 * P + 301 + 301)  # row numbers and targets
    assert objective.received == 8 * (3 * P + 301)  # pre-activations


def test_refused_before_anything_is_changed(client):
    model = network()
    before = model.theta.copy()
    normal = nn.Network(2, seed=0)
    normal.add_layer(4, nn.ReLU(), batch_norm=True)
    normal.add_output_layer(1, nn.Sigmoid())
    lazy = da.from_array(X, chunks=(100, 2))
    bad = da.where(da.arange(301, chunks=100)[:, None] == 200, np.nan, lazy)
    for error, words, call in (
        (ValueError, "BatchNorm", lambda: train_parallel(normal, client, X, y)),
        (TypeError, "Client", lambda: train_parallel(model, "localhost", X, y)),
        (ValueError, "301", lambda: train_parallel(model, client, X, y[:9])),
        (ValueError, "301", lambda: train_parallel(model, client, lazy, y[:9])),
        (ValueError, "finite", lambda: train_parallel(model, client, bad, y)),
        (ValueError, "compute_chunk_sizes",
         lambda: train_parallel(model, client, lazy[lazy[:, 0] > 0], y)),
        (TypeError, "LayerRecorder", lambda: train_parallel(
            model, client, X, y, callbacks=[nn.LayerRecorder()])),
    ):
        with pytest.raises(error, match=words):
            call()
        assert np.array_equal(model.theta, before) and model.optimizer is None


def test_divergence_is_reported(client):
    model = nn.Network(2, seed=0)
    model.add_output_layer(1, nn.Linear())
    with pytest.raises(TrainingDiverged, match="smaller eta") as found:
        train_parallel(model, client, X, y, eta=30.0, epochs=90, batch_size=301,
                       verbose=False)
    assert found.value.step and np.isfinite(model.theta).all()


def test_rows_stay_where_they_are(client):
    samples = Placed(client, network(), X, y, n_parts=3)
    rows, Y, _ = samples.block(0, 10, np.arange(301)[::-1])
    assert rows.tolist() == list(range(300, 290, -1)) and Y.shape == (10, 1)
