"""What is stored is read to the same bits, a run goes on to the same bits, and no file
makes reading do anything but that."""

import json
import os
import signal
import subprocess
import sys
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from test_training import RECIPES, network, same, training

import nn_from_scratch as nn
from nn_from_scratch import storage
from nn_from_scratch.activations import Activation
from nn_from_scratch.training import Training

X, y = nn.two_moons(150, 0.2, seed=0)
STORED = Path(__file__).parent / "stored"  # files of this version and of older ones


def activation(kind):
    return kind(0.3) if kind in (nn.LeakyReLU, nn.ELU) else kind()


LAYERS = {
    **{
        kind.__name__: (lambda kind=kind: [nn.Dense(5, activation(kind))])
        for kind in storage.COMPONENTS.values()
        if issubclass(kind, Activation)
    },
    "Xavier": lambda: [nn.Dense(5, nn.Tanh(), nn.Xavier("uniform"))],
    "Uniform": lambda: [nn.Dense(5, nn.Tanh(), nn.Uniform(0.2), bias=False)],
    "VarianceScaling": lambda: [nn.Dense(5, nn.Tanh(), nn.VarianceScaling(1.5))],
    "penalties": lambda: [nn.Dense(5, nn.ReLU(), regularizer=nn.ElasticNet(0.1, 0.2))],
    "L1": lambda: [nn.Dense(5, nn.ReLU(), regularizer=nn.L1(0.1))],
    "nested": lambda: [
        nn.Residual(
            nn.Dense(2, nn.Tanh()), nn.Residual(nn.Dropout(0.5), nn.BatchNorm())
        )
    ],
    "normalised": lambda: [nn.BatchNorm(), nn.Dropout(0.2), nn.Activate(nn.SiLU())],
    "none": lambda: [],
}


def made(layers, seed=0, dtype=np.float32, head=(1, nn.Sigmoid(a=2.0)), shape=2):
    model = nn.Network(shape, seed=seed, dtype=dtype)
    for layer in layers:
        model.add(layer)
    model.add_output_layer(*head)
    return model


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_network_is_read_as_it_was_stored(kind, dtype, tmp_path):
    model = made(LAYERS[kind](), dtype=dtype)
    model.train(X, y, epochs=2, verbose=False, regularizer="l1")
    model.save(tmp_path / "a")
    twin = nn.Network.load(tmp_path / "a")
    assert same(model, twin) and repr(twin) == repr(model)
    assert np.array_equal(model.output(X), twin.output(X))
    for each in (model, twin):
        each.train(
            X, y, epochs=2, optimizer="adam", validation_split=0.2, verbose=False
        )
    assert same(model, twin)
    model.reset(), twin.reset()  # the seed is stored as well
    assert same(model, twin)


@pytest.mark.parametrize(
    "loss, head",
    [
        (nn.Huber(0.7), (2, nn.Linear())),
        (nn.MeanAbsoluteError(), (2, nn.Linear())),
        (nn.CategoricalCrossEntropy(smoothing=0.1), (2, nn.Softmax())),
        (nn.BinaryCrossEntropy(), (1, nn.Sigmoid())),
    ],
)
def test_the_loss_is_read(loss, head, tmp_path):
    model = made([nn.Dense(3, nn.ReLU())], head=head)
    model.loss = loss
    model.save(tmp_path / "a")
    twin = nn.Network.load(tmp_path / "a")
    assert repr(twin.loss) == repr(loss) and vars(twin.loss) == vars(loss)


def test_shapes_and_generators_are_read(tmp_path):
    image = nn.Network((4, 4, 2), seed=np.random.Generator(np.random.MT19937(3)))
    image.add(nn.Flatten())
    image.add_output_layer(3, nn.Softmax())
    image.save(tmp_path / "a")
    twin = nn.Network.load(str(tmp_path / "a"))
    assert twin.rng.random() == image.rng.random()
    sample = np.ones((4, 4, 2))
    assert np.array_equal(twin.output(sample), image.output(sample))


def test_the_same_network_is_the_same_file(tmp_path):
    for name in "ab":
        made(LAYERS["nested"]()).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "path", sorted(STORED.glob("*.safetensors")), ids=lambda path: path.stem
)
def test_files_of_older_versions_are_read(path):
    "Files stay as they were committed; a new format adds files."
    expected = json.loads(path.with_suffix(".json").read_text())
    model = nn.Network.load(path)
    outputs = model.output(np.array(expected["samples"]))
    assert np.allclose(outputs, expected["outputs"], rtol=1e-6, atol=1e-7)
    if expected["step"]:
        run = Training(
            model, X, y, optimizer=nn.Adam(), schedule="cosine", epochs=4, batch_size=16
        )
        storage.resume(run, path)
        assert run.t == expected["step"]


