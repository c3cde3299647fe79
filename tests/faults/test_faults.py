"""Real processes are killed at random moments while they store a run, some in the
middle of a write. No stored step may be lost or unreadable, and the run that is taken
up again and again ends with the bits of one that was never killed.

KILLS=200, as in `make faults`, is the number of kills; the count is printed."""

import hashlib
import os
import signal
import time
import warnings

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch import storage

KILLS = int(os.environ.get("KILLS", 25))
X, y = nn.two_moons(200, 0.2, seed=0)


def network(seed):
    model = nn.Network(2, seed=seed)
    model.add_layer(16, nn.ReLU(), dropout=0.2, batch_norm=True)
    model.add_output_layer(1, nn.Sigmoid())
    return model


def train(folder, seed=0, more=()):
    "A run of 60 steps, stored after each."
    model = network(seed)
    history = model.train(
        X,
        y,
        epochs=6,
        batch_size=20,
        optimizer="adam",
        schedule="cosine",
        resume=folder,
        verbose=False,
        callbacks=[nn.Checkpoint(folder, epochs=None, steps=1), *more],
    )
    return hashlib.sha256(model.theta.tobytes()).hexdigest() + str(dict(history))


class Announce(nn.Callback):
    "Write each stored step to a pipe."

    def __init__(self, pipe):
        self.pipe = pipe

    def on_step_end(self, training):
        os.write(self.pipe, training.t.to_bytes(4, "little"))


def slow_writes(seconds):
    "Writes take so long that a kill falls into them: in parts, and before each step."
    real = {name: getattr(os, name) for name in ("fsync", "replace", "fdopen")}

    def slow(name):
        def function(*arguments, **named):
            time.sleep(seconds)
            return real[name](*arguments, **named)

        return function

    class Parts:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, data):
            for start in range(0, len(data), 4096):
                self.file.write(data[start : start + 4096])
                self.file.flush()
                time.sleep(seconds)

    os.fsync, os.replace = slow("fsync"), slow("replace")
    os.fdopen = lambda *arguments: Parts(real["fdopen"](*arguments))


def child_of(work, pipe):
    "Fork: the child works and ends, whatever happens in it."
    number = os.fork()
    if number:
        return number
    try:
        work(pipe)
        os._exit(0)
    except BaseException as error:
        os.write(2, repr(error).encode())
        os._exit(1)


def killed(work, after, delay):
    """Start a process, and kill it `delay` seconds after its `after`-th stored step.
    Returns its last announced step and whether it came to its end before that."""
    reading, writing = os.pipe()
    number = child_of(work, writing)
    os.close(writing)
    announced = b""
    with os.fdopen(reading, "rb", 0) as steps:
        while len(announced) < 4 * after and (more := steps.read(4)):
            announced += more
        time.sleep(delay)
        os.kill(number, signal.SIGKILL)
        announced += steps.read()
    status = os.waitpid(number, 0)[1]
    assert status in (0, signal.SIGKILL), "the process failed by itself"
    return int.from_bytes(announced[-4:], "little"), status == 0


def test_no_stored_step_is_lost_by_a_kill(tmp_path, capsys):
    rng = np.random.default_rng(0)
    expected = train(tmp_path / "whole")
    lost = corrupt = ends = inside = runs = 0
    folder = tmp_path / "0"
    for kill in range(KILLS):
        slow = kill % 2 == 0

        def work(pipe):
            if slow:
                slow_writes(0.002)
            resumed = storage.checkpoints(folder)  # from another seed to the same bits
            train(folder, seed=kill if resumed else 0, more=[Announce(pipe)])

        last, over = killed(work, int(rng.integers(1, 8)), rng.uniform(0, 0.02))
        stored = storage.checkpoints(folder)
        inside += any(folder.glob(".*.tmp"))
        for path in [*stored, *folder.glob("best.safetensors")]:
            try:
                nn.Network.load(path)
            except storage.StorageError:
                corrupt += 1
        lost += not stored or storage.step_of(stored[-1]) < last
        if over or storage.step_of(stored[-1]) == 60:
            assert train(folder, seed=1) == expected
            ends, runs, folder = ends + 1, runs + 1, tmp_path / str(runs + 1)
    if storage.checkpoints(folder):
        assert train(folder, seed=1) == expected
    with capsys.disabled():
        print(
            f"\n{KILLS} kills, {inside} inside of a write: {lost} steps lost, "
            f"{corrupt} files corrupt, {ends + 1} runs ended with the right bits"
        )
    assert lost == corrupt == 0 and inside > KILLS / 10


def survivor(folder, spoil):
    "A training whose folder is spoilt after 20 steps: its result and its warnings."

    def at_20(training):
        if training.t == 20:
            spoil()

    callback = nn.Callback()
    callback.on_step_end = at_20
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = train(folder, more=[callback])
    return result, [str(warning.message) for warning in said]


def test_training_survives_a_folder_that_vanishes(tmp_path):
    folder, away = tmp_path / "run", tmp_path / "away"
    result, said = survivor(folder, lambda: folder.rename(away))
    assert result == train(tmp_path / "whole")
    assert len(said) >= 40 and "step 21 is not stored" in said[0]
    assert storage.step_of(storage.checkpoints(away)[-1]) == 20
    assert train(away) == result


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to a read-only folder")
def test_training_survives_a_folder_that_becomes_read_only(tmp_path):
    folder = tmp_path / "run"
    result, said = survivor(folder, lambda: folder.chmod(0o500))
    folder.chmod(0o700)
    assert result == train(tmp_path / "whole") and "Permission denied" in said[0]
    assert train(folder) == result


def test_training_survives_a_full_disk(tmp_path):
    "A limit on the size of files, in a process of its own, stands for the disk."
    resource = pytest.importorskip("resource")
    folder, expected = tmp_path / "run", train(tmp_path / "whole")

    def fill():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    def work(pipe):
        result, said = survivor(folder, fill)
        fine = result == expected and "too large" in said[0] and "step 21" in said[0]
        os.write(pipe, b"fine" if fine else b"not!")

    reading, writing = os.pipe()
    number = child_of(work, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        assert answer.read() == b"fine"
    assert os.waitpid(number, 0)[1] == 0
    assert storage.step_of(storage.checkpoints(folder)[-1]) == 20
    assert not list(folder.glob(".*.tmp")) and train(folder) == expected
