"""The playground: settings are checked, runs repeat, lessons hold, files load."""
import subprocess
import sys
from functools import lru_cache

import numpy as np
import pytest

from nn_from_scratch import Network
from nn_from_scratch.playground import Playground, presets
from nn_from_scratch.settings import MADE, made, tensors_from_bytes, tensors_to_bytes

LESSONS = {one["name"]: one for one in presets()}


@lru_cache
def trained(name):
    play = Playground()
    play.configure(LESSONS[name]["settings"])
    while not play.finished():
        play.advance(1)
    return play


def rises(name):
    losses = trained(name).picture()["history"]["train_loss"]
    return (np.diff(losses) > 0).mean()


def gap(name):
    picture = trained(name).picture()
    return picture["val_loss"] - picture["train_loss"]


def test_two_moons_are_told_apart():
    history = trained("two-moons").picture()["history"]
    assert history["val_binary_accuracy"][:50].max() >= 0.95


def test_equal_weights_stay_equal():
    W = trained("equal-weights").picture()["weights"][0]["W"]
    assert np.ptp(W, axis=1).max() < 1e-12


def test_relus_die():
    play = trained("dead-relu")
    A = next(play.outputs_of_layers(play.parts[0]))
    assert (A.max(axis=0) <= 0).mean() >= 1 / 3


def test_gradients_vanish_behind_sigmoids():
    gradients = trained("saturation").picture()["gradients"]
    assert gradients[-1] > 100 * gradients[0]


def test_overfitting_and_what_stops_it():
    assert gap("overfitting") > 1
    assert gap("overfitting-stopped") < gap("overfitting") / 2


@pytest.mark.parametrize("name", ["high-rate", "batch-of-one"])
def test_losses_jump(name):
    assert rises(name) > 1 / 4
    assert rises(name) > rises("two-moons")


@pytest.mark.parametrize("settings", [
    {"data": {"kind": "xor"}, "epochs": 7},
    {"data": {"kind": "points", "validation": 0.25,
              "points": [[i / 9, (i * i % 7) / 7, i % 3] for i in range(12)]},
     "layers": [{"units": 5, "dropout": 0.2, "batch_norm": True}], "epochs": 5,
     "batch_size": "all", "regularizer": "l2", "strength": 0.01,
     "initializer": "equal", "schedule": "cosine"}])
def test_script_reaches_the_same_loss(settings):
    play = Playground()
    play.configure(settings)
    while not play.finished():
        play.advance(0)
    run = subprocess.run([sys.executable, "-c", play.script()], text=True,
                         capture_output=True, check=True)
    loss = float(run.stdout.split()[-1])
    assert loss == pytest.approx(play.picture()["history"]["train_loss"][-1], rel=1e-7)


@pytest.mark.parametrize("wrong, said", [
    ({"foo": 1}, "foo"), ({"eta": float("nan")}, "eta"), ({"eta": True}, "eta"),
    ({"batch_size": 0}, "batch_size"), ({"seed": 1.5}, "seed"),
    ({"layers": [{"units": 65}]}, "units"), ({"layers": [{}] * 7}, "6 layers"),
    ({"data": {"kind": "file"}}, "kind"), ({"data": []}, "data"),
    ({"layers": [{"activation": "__class__"}]}, "activation"),
    ({"data": {"kind": "points", "points": [[0, 0, 0]]}}, "4 points"),
    ({"data": {"kind": "points", "points": [[0, 0, 0]] * 5}}, "two classes"),
    ({"data": {"points": [[0, float("inf"), 0]]}}, "finite")])
def test_wrong_settings_are_refused_and_change_nothing(wrong, said):
    play = Playground()
    before = play.network, play.training, play.settings
    with pytest.raises(ValueError, match=said):
        play.configure(wrong)
    after = play.network, play.training, play.settings
    assert all(a is b for a, b in zip(before, after))