def test_there_are_files_of_this_format():
    formats = {json.loads(p.read_text())["format"] for p in STORED.glob("*.json")}
    assert formats == set(range(1, storage.FORMAT + 1))


# --- runs
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_stored_run_goes_on_to_the_same_bits(recipe, tmp_path):
    more = dict(batch_norm=True, dropout=0.2)
    whole = network(**more)
    history = training(whole, recipe).run()
    for place in (1, 13):
        first = training(network(**more), recipe)
        for step in first:
            if step >= place:
                break
        first.network.save(tmp_path / "a", training=first)
        second = training(network(seed=7, **more), recipe)
        storage.resume(second, tmp_path / "a")
        assert second.run() == history and same(second.network, whole)


def test_a_run_of_other_arguments_is_refused(tmp_path):
    first = training(network(), "optimizer adam")
    first.step()
    first.network.save(tmp_path / "a", training=first)
    first.network.save(tmp_path / "b")
    for name, other in {
        "a": training(network(), "optimizer momentum"),
        "b": training(network(), "optimizer adam"),
    }.items():
        before = other.network.theta.copy()
        with pytest.raises(ValueError, match="expected|no run"):
            storage.resume(other, tmp_path / name)
        assert np.array_equal(other.network.theta, before)
    tanh = nn.Network(2, seed=0)
    tanh.add_layer(8, nn.ReLU())  # Tanh in the file
    tanh.add(nn.Residual(nn.Dense(8, nn.ReLU()), nn.BatchNorm()))
    tanh.add_output_layer(1, nn.Sigmoid())
    with pytest.raises(storage.StorageError, match="layers"):
        storage.resume(training(tanh, "optimizer adam"), tmp_path / "a")
    with pytest.raises(ValueError, match="another"):
        network().save(tmp_path / "c", training=first)


def options(folder, **more):
    return dict(
        epochs=3,
        batch_size=16,
        optimizer="adam",
        verbose=False,
        resume=folder,
        callbacks=[nn.Checkpoint(folder, steps=7, epochs=None, **more)],
    )


class At(nn.Callback):
    "Do something after a step."

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_batch_end(self, model):
        self.step -= 1
        if not self.step:
            self.action()


def test_checkpoints_keep_the_last_and_the_best(tmp_path):
    model, folder = network(), tmp_path / "new" / "run"
    history = model.train(X, y, X, y, **options(folder, keep=2))
    names = sorted(path.name for path in folder.iterdir())
    assert names == [
        "best.safetensors",
        "step-000000000028.safetensors",
        "step-000000000030.safetensors",
    ]
    best = nn.Network.load(folder / "best.safetensors").evaluate(X, y)
    assert best["loss"] == min(history["val_loss"])
    again = network(seed=5)  # a run that is over stays over
    assert again.train(X, y, X, y, **options(folder)) == history and same(again, model)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stores_the_step_that_it_came_in(number, tmp_path):
    before = signal.getsignal(number)
    arguments = options(tmp_path)
    arguments["callbacks"].append(At(17, lambda: signal.raise_signal(number)))
    if number == signal.SIGINT:
        assert network().train(X, y, **arguments).interrupted
    else:
        with pytest.raises(SystemExit) as end:
            network().train(X, y, **arguments)
        assert end.value.code == 143
    assert (tmp_path / "step-000000000017.safetensors").exists()
    assert signal.getsignal(number) is before
    whole, resumed = network(), network(seed=3)
    history = whole.train(X, y, **{**options(tmp_path / "b"), "resume": None})
    assert resumed.train(X, y, **options(tmp_path)) == history and same(whole, resumed)


def test_a_second_run_in_a_folder_is_refused(tmp_path):
    model = network()
    model.train(X, y, **options(tmp_path))
    theta = model.theta.copy()
    with pytest.raises(ValueError, match="resume"):
        model.train(X, y, **{**options(tmp_path), "resume": None})
    assert np.array_equal(model.theta, theta)
    with pytest.raises(FileNotFoundError):
        model.train(X, y, resume=tmp_path / "mistyped", verbose=False)


