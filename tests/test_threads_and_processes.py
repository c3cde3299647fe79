"""Networks in several threads, in forked processes, a thousand times in one process,
and in processes that are told to end."""

import copy
import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch.training import turn

X, y = nn.two_moons(300, 0.2, seed=0)
posix = pytest.mark.skipif(os.name != "posix", reason="fork and signals of POSIX")


def network(seed=0, units=8):
    model = nn.Network(2, seed=seed)
    model.add_layer(units, nn.ReLU(), dropout=0.1, batch_norm=True)
    model.add_output_layer(1, nn.Sigmoid())
    return model


def trained(seed, **options):
    model = network(seed)
    stats = model.train(X, y, X[:50], y[:50], optimizer="adam", verbose=False,
                        **{"epochs": 8, **options})
    return model.theta.tobytes(), pickle.dumps(model.snapshot()), dict(stats)


# --- threads


def test_predictions_from_eight_threads():
    model = network()
    model.train(X, y, epochs=2, verbose=False)
    parts = [X[i:i + n] for n in (1, 7, 60) for i in range(0, 240, 12)]
    alone = [model.output(part) for part in parts]
    scores = model.evaluate(X, y, nn.BinaryAccuracy())
    together = threading.Barrier(8)

    def predict(_):
        together.wait(60)
        return [[model.output(part) for part in parts] for _ in range(5)], \
            model.evaluate(X, y, nn.BinaryAccuracy())

    with ThreadPoolExecutor(8) as pool:
        for rounds, found in pool.map(predict, range(8)):
            assert found == scores
            for outputs in rounds:
                assert all(map(np.array_equal, outputs, alone))


def test_threads_keep_their_own_error_handling():
    "NumPy's `errstate` as a decorator mixes it up among threads before NumPy 2."
    sigmoid, Z = nn.Sigmoid(), np.linspace(-900, 900, 50)
    together, interval = threading.Barrier(4), sys.getswitchinterval()

    def predict(i):
        with np.errstate(all="raise" if i % 2 else "warn"):
            before = np.geterr()
            together.wait(60)
            for _ in range(1000):
                sigmoid.forward(Z)
                assert np.geterr() == before

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(predict, range(4)))
    finally:
        sys.setswitchinterval(interval)


def test_two_trainings_in_two_threads_do_not_meet():
    alone = [trained(seed) for seed in (1, 2)]
    together = threading.Barrier(2)

    def train(seed):
        together.wait(60)
        return trained(seed)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(train, (1, 2))) == alone


def test_a_network_is_trained_by_one_thread_at_a_time():
    model, other = network(), network()
    begun, refused = threading.Event(), threading.Event()

    def hold(_):
        begun.set()
        assert refused.wait(60)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(
            model.train, X, y, epochs=1, verbose=False,
            callbacks=[nn.LambdaCallback(on_train_begin=hold)],
        )
        assert begun.wait(60)
        with pytest.raises(RuntimeError, match="being trained already"):
            model.train(X, y, epochs=1, verbose=False)
        refused.set()
        first.result(60)
    other.train(X, y, epochs=1, verbose=False)
    assert np.array_equal(model.theta, other.theta)
    model.train(X, y, epochs=1, verbose=False)  # and then it is free again


def test_of_many_threads_one_gets_the_turn():
    model, got = network(), []
    together, done = threading.Barrier(8), threading.Barrier(8)

    def ask(_):
        together.wait(60)
        try:
            with turn(model):
                got.append(1)
                done.wait(60)
        except RuntimeError:
            done.wait(60)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, range(8)))
    assert len(got) == 1


# --- forks


def in_child(work):
    "What `work` returns in a forked process; None if it fails, or hangs for a minute."
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(60)
            with os.fdopen(writes, "wb") as pipe:
                pickle.dump(work(), pipe)
        finally:
            os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return pickle.loads(said) if said else None


@posix
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_training():
    whole, found = trained(3), []

    def fork(model):
        if len(found) == 11:
            def work():
                twin = copy.copy(model)
                twin.train(X, y, epochs=1, verbose=False)
                return model.output(X), twin.theta.copy()
            twin = copy.copy(model)
            twin.train(X, y, epochs=1, verbose=False)
            outputs, theta = in_child(work)
            assert np.array_equal(outputs, model.output(X))
            assert np.array_equal(theta, twin.theta)
            found.append("forked")
        else:
            found.append(None)

    callback = nn.LambdaCallback(on_batch_end=fork)
    assert trained(3, callbacks=[callback]) == whole and "forked" in found


@posix
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks_while_other_threads_train():
    "No lock of the library is left closed in the child."
    stop = threading.Event()

    def train():
        while not stop.is_set():
            network().train(X[:32], y[:32], epochs=1, verbose=False)

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        alone = trained(4, epochs=1)
        for _ in range(10):
            assert in_child(lambda: trained(4, epochs=1)) == alone
    finally:
        stop.set()
        for thread in threads:
            thread.join()


