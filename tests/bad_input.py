"""What may be handed to the library, and what has to come of it: it works and is the
same as of plain numbers, or an error of ours says what was expected and what came, and
nothing has changed. `test_bad_input.py` tries all of it, `fuzz.py` more of it."""

import array
import decimal
import fractions
import importlib
import pickle
import random
import traceback
import warnings
from pathlib import Path

import numpy as np
import scipy.sparse
import sklearn.model_selection  # noqa: F401, so that no case is the one that loads it

import nn_from_scratch as nn
from nn_from_scratch.data import Split, hold_out
from nn_from_scratch.datasets import (
    cup, cup_blind, find_data, mnist, monk, read_idx, write_cup)
from nn_from_scratch.layers import InputLayer
from nn_from_scratch.metrics import improves_upwards
from nn_from_scratch.objective import encode_targets, one_hot
from nn_from_scratch.training import Standing, Training
from nn_from_scratch.validation import k_fold, random_settings, search

PACKAGE = str(Path(nn.__file__).parent)


def library(name):
    "A library of tables or tensors, or None where it is not installed."
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


pandas, polars, torch = map(library, ("pandas", "polars", "torch"))

# --- bits


def frozen(value):
    "A value as something that is equal only for the same bits."
    if isinstance(value, np.ndarray) and value.dtype.kind not in "OT":
        mask = np.ma.getmaskarray(value).tobytes() if np.ma.isMA(value) else b""
        return value.dtype.str, value.shape, np.asarray(value).tobytes(), mask
    if isinstance(value, dict):
        return tuple((key, frozen(part)) for key, part in value.items())
    if isinstance(value, (list, tuple)):
        return type(value).__name__, tuple(map(frozen, value))
    if isinstance(value, np.random.Generator):
        return frozen(value.bit_generator.state)
    if torch and isinstance(value, torch.Tensor):
        return str(value)
    if type(value).__module__.startswith("pandas"):  # a pickle holds caches as well
        return str(value)
    try:
        return pickle.dumps(value)
    except Exception:  # a generator, a lambda, a memoryview
        return repr(value)


def bits(network):
    "All that a call may leave changed: the network, what trains it, the global state."
    rule = network.optimizer
    held = id(network.head), id(network.head.loss), id(network.regularizer), id(rule)
    return (
        frozen(network.snapshot()),
        network.grad.tobytes(),
        held,
        rule and frozen(rule.state()),
        network.activations is None,
        repr(network),
        frozen(np.geterr()),
        frozen(np.random.get_state()),
        random.getstate(),
    )


# --- networks, and data that every kind of number holds exactly