def test_training_survives_a_write_that_fails(tmp_path, monkeypatch):
    expected = network().train(
        X, y, epochs=3, batch_size=16, optimizer="adam", verbose=False
    )

    def fails(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fails)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert network().train(X, y, **options(tmp_path)) == expected
    assert "step 7 is not stored" in str(said[0].message)
    assert "No space left" in str(said[0].message) and len(said) == 7
    assert not list(tmp_path.iterdir())


# --- writes
@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_write_that_fails_leaves_the_old_file(step, error, tmp_path, monkeypatch):
    made([]).save(tmp_path / "a")
    before = (tmp_path / "a").read_bytes()

    def fails(*arguments):
        raise error("in the middle")

    monkeypatch.setattr(os, step, fails)
    with pytest.raises(error):
        made(LAYERS["normalised"]()).save(tmp_path / "a")
    monkeypatch.undo()
    assert (tmp_path / "a").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_paths(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "Ünïcode 名")
    made([]).save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "Ünïcode 名").is_file()
    (tmp_path / "Ünïcode 名").chmod(0o600)
    made([]).save(tmp_path / "link")
    assert (tmp_path / "Ünïcode 名").stat().st_mode & 0o777 == 0o600
    for path in (tmp_path, tmp_path / "none" / "a"):
        with pytest.raises(OSError, match="expected"):
            made([]).save(path)
    with pytest.raises(FileNotFoundError):
        nn.Network.load(tmp_path / "none")
    with pytest.raises(ValueError, match="no output layer"):
        nn.Network(2).save(tmp_path / "b")
    assert not (tmp_path / "b").exists()


# --- components of one's own
class Swish(Activation):
    def forward(self, Z):
        return Z / (1 + np.exp(-Z))

    def backward(self, dA, Z, A):
        return dA * (A + (1 - A) / (1 + np.exp(-Z)))


class Hidden(Swish):
    def __init__(self, beta):
        self._beta = beta


def tenth(rng, n_inputs, n_units):
    return rng.normal(0, 0.1, (n_inputs, n_units))


def test_components_of_ones_own_are_named(tmp_path):
    model = made([nn.Dense(3, Swish(), tenth)])
    with pytest.warns(UserWarning, match=r"components=\[(Swish|tenth)\]"):
        model.save(tmp_path / "a")
    for given in ([], [Swish], [tenth]):
        with pytest.raises(storage.StorageError, match=r"components=\[(Swish|tenth)\]"):
            nn.Network.load(tmp_path / "a", given)
    twin = nn.Network.load(tmp_path / "a", components=[Swish, tenth])
    assert np.array_equal(twin.output(X), model.output(X))


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Dense(3, Hidden(2)),
        lambda: nn.Dense(3, nn.ReLU(), lambda *a: tenth(*a)),
    ],
)
def test_what_cannot_be_stored_is_named(layer, tmp_path):
    with pytest.raises(TypeError, match="beta|a name"):
        made([layer()]).save(tmp_path / "a")
    assert not list(tmp_path.iterdir())


# --- files that somebody has made
def parts_of(data):
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def put_together(header, numbers):
    header = json.dumps(header, separators=(",", ":")).encode()
    data = len(header).to_bytes(8, "little") + header + numbers
    place = data.find(storage.MARK) + len(storage.MARK)
    if place < len(storage.MARK):
        return data
    data = data[:place] + storage.ABSENT.encode() + data[place + 64 :]
    return data[:place] + storage.checksum(data).encode() + data[place + 64 :]


def content_of(header):
    return json.loads(header["__metadata__"]["nn_from_scratch"][64:])


def leaves(value, path=()):
    "Places of all values in nested JSON."
    inside = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, part in inside:
        yield (*path, key)
        yield from leaves(part, (*path, key))


def at(value, path, new):
    "A copy of nested JSON with another value, or without one, in a place."
    value = json.loads(json.dumps(value))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if new is None:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return value


STRANGE = [
    None,
    -1,
    10**30,
    1e308,
    "os.system",
    [],
    {},
    {"kind": "Adam"},
    [[]] * 3,
    True,
    {"$tensor": "1.W"},
    {"kind": "Dense", "arguments": {"n_units": 10**9}},
]