# --- a thousand trainings


def resident():
    "Bytes of memory that the process holds."
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")
def test_memory_of_a_thousand_trainings():
    def train(times):
        for i in range(times):
            model = nn.Network(2, seed=i)
            model.add_layer(3, nn.ReLU())
            model.add_output_layer(1, nn.Sigmoid())
            stats = model.train(X[:8], y[:8], X[:8], y[:8], epochs=1, optimizer="adam",
                                estimator=nn.BinaryAccuracy(), verbose=False)
            assert len(stats["val_loss"]) == 1

    train(200)  # whatever first runs load and keep
    before = resident()
    train(1000)
    assert resident() - before < 2**20  # bytes: 1 kB a training


# --- processes that are told to end

TRAIN = """
import numpy as np, nn_from_scratch as nn
X = np.random.default_rng(0).normal(size=(300, 2))
y = (X[:, 0] > 0).astype(int)
def build(seed, units=8):
    model = nn.Network(2, seed=seed)
    model.add_layer(units, nn.ReLU())
    model.add_output_layer(1, nn.Sigmoid())
    return model
"""
ALONE = TRAIN + """
def say(model): print("begun", flush=True)
stats = build(0).train(X, y, epochs=10**8, verbose=False,
                       callbacks=[nn.LambdaCallback(on_train_begin=say)])
print("interrupted", stats.interrupted)
"""
SEARCH = TRAIN + """
import os, sys
def say(model):
    with open(os.path.join(sys.argv[1], str(os.getpid())), "w"): pass
found = nn.search(build, nn.grid(units=[8, 9]), X, y, k=2, epochs=10**8, n_workers=2,
                  verbose=False, callbacks=[nn.LambdaCallback(on_train_begin=say)])
print(set(found["error"]))
"""


def started(*command, **options):
    "A process with the signals that a terminal's process has."
    def as_in_a_terminal():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    environment = os.environ | {"PYTHONPATH": str(Path(nn.__file__).parent.parent),
                                "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, *command], env=environment, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=as_in_a_terminal, **options)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:
        return not (status.exists() and ") Z " in status.read_text())
    except ProcessLookupError:
        return False


@posix
@pytest.mark.parametrize(
    "kind, status, says",
    [(signal.SIGINT, 0, "interrupted True\n"), (signal.SIGTERM, -signal.SIGTERM, "")],
)
def test_a_training_that_is_told_to_end(kind, status, says):
    "Ctrl-C ends training, and the program goes on; SIGTERM ends it: 143 in a shell."
    process = started("-c", ALONE)
    assert process.stdout.readline() == "begun\n"
    process.send_signal(kind)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (status, says, "")


@posix
@pytest.mark.parametrize(
    "kind, status", [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_a_search_that_is_told_to_end_leaves_no_workers(kind, status, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SEARCH)
    folder = tmp_path / "workers"
    folder.mkdir()
    process = started(str(script), str(folder))
    wait_for(lambda: len(list(folder.iterdir())) == 2 or process.poll() is not None)
    workers = [int(path.name) for path in folder.iterdir()]
    assert len(workers) == 2 and all(map(lives, workers)), process.communicate()
    process.send_signal(kind)
    out, err = process.communicate(timeout=30)
    assert process.returncode == status and "Traceback" not in err
    assert out == ("{'not finished'}\n" if kind == signal.SIGINT else "")
    wait_for(lambda: not any(map(lives, workers)), 30)


@posix
def test_a_finished_search_leaves_no_watch_in_its_own_process():
    def build(seed):
        return network(seed)

    before = threading.active_count()
    nn.search(build, [{"eta": 0.1}], X, y, k=2, epochs=1, verbose=False)
    assert threading.active_count() == before


@posix
@pytest.mark.parametrize("kind, status", [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_told_to_end_while_it_loads(kind, status, tmp_path):
    "Here while the experiment loads. A signal that an import swallows comes again."
    program = """
import sys
from nn_from_scratch.cli import main
class Say:
    def find_spec(self, name, *_):
        if name == "nn_from_scratch.experiments.moons": print("begun", flush=True)
sys.meta_path.insert(0, Say())
sys.exit(main())
"""
    process = started("-c", program, "moons", "--epochs", "100000000", cwd=tmp_path)
    assert process.stdout.readline() == "begun\n"
    while process.poll() is None:
        process.send_signal(kind)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            continue
    out, err = process.communicate(timeout=30)
    assert process.returncode == status and not out
    assert (kind == signal.SIGINT) == ("nn-from-scratch: stopped by Ctrl-C" in err)