@pytest.mark.parametrize("kind", MADE)
def test_pictures_of_every_kind(kind):
    play = Playground()
    answer = play.configure({"data": {"kind": kind, "classes": 3}})
    picture = play.epoch()
    assert picture["epoch"] == 1 and len(picture["history"]["train_loss"]) == 1
    shapes = {"curve": (200,), "spirals": (50, 50, 3), "blobs": (50, 50, 3)}
    assert picture["grid"].shape == shapes.get(kind, (50, 50))
    assert [u.shape[1:] for u in picture["units"]] == [(20, 20)] * 3
    assert len(answer["layers"]) == len(picture["weights"]) == 3


def test_points_are_the_same_for_the_same_seed():
    first, second = (made("blobs", 20, 0.1, 4, np.random.default_rng(3))[0]
                     for _ in range(2))
    assert (first == second).all()


@pytest.mark.parametrize("k", [2, 3])
def test_probe_agrees_with_the_library(k):
    play = Playground()
    play.configure({"data": {"kind": "blobs", "classes": k},
                    "regularizer": "none", "layers": [{"units": 4}, {"units": 3}]})
    play.epoch()
    x, y = np.array([0.3, -0.2]), 1
    steps = play.probe(x.tolist(), y)["steps"]
    numbers = {v["symbol"]: v["data"] for step in steps for v in step["values"]}
    assert np.allclose(numbers["A_3"][0], play.network.output(x))
    run = play.training
    head = run.choice.head
    Y = head.encode(head.check(np.array([y]), float), float)
    run.objective.gradient(x[None], Y)
    for i, layer in enumerate(play.network.layers, start=1):
        assert np.allclose(numbers[f"dW_{i}"], layer.dW, atol=1e-12)
        assert np.allclose(numbers[f"db_{i}"], layer.db, atol=1e-12)


def test_gradient_and_rate():
    play = Playground()
    assert play.check_gradient()["passed"]
    before = play.network.theta.copy()
    assert len(play.find_rate()["etas"]) == len(play.find_rate()["losses"])
    assert (play.network.theta == before).all()


def test_files(tmp_path):
    play = Playground()
    play.configure({"layers": [{"units": 5, "dropout": 0.2, "batch_norm": True}]})
    play.epoch()
    data, x = play.save(), play.parts[0]
    expected = play.network.output(x)
    (tmp_path / "network").write_bytes(data)
    assert (Network.load(tmp_path / "network").output(x) == expected).all()
    play.configure({})
    answer = play.load(data)
    assert answer["settings"]["layers"][0] == {
        "units": 5, "activation": "tanh", "dropout": 0.2, "batch_norm": True}
    assert (play.network.output(x) == expected).all()
    with pytest.raises(ValueError, match="loaded network"):
        play.script()
    for wrong, said in [(b"12345678abc", "network of this library"),
                        (bytes(5_000_001), "5 MB"), (data[:-1], "network")]:
        with pytest.raises(ValueError, match=said):
            play.load(wrong)


def test_files_without_safetensors():
    numpy = pytest.importorskip("safetensors.numpy")
    tensors = {"b": np.arange(3.), "a": np.eye(2, dtype=np.float32)}
    for read, write in [
            (numpy.load, tensors_to_bytes), (tensors_from_bytes, numpy.save)]:
        found = read(write(tensors, {"text": "é"}))
        assert all((found[name] == value).all() for name, value in tensors.items())


def test_tables():
    read = Playground().read_table
    answer = read("a;b;c\n1;2;x\n3;4;y\n5;;y\n")
    assert answer["task"] == "classes" and len(answer["points"]) == 2
    assert answer["names"] == ["a", "b", "c", "x", "y"]
    assert read("1,2\n3,4.5\n")["task"] == "number"
    for wrong in ["", "a\nb", "a,b\nc,d", "1,2,3\n" * 40_000]:
        with pytest.raises(ValueError, match="expected"):
            read(wrong)