def test_forged_files_are_refused_or_read_and_never_more(tmp_path):
    """Each value of a header is exchanged for strange ones, with a right checksum: an
    error of ours, or a network of the same tensors; never much memory."""
    model = made(
        [nn.Residual(nn.Dense(2, nn.ELU(0.5)), nn.Dropout(0.2)), nn.BatchNorm()]
    )
    run = Training(
        model,
        X,
        y,
        epochs=2,
        optimizer="adam",
        estimator=nn.BinaryAccuracy(),
        callbacks=[nn.EarlyStopping(5, "train_loss")],
    )
    for _ in range(7):
        run.step()
    data = storage.as_bytes(model, run.state())
    header, numbers = parts_of(data)
    assert put_together(header, numbers)[-len(numbers) :] == numbers
    content, tried, refused = content_of(header), 0, 0
    rng = np.random.default_rng(0)

    def attempt(header):
        nonlocal tried, refused
        (tmp_path / "a").write_bytes(put_together(header, numbers))
        tried += 1
        other = Training(
            made(
                [
                    nn.Residual(nn.Dense(2, nn.ELU(0.5)), nn.Dropout(0.2)),
                    nn.BatchNorm(),
                ],
                seed=4,
            ),
            X,
            y,
            epochs=2,
            optimizer="adam",
            estimator=nn.BinaryAccuracy(),
            callbacks=[nn.EarlyStopping(5, "train_loss")],
        )
        before = other.network.theta.copy()
        for read in (
            lambda: nn.Network.load(tmp_path / "a"),
            lambda: storage.resume(other, tmp_path / "a"),
        ):
            try:
                read()
            except storage.StorageError as error:
                refused += 1
                assert str(error)
                if other.t == 0:
                    assert np.array_equal(other.network.theta, before)

    tracemalloc.start()
    for path in leaves(content):
        for strange in rng.permutation(np.array(STRANGE, object))[:3]:
            changed = at(content, path, strange)
            text = storage.ABSENT + json.dumps(changed)
            attempt({**header, "__metadata__": {"nn_from_scratch": text}})
    for name in [name for name in header if name != "__metadata__"]:
        for strange in (
            {"shape": [-1]},
            {"shape": [10**15]},
            {"data_offsets": [0, 8]},
            {"data_offsets": [10**12, 10**12 + 4]},
            {"dtype": "F64"},
        ):
            attempt({**header, name: {**header[name], **strange}})
        attempt({key: value for key, value in header.items() if key != name})
    attempt({**header, "more": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}})
    attempt({"__metadata__": {}})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tried > 300 and refused > tried / 2, (tried, refused)
    assert peak < 20e6, peak


def test_nothing_else_is_read(tmp_path):
    from safetensors.numpy import save

    deep = {"nn_from_scratch": storage.ABSENT + "[" * 10**5}
    for data in (
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\xff" * 8,
        b"\xff" * 100,
        (2**33).to_bytes(8, "little"),
        save({"a": np.ones(2)}),
        save({"a": np.ones(2)}, {"nn_from_scratch": "x"}),
        save({}, deep),
    ):
        (tmp_path / "a").write_bytes(data)
        with pytest.raises(storage.StorageError):
            nn.Network.load(tmp_path / "a")
    with pytest.raises(OSError):
        nn.Network.load(tmp_path)


def test_a_newer_format_asks_for_an_update(tmp_path):
    header, numbers = parts_of(storage.as_bytes(made([]), None))
    content = {**content_of(header), "format": storage.FORMAT + 1, "library": "9.1"}
    text = storage.ABSENT + json.dumps(content)
    data = put_together({**header, "__metadata__": {"nn_from_scratch": text}}, numbers)
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(storage.StorageError, match="'9.1': update"):
        nn.Network.load(tmp_path / "a")


def test_storage_loads_when_asked_for():
    program = (
        "import sys, nn_from_scratch as nn; m = nn.Network(1); "
        "m.add_output_layer(1, nn.Linear()); "
        "m.train([[1.]], [1.], epochs=1, verbose=False); "
        "print('safetensors' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True
    )
    assert done.stdout.strip() == "False", done.stderr


def test_no_warning_without_a_component_of_ones_own(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(LAYERS["normalised"]()).save(tmp_path / "a")
        nn.Network.load(tmp_path / "a")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_after_the_last_step_is_handed_on(number, tmp_path):
    "It comes when the run is stored and over; the handler of the program gets it."
    got, before = [], signal.signal(number, lambda code, frame: got.append(code))
    arguments = options(tmp_path)
    arguments["callbacks"].append(
        nn.LambdaCallback(on_train_end=lambda *_: signal.raise_signal(number))
    )
    try:
        network().train(X, y, **arguments)
    finally:
        signal.signal(number, before)
    assert got == [number]