N = 12
X = np.array([[i >> j & 1 for j in range(3)] for i in range(N)], float)
LABELS = np.arange(N) % 2.0
TARGETS = {
    "one": LABELS,
    "many": LABELS,
    "real": np.column_stack([LABELS, np.arange(N) // 6]).astype(float),
}
HEADS = {
    "one": (1, nn.Sigmoid()),
    "many": (3, nn.Softmax()),
    "real": (2, nn.Linear()),
}
QUICK = {"epochs": 1, "batch_size": 5, "verbose": False}


def made(task):
    "A network that has been trained, with statistics and an optimiser that remembers."
    network = nn.Network(3, seed=1)
    network.add_layer(4, nn.Tanh(), batch_norm=True, dropout=0.2)
    network.add_output_layer(*HEADS[task])
    network.train(X, TARGETS[task], optimizer="adam", regularizer="l2", **QUICK)
    network.grad[...] = 0
    return network


NETWORKS = {task: made(task) for task in HEADS}

# --- what has to come of a call

TRIED = set()  # names of the cases, to count those that differ
OURS = ("got", "unknown ", "say by ", "always 1", "needs at least", "row only",
        "leaves a part empty")
NAMED = "expected", "must", "use ", "cannot", *OURS[1:]


class Wrong(AssertionError):
    "A case that did neither work nor end in an error of ours, or left a trace."


def worded(error):
    "Whether an error is raised by the library, and says what fits and what came."
    place = traceback.extract_tb(error.__traceback__)[-1].filename
    text = str(error)
    if isinstance(error, FileNotFoundError):  # names the path
        return "No such file" in text or "looked in" in text
    return (
        place.startswith(PACKAGE)
        and isinstance(error, (TypeError, ValueError))
        and any(word in text for word in OURS)
        and any(word in text for word in NAMED)
        and len(text) < 700
    )


def examine(case, function, value, network, expected):
    """Hand a value to a function of it, and put the network back. `expected` is the
    frozen result, "refused", or "either"."""
    TRIED.add(case)
    before, given, left = bits(network), frozen(value), Standing(network)

    def check(good, what):
        if not good:
            raise Wrong(f"{case}: {what}")

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "feature .* has|targets reach")
            result = function(value)
    except (KeyboardInterrupt, Wrong):
        raise
    except BaseException as error:
        came = f"{type(error).__name__}: {error}"
        check(expected in ("refused", "either"), f"expected it to work, got {came}")
        if not isinstance(error, nn.TrainingDiverged):
            check(worded(error), f"expected an error in words of ours, got {came}")
            check(bits(network) == before, f"the network has changed by {came}")
    else:
        said = result.get("error", ()) if isinstance(result, dict) else ()
        told = bool(said) and all(any(word in text for word in OURS) for text in said)
        # a search says in its result what each fold has refused
        check(expected != "refused" or told, f"expected an error, got {result!r:.200}")
        if expected not in ("either", "refused"):
            check(frozen(result) == expected, "not the result of plain numbers")
    same = given == frozen(value)
    check(same or hasattr(value, "__next__"), "what was handed in has changed")
    left.put_back()
    network.grad[...] = 0
    network.forget()


# --- what holds the same numbers: a name, and a function of an array of zeros and ones


class Arraylike:
    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.array(self.values, dtype)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("on another device")

    def __repr__(self):
        return "Broken()"


def strided(values):
    wide = np.full([2 * size for size in values.shape], np.nan)
    view = wide[tuple(slice(None, None, 2) for _ in values.shape)]
    view[...] = values
    return view


def backwards(values):
    return values[::-1].copy()[::-1]


def readonly(values):
    values = values.copy()
    values.flags.writeable = False
    return values


def objects(make):
    def of(values):
        result = np.empty(values.shape, object)
        for index, value in np.ndenumerate(values):
            result[index] = make(value)
        return result

    return of


def nested(make):
    def of(values):
        if values.ndim == 0:
            return make(values.item())
        return [of(part) for part in values]

    return of


TYPES = "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 g >i2 >i4 >i8 >u8 >f2 >f4 >f8"
SAME = {f"dtype {name}": lambda V, t=name: V.astype(t) for name in TYPES.split()}
SAME |= {
    "list": lambda V: V.tolist(),
    "list of whole numbers": nested(int),
    "list of booleans": nested(bool),
    "list of numpy numbers": nested(np.float32),
    "list of fractions": nested(fractions.Fraction),
    "list of decimals": nested(decimal.Decimal),
    "tuple": lambda V: tuple(V.tolist()),
    "list of arrays": list,
    "tuple of arrays": tuple,
    "list of masked arrays": lambda V: [np.ma.array(row) for row in V],
    "list of array.array": lambda V: [array.array("d", np.atleast_1d(v)) for v in V]
    if V.ndim > 1 else array.array("d", V),
    "objects of floats": objects(float),
    "objects of whole numbers": objects(int),
    "objects of booleans": objects(bool),
    "objects of numpy numbers": objects(np.int16),
    "objects of decimals": objects(decimal.Decimal),
    "objects of fractions": objects(fractions.Fraction),
    "Fortran order": np.asfortranarray,
    "strided": strided,
    "backwards": backwards,
    "float32 strided": lambda V: strided(V).astype("f4")[:],
    "big-endian strided": lambda V: np.repeat(V, 2, axis=0).astype(">f4")[::2],
    "read-only": readonly,
    "read-only float32": lambda V: readonly(V.astype("f4")),
    "read-only Fortran": lambda V: readonly(np.asfortranarray(V)),
    "memoryview": lambda V: memoryview(V),
    "frombuffer": lambda V: np.frombuffer(V.tobytes()).reshape(V.shape),
    "subclass": lambda V: V.view(np.recarray),
    "masked, none of them": lambda V: np.ma.array(V),
    "masked, a mask without any": lambda V: np.ma.array(V, mask=np.zeros(V.shape)),
    "hard mask without any": lambda V: np.ma.array(V, hard_mask=True),
    "array-like": Arraylike,
    "minus zero": lambda V: np.where(V == 0, -0.0, V),
    "unaligned": lambda V: np.frombuffer(
        b"\0" + V.tobytes(), np.uint8)[1:].view("f8").reshape(V.shape),
}
# text that is a number: fine as a feature, no label
# strings of any length came with NumPy 2
STRINGS = np.dtypes.StringDType() if int(np.__version__[0]) >= 2 else str
TEXT = {
    "text": lambda V: V.astype(str),
    "bytes": lambda V: V.astype(str).astype(bytes),
    "objects of text": objects(str),
    "text of numpy": lambda V: V.astype(str).astype(STRINGS),
    "list of text": nested(str),
}


def columns(values):
    "A table's columns by name; of one column, itself."
    return {f"c{i}": column for i, column in enumerate(values.T)}


if pandas:

    def frame(kind):
        def of(values):
            if values.ndim > 2:
                return Arraylike(values)
            make = pandas.DataFrame if values.ndim == 2 else pandas.Series
            return make(values).astype(kind)

        return of

    kinds = "float64 float32 int64 uint8 bool object Int64 Int8 UInt16 Float64 Float32"
    kinds = [*kinds.split(), "boolean", "category"]
    SAME |= {f"pandas {kind}": frame(kind) for kind in kinds}
    SAME["pandas mixed"] = lambda V: frame("float32")(V).astype(
        {0: "Int64"}) if V.ndim == 2 else pandas.Series(V, index=range(7, 7 + len(V)))
    SAME["pandas array"] = lambda V: (
        pandas.array(V, "Int64") if V.ndim == 1 else pandas.DataFrame(columns(V)))
    SAME["pandas sparse"] = frame("Sparse[float64]")
    SAME["pandas sliced"] = lambda V: frame("float64")(np.repeat(V, 2, axis=0))[::2]
if polars:

    def table(kind):
        def of(values):
            if values.ndim == 1:
                return polars.Series("c", values.tolist()).cast(kind)
            return polars.DataFrame(columns(values)).cast(kind)

        return of

    kinds = polars.Float64, polars.Float32, polars.Int64, polars.UInt8, polars.Boolean
    SAME |= {f"polars {kind}": table(kind) for kind in kinds}
    SAME["polars decimal"] = table(polars.Decimal(10, 2))
    SAME["polars mixed"] = lambda V: (
        table(polars.Int8)(V) if V.ndim == 1 else
        polars.DataFrame(columns(V)).with_columns(c0=polars.col("c0").cast(bool)))
if torch:

    def tensor(kind):
        return lambda values: torch.tensor(values, dtype=getattr(torch, kind))

    kinds = "float64 float32 float16 int64 int32 uint8 bool"
    SAME |= {f"torch {kind}": tensor(kind) for kind in kinds.split()}
    SAME["torch transposed"] = lambda V: torch.tensor(V.T.copy()).T
    SAME["torch list"] = lambda V: [torch.tensor(row) for row in V]

# --- what holds no numbers, or others: refused everywhere


def with_one(value, where=0):
    "An array with one number exchanged, in a place of its own."

    def of(values):
        values = values.copy()
        values.flat[where] = value
        return values

    return of


def with_object(value, where=0):
    def of(values):
        values = objects(float)(values)
        values.flat[where] = value
        return values

    return of


def masked(values):
    return np.ma.array(values, mask=with_one(1, -1)(np.zeros(values.shape)))


def ragged(values):
    rows = [np.atleast_1d(row).tolist() for row in values]
    return [rows[0] * 2, *rows[1:]]


def sparse(make):
    return lambda values: make(np.atleast_2d(values))


SPOILED = {}
for where, place in {"first": 0, "middle": 5, "last": -1}.items():
    for value in (np.nan, np.inf, -np.inf):
        name = str(value)
        SPOILED[f"{name}, {where}"] = with_one(value, place)
        SPOILED[f"float32 {name}, {where}"] = (
            lambda V, f=with_one(value, place): f(V).astype("f4"))
        SPOILED[f"float16 {name}, {where}"] = (
            lambda V, f=with_one(value, place): f(V).astype("f2"))
        SPOILED[f"big-endian {name}, {where}"] = (
            lambda V, f=with_one(value, place): f(V).astype(">f8"))
    things = {"None": None, "text": "red", "empty text": "", "a dict": {}, "a set": {1},
              "a list": [1.0], "an array": np.ones(2), "a complex number": 1j,
              "a class": int, "a huge number": 10**400, "a huger one": -(10**5000),
              "Ellipsis": ..., "text NaN": "nan", "a date": np.datetime64("2020-01-01")}
    for name, value in things.items():
        SPOILED[f"{name}, {where}"] = with_object(value, place)
SPOILED |= {
    "too large": with_one(1e300),
    "too large, negative": with_one(-1e39, -1),
    "complex": lambda V: V.astype(complex),
    "complex64": lambda V: V.astype("c8"),
    "complex list": nested(complex),
    "dates": lambda V: V.astype("M8[s]"),
    "durations": lambda V: V.astype("m8[s]"),
    "not a time": lambda V: np.full(V.shape, "NaT", "M8[s]"),
    "structured": lambda V: np.zeros(V.shape, [("a", "f8"), ("b", "i4")]),
    "void": lambda V: np.zeros(V.shape, "V4"),
    "words": lambda V: np.full(V.shape, "red"),
    "words in bytes": lambda V: np.full(V.shape, b"red"),
    "words in objects": objects(lambda value: "red"),
    "words in lists": nested(lambda value: "red"),
    "words of numpy": lambda V: np.full(V.shape, "red", STRINGS),
    "masked": masked,
    "all masked": lambda V: np.ma.array(V, mask=True),
    "list of masked": lambda V: list(masked(V)),
    "nested list of masked": lambda V: [list(masked(V))],
    "ragged": ragged,
    "ragged arrays": lambda V: [np.array(row) for row in ragged(V)],
    "ragged objects": lambda V: np.array([*map(np.array, ragged(V))], object),
    "None": lambda V: None,
    "a number": lambda V: 1.0,
    "a whole number": lambda V: 3,
    "a 0-dimensional array": lambda V: np.array(1.0),
    "True": lambda V: True,
    "text": lambda V: "data.csv",
    "bytes": lambda V: b"abc",
    "a path": lambda V: Path("Daten für später.csv"),
    "a dict": lambda V: {0: V},
    "a set": lambda V: {1.0, 2.0},
    "a generator": lambda V: (row for row in V),
    "a map": lambda V: map(list, V),
    "an iterator": lambda V: iter(V),
    "a function": lambda V: np.mean,
    "a class": lambda V: np.ndarray,
    "a module": lambda V: np,
    "an object": lambda V: object(),
    "Ellipsis": lambda V: ...,
    "a broken array": lambda V: Broken(),
    "list of broken arrays": lambda V: [Broken() for _ in V],
    "an empty list": lambda V: [],
    "empty lists": lambda V: [[] for _ in V],
    "None for each": lambda V: [None for _ in V],
    "a network": lambda V: NETWORKS["one"],
    "no columns": lambda V: V.reshape(len(V), -1)[:, :0],
    "too many columns": lambda V: np.column_stack([V] * 5),
    "a rank more": lambda V: V[:, None, None],
    "two ranks more": lambda V: V[None, None, None],
    "transposed": lambda V: np.column_stack([V, V]).T,
}
LENGTHS = {  # refused where there is a partner of another length
    "a row fewer": lambda V: V[:-1],
    "a row more": lambda V: np.concatenate([V, V[:1]]),
    "one row": lambda V: V[:1].reshape(1, -1),
    "no rows": lambda V: V[:0],
    "no rows of objects": lambda V: np.empty((0, *V.shape[1:]), object),
}
for name in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
    for kind in ("matrix", "array"):
        make = getattr(scipy.sparse, f"{name}_{kind}")
        SPOILED[f"{name}_{kind}"] = sparse(make)
if pandas:

    def nullable(kind):
        def of(values):
            made = frame("float64")(values).astype(kind)
            if values.ndim == 1:
                made.iloc[1] = None
            else:
                made.iloc[1, 0] = None
            return made

        return of

    for kind in ("Int64", "Float64", "boolean", "object", "float64", "string"):
        SPOILED[f"pandas {kind}, one missing"] = nullable(kind)
    SPOILED |= {
        "pandas words": lambda V: frame("object")(V).replace(1.0, "red"),
        "pandas words, category": lambda V: frame("object")(V).replace(
            1.0, "red").astype("category"),
        "pandas dates": frame("datetime64[ns]"),
        "pandas durations": frame("timedelta64[ns]"),
        "pandas complex": frame("complex128"),
        "pandas array, missing": lambda V: pandas.array([1, None] * 6, "Int64"),
        "pandas periods": lambda V: pandas.period_range("2020", periods=len(V)),
        "pandas intervals": lambda V: pandas.interval_range(0, len(V)),
        "pandas empty": lambda V: pandas.DataFrame(),
    }
if polars:
    SPOILED |= {
        "polars null": lambda V: polars.DataFrame(
            {name: [None, *column[1:]] for name, column in columns(
                np.atleast_2d(V.T).T).items()}),
        "polars words": lambda V: polars.DataFrame({"c": ["red"] * len(V)}),
        "polars category": lambda V: polars.Series(["red"] * len(V)).cast(
            polars.Categorical),
        "polars dates": lambda V: polars.Series([0] * len(V)).cast(polars.Date),
        "polars lists": lambda V: polars.Series([[1.0]] * len(V)),
        "polars lazy": lambda V: polars.DataFrame({"c": [1.0] * len(V)}).lazy(),
        "polars empty": lambda V: polars.DataFrame(),
    }
if torch:
    SPOILED |= {
        "torch that learns": lambda V: torch.tensor(V, requires_grad=True),
        "torch bfloat16": lambda V: torch.tensor(V).bfloat16(),
        "torch sparse": lambda V: torch.tensor(V).to_sparse(),
        "torch complex": lambda V: torch.tensor(V, dtype=torch.complex64),
        "torch NaN": lambda V: torch.tensor(with_one(np.nan)(V)),
        "torch meta": lambda V: torch.empty(V.shape, device="meta"),
    }

# --- where arrays are handed in: a function of a network, its task and the value


def trained(network, task, **given):
    "The history and the tensors of one more epoch, with one argument exchanged."
    usual = {"x_train": X, "y_train": TARGETS[task]}
    history = network.train(**{**usual, **QUICK, **given})
    return dict(history), network.theta.copy()


def stepped(network, task, **given):
    usual = {"x_train": X, "y_train": TARGETS[task], "epochs": 1, "batch_size": 5}
    run = Training(network, **{**usual, **given})
    run.step()
    return run.t, network.theta.copy()


def found(network, X, y):
    curve = network.find_learning_rate(X, y, low=0.1, high=0.3, n_steps=10)
    return curve.losses, curve.suggestion


def searched(X, y, **options):
    def build(seed, units):
        network = nn.Network(3, seed=seed)
        network.add_output_layer(1, nn.Sigmoid())
        return network

    settings = [{"units": 1}]
    usual = {"k": 2, "epochs": 1, "verbose": False}
    return dict(search(build, settings, X, y, **{**usual, **options}))


def called(function):
    return lambda network, task, value: function(value)


SAMPLES = {
    "train x_train": lambda m, t, V: trained(m, t, x_train=V),
    "train x_val": lambda m, t, V: trained(m, t, x_val=V, y_val=TARGETS[t]),
    "Training x_train": lambda m, t, V: stepped(m, t, x_train=V),
    "Training x_val": lambda m, t, V: stepped(m, t, x_val=V, y_val=TARGETS[t]),
    "evaluate X": lambda m, t, V: m.evaluate(V, TARGETS[t]),
    "output X": lambda m, t, V: m.output(V),
    "find_learning_rate X": lambda m, t, V: found(m, V, TARGETS[t]),
}
OUTPUTS = {
    "train y_train": lambda m, t, V: trained(m, t, y_train=V),
    "train y_val": lambda m, t, V: trained(m, t, x_val=X, y_val=V),
    "train y_train, a share held out": lambda m, t, V: trained(
        m, t, y_train=V, validation_split=0.3),
    "Training y_train": lambda m, t, V: stepped(m, t, y_train=V),
    "Training y_val": lambda m, t, V: stepped(m, t, x_val=X, y_val=V),
    "evaluate y": lambda m, t, V: m.evaluate(X, V),
    "find_learning_rate y": lambda m, t, V: found(m, X, V),
}


def measured(metric):
    A = np.full((N, 2), 0.25)
    A[::3, 1] = 1
    return {
        f"{metric} A": (lambda V: metric(V, A), TARGETS["real"]),
        f"{metric} Y": (lambda V: metric(A, V), TARGETS["real"]),
    }


ROWS = np.random.default_rng(0)  # never drawn from: hold_out gets a copy
FUNCTIONS = {  # of one value: the function, and the plain value
    "InputLayer": (lambda V: InputLayer(3).forward(V), X),
    "one_hot y": (lambda V: one_hot(V, 2), LABELS),
    "encode_targets one": (lambda V: encode_targets(V, 1, nn.Sigmoid()), LABELS),
    "encode_targets many": (lambda V: encode_targets(V, 3, nn.Softmax()), LABELS),
    "encode_targets real": (
        lambda V: encode_targets(V, 2, nn.Linear()), TARGETS["real"]),
    "k_fold y": (lambda V: k_fold(V, 2), LABELS),
    "search X": (lambda V: searched(V, LABELS), X),
    "search y": (lambda V: searched(X, V), LABELS),
    "search sample_weight": (lambda V: searched(X, LABELS, sample_weight=V), LABELS),
    "train sample_weight": (
        lambda V: trained(NETWORKS["one"], "one", sample_weight=V), LABELS),
    "split y": (lambda V: nn.split(X, V, 0.25, 0.25, seed=0)[0], LABELS),
    "split X": (
        lambda V: np.asarray(nn.split(V, LABELS, 0.25, 0.25, seed=0)[1], float), X),
    "standardize": (
        lambda V: np.asarray(
            nn.standardize(Split(*[V, LABELS] * 3))[0][2], "f4").round(5), X),
    **measured(nn.BinaryAccuracy()),
    **measured(nn.MultiClassError()),
    **measured(nn.MeanEuclideanError()),
}
# these hand on what they do not compute with, or take labels of any rank
LOOSE = {"k_fold y", "split y", "split X", "one_hot y"}
RIGHT = {  # what else is right: no weights, no labels, samples with more columns
    "train sample_weight: None", "search sample_weight: None",
    "encode_targets one: an empty list", "encode_targets many: an empty list",
    "standardize: too many columns", "standardize: transposed",
    # what hands on zeros hands on their sign
    *(f"{name}: minus zero" for name in (
        "InputLayer", "encode_targets one", "encode_targets real"))}


def cases(every=True):
    """Name, function, form, plain numbers, network and what is expected, of every
    array; or of a part of them, in which each form and each entry occurs."""
    tables = {"SAME": SAME, "TEXT": TEXT, "SPOILED": SPOILED, "LENGTHS": LENGTHS}
    number = 0
    for role, entries in (("X", SAMPLES), ("y", OUTPUTS)):
        for entry, call in entries.items():
            plain, expected = {}, {}
            for task, network in NETWORKS.items():
                plain[task] = X if role == "X" else TARGETS[task]
                left = Standing(network)
                expected[task] = frozen(call(network, task, plain[task]))
                left.put_back()
                network.grad[...] = 0
                network.forget()
            for kind, table in tables.items():
                for name, make in table.items():
                    number += 1
                    for i, (task, network) in enumerate(NETWORKS.items()):
                        if not every and number % 7 != i:
                            continue
                        works = kind == "SAME" or kind == "TEXT" and role == "X"
                        alone = kind == "LENGTHS" and entry == "output X"
                        yield (
                            f"{entry} of {task}: {name}",
                            lambda V, call=call, m=network, t=task: call(m, t, V),
                            make,
                            plain[task],
                            network,
                            "either" if alone else
                            expected[task] if works else "refused",
                        )
    for name, (function, plain) in FUNCTIONS.items():
        left = Standing(NETWORKS["one"])
        expected = frozen(function(plain))
        left.put_back()
        for kind, table in tables.items():
            for form, make in table.items():
                number += 1
                if not every and number % 4:
                    continue
                loose = name in LOOSE or "too large" in form
                works = expected if kind == "SAME" else "either"
                if f"{name}: {form}" in RIGHT:
                    works = "either"
                elif kind == "SPOILED" and not loose:
                    works = "refused"
                yield f"{name}: {form}", function, make, plain, NETWORKS["one"], works


def spoil(make, plain):
    "A form of plain numbers; what it takes to make it says nothing of the library."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(plain)


# --- arguments that are no arrays

VALUES = {
    "0": 0, "-1": -1, "1": 1, "2": 2, "3": 3, "0.5": 0.5, "-0.5": -0.5, "1.0": 1.0,
    "1e300": 1e300, "5e-324": 5e-324, "NaN": np.nan, "infinity": np.inf,
    "-infinity": -np.inf, "True": True, "False": False, "numpy True": np.True_,
    "numpy 3": np.int64(3), "numpy 0.5": np.float32(0.5),
    "numpy NaN": np.float64("nan"), "text 3": "3", "a word": "many", "no text": "",
    "bytes": b"3", "unicode": "größer\0",
    "None": None, "list": [3], "empty list": [], "tuple": (3, "a"), "dict": {"a": 1},
    "set": {1}, "array": np.array([3]), "array of two": np.array([1.0, 2.0]),
    "array of none": np.array([]), "0-dimensional NaN": np.array(np.nan),
    "complex": 1j, "huge": 10**400, "date": np.datetime64("2020-01-01"),
    "not a time": np.datetime64("NaT"), "decimal": decimal.Decimal("0.5"),
    "decimal NaN": decimal.Decimal("NaN"), "a class": int, "an object": object(),
    "Ellipsis": ..., "a module": decimal, "a callback class": nn.EarlyStopping,
    "range": range(3),
}
WHOLE = {"1", "2", "3", "numpy 3"}
POSITIVE = {*WHOLE, "0.5", "1.0", "1e300", "5e-324", "numpy 0.5"}
SEEDS = {*WHOLE, "0", "huge", "None", "list", "empty list", "array", "array of none",
         "range"}
# so many would take for ever, and are asked for in the right words
ENDLESS = {"random_settings n", "two_moons n", "one_hot k", "encode_targets shape",
           "add_output_layer"}


def arguments():
    "A function of the value by name, and the names of what it takes."
    network = NETWORKS["one"]

    def training(name):
        return lambda value: Training(network, X, LABELS, **{name: value}).t

    return {
        "epochs": (training("epochs"), {*WHOLE, "huge"}),
        "batch_size": (training("batch_size"), {*WHOLE, "huge", "None"}),
        "eta": (training("eta"), {*POSITIVE, "None"}),
        "clip_norm": (training("clip_norm"), {*POSITIVE, "None"}),
        "validation_split": (
            training("validation_split"), {"0", "0.5", "numpy 0.5"}),
        "loss": (training("loss"), {"None"}),
        "optimizer": (training("optimizer"), {"None"}),
        "schedule": (training("schedule"), {"None"}),
        "regularizer": (training("regularizer"), {"None"}),
        "class_weight": (training("class_weight"), {"None"}),
        "sample_weight": (training("sample_weight"), {"None"}),
        "callbacks": (
            training("callbacks"),
            {"None", "no text", "empty list", "array of none"}),
        "one callback": (lambda v: training("callbacks")([v]), set()),
        "estimator": (training("estimator"), {"None"}),
        "x_val alone": (training("x_val"), {"None"}),
        "y_val alone": (training("y_val"), {"None"}),
        "patience": (lambda v: nn.EarlyStopping(v).patience, {*WHOLE, "huge"}),
        "monitor": (lambda v: nn.EarlyStopping(3, v).monitor, set()),
        "find batch_size": (
            lambda v: network.find_learning_rate(
                X, LABELS, low=0.1, high=0.2, n_steps=10, batch_size=v).start,
            {"2", "3", "numpy 3", "huge"}),
        "find loss": (
            lambda v: network.find_learning_rate(
                X, LABELS, low=0.1, high=0.2, n_steps=10, loss=v).start, {"None"}),
        "network.loss": (lambda v: setattr(network, "loss", v), {"None"}),
        "network.theta": (lambda v: setattr(network, "theta", v), set()),
        "evaluate estimator": (
            lambda v: network.evaluate(X, LABELS, v)["loss"], {"None"}),
        "n_units": (lambda v: nn.Dense(v).n_units, {*WHOLE, "huge"}),
        "add_layer n_units": (
            lambda v: nn.Network(2).add_layer(v, nn.ReLU()), {*WHOLE, "huge"}),
        "add_layer activation": (
            lambda v: nn.Network(2).add_layer(2, v), {"None"}),
        "add_output_layer": (
            lambda v: nn.Network(2).add_output_layer(v, nn.Sigmoid()), WHOLE),
        "output activation": (
            lambda v: nn.Network(2).add_output_layer(2, v), set()),
        "a layer": (lambda v: nn.Network(2).add(v), set()),
        "shape": (lambda v: nn.Network(v).shapes, {*WHOLE, "huge", "list"}),
        "network seed": (lambda v: nn.Network(2, seed=v).shapes, SEEDS),
        "dtype": (lambda v: nn.Network(2, dtype=v).shapes, {"numpy NaN", "numpy 0.5"}),
        "vocabulary": (
            lambda v: nn.Network(2, vocabulary=v).shapes, {*WHOLE, "huge", "None"}),
        "one_hot k": (lambda v: one_hot([0, 0], v), WHOLE),
        "encode_targets shape": (
            lambda v: encode_targets([0, 0], v, nn.Softmax()),
            {"2", "3", "numpy 3", "list"}),
        "k_fold k": (lambda v: k_fold(LABELS, v), {"2", "3", "numpy 3"}),
        "k_fold seed": (lambda v: k_fold(LABELS, 2, v), {*WHOLE, "0"}),
        "k_fold groups": (lambda v: k_fold(LABELS, 2, 0, v), {"None"}),
        "search k": (lambda v: searched(X, LABELS, k=v)["mean"], {"2", "3", "numpy 3"}),
        "search seed": (
            lambda v: searched(X, LABELS, seed=v)["mean"], {*WHOLE, "0"}),
        "search monitor": (
            lambda v: searched(X, LABELS, monitor=v)["error"],
            {"a word", "text 3", "no text", "unicode"}),
        "search groups": (
            lambda v: searched(X, LABELS, groups=v)["mean"], {"None"}),
        "search build": (lambda v: search(v, [{"a": 1}], X, LABELS), {
            "a class", "a callback class"}),
        "search settings": (
            lambda v: search(made, v, X, LABELS), set()),
        "random_settings n": (lambda v: random_settings(v), WHOLE),
        "random_settings seed": (lambda v: random_settings(2, v), SEEDS),
        "random_settings draw": (
            lambda v: random_settings(2, 0, a=v), {"a callback class"}),
        "split validation": (
            lambda v: nn.split(X, LABELS, v, 0.25, seed=0), {"0.5", "numpy 0.5"}),
        "split test": (
            lambda v: nn.split(X, LABELS, 0.25, v, seed=0), {"0.5", "numpy 0.5"}),
        "split seed": (
            lambda v: nn.split(X, LABELS, 0.25, 0.25, seed=v), {*WHOLE, "0", "None"}),
        "two_moons n": (lambda v: nn.two_moons(v), WHOLE),
        "two_moons seed": (lambda v: nn.two_moons(9, 0.1, v), {*WHOLE, "0", "None"}),
        "hold_out fraction": (
            lambda v: hold_out(LABELS, v, True, np.random.default_rng(0)),
            {"0.5", "numpy 0.5"}),
        "standardize": (lambda v: nn.standardize(v), set()),
        "metric's name": (improves_upwards, set()),
        "monk problem": (lambda v: monk(v, False), WHOLE),
        "monk seed": (lambda v: monk(1, False, v), SEEDS),
        "monk data_dir": (lambda v: monk(1, v), {"None", "False"}),
        "cup data_dir": (lambda v: cup(v), set()),
        "cup_blind data_dir": (lambda v: cup_blind(v), set()),
        "mnist data_dir": (lambda v: mnist(v) if v is not None else None, {"None"}),
        "find_data data_dir": (lambda v: find_data("a set", ["file"], v), set()),
        "read_idx path": (read_idx, set()),
        "write_cup predictions": (lambda v: write_cup("unwritten", v), set()),
        "write_cup path": (
            lambda v: None if isinstance(v, str) and v else write_cup(v, X[:, :2]),
            {"text 3", "a word", "unicode"}),
    }


def argument_cases():
    network = NETWORKS["one"]
    for argument, (function, taken) in arguments().items():
        for name, value in VALUES.items():
            if (argument, name) == ("random_settings draw", "a class"):
                continue  # an error of that class
            if name == "huge" and argument in ENDLESS:
                continue
            expected = "either" if name in taken else "refused"
            yield f"{argument} = {name}", function, value, network, expected


# --- what Hypothesis thinks of


def plain_numbers(values):
    "Real and finite numbers of single precision as float64, or None for others."
    if values.dtype.kind not in "buifOUST":
        return None
    result = np.empty(values.shape)
    for index, value in np.ndenumerate(values.astype(object)):
        try:
            result[index] = float(value)
        except (TypeError, ValueError, OverflowError):
            return None
        if not abs(result[index]) <= float(np.finfo(np.float32).max):
            return None
    return result


def samples_of_any_kind(values):
    network, plain = NETWORKS["one"], plain_numbers(values)
    fits = plain is not None and (plain.shape == (3,) or plain.shape[1:] == (3,))
    case = f"output of {values.dtype} {values.shape} {hash(values.tobytes())}"
    expected = "refused"
    if fits and plain.ndim:
        expected = frozen(network.output(plain))
        if values.dtype.itemsize > 8 or plain.size and np.abs(plain).max() > 2**53:
            expected = "either"  # numbers that float64 rounds first
    examine(case, network.output, values, network, expected)


def targets_of_any_kind(values):
    for task, network in NETWORKS.items():
        plain = plain_numbers(values)
        case = f"y of {task}: {values.dtype} {values.shape} {hash(values.tobytes())}"
        fits = plain is not None and values.shape[:1] == (N,)
        examine(
            case,
            lambda V: trained(network, task, y_train=V),
            values,
            network,
            "either" if fits else "refused",
        )


def arguments_of_any_kind(given):
    name, value = given
    network = NETWORKS["one"]
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    whole = real and isinstance(value, int) and value >= 1
    fits = {
        "epochs": whole,
        "batch_size": whole,
        "eta": real and 0 < value < np.inf,
        "clip_norm": real and 0 < value < np.inf,
        "validation_split": real and 0 <= value < 1,
        "callbacks": isinstance(value, (list, tuple, str)) and not value,
    }[name]
    if value is None:
        fits = name in ("eta", "clip_norm", "callbacks", "batch_size")
    examine(
        f"{name} = {value!r}",
        lambda v: Training(network, X, LABELS, **{name: v}).t,
        value,
        network,
        "either" if fits else "refused",
    )


def strategies():
    from hypothesis import strategies as st
    from hypothesis.extra import numpy as hnp

    kinds = st.one_of(hnp.scalar_dtypes(), st.just(np.dtype(object)))
    shapes = st.one_of(
        st.tuples(st.integers(0, N), st.just(3)),
        st.sampled_from([(N,), (N, 1), (N, 2), (N, 3), (3,)]),
        hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
    )
    things = st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
        st.complex_numbers(), st.dates(), st.decimals(), st.lists(st.integers()))
    values = kinds.flatmap(
        lambda kind: hnp.arrays(
            kind, shapes, elements=things if kind.kind == "O" else None))
    names = st.sampled_from(
        "epochs batch_size eta clip_norm validation_split callbacks".split())
    return values, st.tuples(names, things)


ARRAYS, ARGUMENTS = strategies()
PROPERTIES = {
    "samples": (samples_of_any_kind, ARRAYS),
    "targets": (targets_of_any_kind, ARRAYS),
    "arguments": (arguments_of_any_kind, ARGUMENTS),
}
