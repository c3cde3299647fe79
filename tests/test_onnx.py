"""What a file of ONNX computes in onnxruntime is what the network computes, for every
kind of layer, activation and output that there is, and what has no form is refused."""
import copy
import importlib
import pkgutil
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import nn_from_scratch as nn
from nn_from_scratch.activations import Activation
from nn_from_scratch.attention import MultiHeadAttention
from nn_from_scratch.autodiff import TapedLayer
from nn_from_scratch.convolution import (
    AvgPool2D, Conv2D, MaxPool2D, Pool2D, RandomShift)
from nn_from_scratch.embedding import Embedding, Positions, Sinusoids, Tied
from nn_from_scratch.estimators import NetworkClassifier, NetworkRegressor
from nn_from_scratch.layers import Layer
from nn_from_scratch.normalization import LayerNorm, RMSNorm
from nn_from_scratch.recurrence import GRU, LSTM, OverTime, Recurrent

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
from nn_from_scratch.onnx import (  # noqa: E402
    FORMS, SINGLE, Graph, as_onnx, forms, onnx_form, to_onnx)

ACTIVATIONS = [
    nn.Linear(), nn.Sigmoid(), nn.Sigmoid(a=3.0), nn.Tanh(), nn.ReLU(),
    nn.LeakyReLU(0.3), nn.ELU(0.5), nn.Softplus(), nn.SiLU(), nn.GELU(), nn.Softmax(),
]
LAYERS = {
    "Dense": lambda: nn.Dense(3, nn.Tanh()),
    "Dense without b": lambda: nn.Dense(3, bias=False),
    "Activate": lambda: nn.Activate(nn.Sigmoid(a=0.5)),
    "Flatten": nn.Flatten,
    "Dropout": lambda: nn.Dropout(0.5),
    "BatchNorm": nn.BatchNorm,
    "LayerNorm": LayerNorm,
    "RMSNorm": RMSNorm,
    "Residual": lambda: nn.Residual(
        nn.BatchNorm(), nn.Residual(nn.Dense(2, nn.ReLU()), nn.Dropout(0.5))),
}
IMAGES = {
    "Conv2D": lambda: Conv2D(4, 3, nn.ReLU()),
    "Conv2D, one margin wider": lambda: Conv2D(2, (4, 2), padding="same", bias=False),
    "Conv2D, stride": lambda: Conv2D(3, 2, nn.Tanh(), stride=(2, 3), padding="same"),
    "Conv2D, pixels": lambda: Conv2D(3, (3, 2), nn.Sigmoid(2), 2, padding=(2, 1)),
    "MaxPool2D": lambda: MaxPool2D(2),
    "MaxPool2D, stride": lambda: MaxPool2D((3, 2), stride=(1, 2)),
    "AvgPool2D": lambda: AvgPool2D((2, 3)),
    "AvgPool2D, stride": lambda: AvgPool2D(3, stride=(2, 1)),
    "RandomShift": lambda: RandomShift(2),
}
SEQUENCES = {
    "Positions": Positions,
    "more Positions": lambda: Positions(9),
    "Sinusoids": Sinusoids,
    "LSTM": lambda: LSTM(4),
    "GRU": lambda: GRU(4),
    "LSTM, sequences": lambda: LSTM(4, return_sequences=True),
    "GRU, sequences": lambda: GRU(4, return_sequences=True),
    "Recurrent": lambda: Recurrent(4),
    "Recurrent, sequences": lambda: Recurrent(4, nn.Sigmoid(2), return_sequences=True),
    "MultiHeadAttention": lambda: MultiHeadAttention(1),
    "causal MultiHeadAttention": lambda: MultiHeadAttention(3, causal=True),
}
WORDS = {
    "Embedding": lambda: Embedding(3),
    "Tied": Tied,
}
POINTS = nn.two_moons(60, 0.2, seed=0)
BASES = {Pool2D, OverTime, TapedLayer}  # have no form, as they compute nothing
PRECISIONS = {np.float32: 1e-5, np.float64: 1e-12}


def made(layers, head=(1, nn.Sigmoid()), shape=2, dtype=np.float32, words=None):
    "A network whose tensors, running statistics too, are drawn at random."
    model = nn.Network(shape, seed=0, dtype=dtype, vocabulary=words)
    for layer in layers:
        model.add(layer)
    model.add_output_layer(*head)
    rng = np.random.default_rng(0)
    drawn = {
        name: np.exp(rng.normal(size=tensor.shape)) if name.endswith("variance")
        else rng.normal(size=tensor.shape)
        for name, tensor in model.tensors().items()
    }
    model.put_back(drawn)
    return model


def run(model, X):
    "All outputs by name, in onnxruntime."
    session = runtime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"X": X})))


def samples(model, n, scale=1.0):
    rng, shape = np.random.default_rng(n), (n, *model.input.shape)
    if model.input.vocabulary is not None:
        return rng.integers(model.input.vocabulary, size=shape)
    return rng.normal(0, scale, shape).astype(model.dtype)


def check(model, tolerance, name=None):
    "One row, none and many, of the usual size and far out."
    exported = as_onnx(model)
    operators = {node.op_type for node in exported.graph.node}
    if operators & SINGLE:
        tolerance = 1e-5
    for n, scale in ((1, 1.0), (0, 1.0), (33, 1.0), (9, 1e4)):
        if n == 0 and operators & {"LSTM", "GRU"}:
            assert len(model.output(samples(model, 0))) == 0
            continue  # would end the process of onnxruntime
        X = samples(model, n, scale)
        found, expected = run(exported, X), model.output(X)
        [(key, A)] = found.items()
        assert name in (None, key)
        assert A.dtype == expected.dtype and A.shape == expected.shape
        size = np.maximum(np.abs(expected), max(1, np.abs(X).max(initial=0)))
        assert np.all(np.abs(A - expected) <= tolerance * size)


def kinds(base):
    "The classes of the library below a base."
    for module in pkgutil.iter_modules(nn.__path__):
        if module.name not in ("__main__", "_modidx", "experiments"):
            importlib.import_module(f"nn_from_scratch.{module.name}")
    found = list(base.__subclasses__())
    for kind in found:
        found += kind.__subclasses__()
    return {kind for kind in found if kind.__module__.startswith("nn_from_scratch")}


def test_every_layer_and_activation_has_a_form_and_is_tried_here():
    expected = (kinds(Layer) | kinds(Activation)) - BASES
    assert expected <= forms().keys(), expected - forms().keys()
    tried = {type(activation) for activation in ACTIVATIONS}
    makers = (LAYERS, IMAGES, SEQUENCES, WORDS)
    tried |= {type(make()) for table in makers for make in table.values()}
    assert expected == tried


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_an_activation_inside_and_at_the_end(activation, dtype):
    check(made([nn.Dense(5, activation)], (3, activation), 4, dtype), PRECISIONS[dtype])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("shape", [2, (3, 2), (2, 3, 2)], ids=str)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_on_samples_of_any_shape(layer, shape, dtype):
    check(made([LAYERS[layer]()], (2, nn.Softmax()), shape, dtype), PRECISIONS[dtype])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("layer", IMAGES)
def test_a_layer_on_images(layer, dtype):
    model = made([IMAGES[layer]()], (2, nn.Linear()), (7, 6, 3), dtype)
    check(model, PRECISIONS[dtype])


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("layer", SEQUENCES)
def test_a_layer_on_sequences(layer, dtype):
    model = made([SEQUENCES[layer]()], (2, nn.Linear()), (5, 3), dtype)
    check(model, PRECISIONS[dtype])


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_a_recurrence_with_any_activation(activation):
    layer = Recurrent(3, activation, return_sequences=True)
    check(made([layer], (2, nn.Tanh()), (4, 2)), 1e-5)


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("layer", [
    Recurrent(3, return_sequences=True), LSTM(3, return_sequences=True),
    GRU(3, return_sequences=True), Conv2D], ids=str)
def test_words_to_words_with_one_matrix(layer, dtype):
    layers = [Embedding(3), Positions(), copy.copy(layer), LayerNorm()]
    if layer is Conv2D:
        layers = [Embedding(3), Conv2D(3, 2, padding="same")]
    shape = (4, 3) if layer is Conv2D else 4
    model = made(layers, (Tied(), nn.Softmax()), shape, dtype, words=7)
    check(model, PRECISIONS[dtype])
    stored = as_onnx(model).graph
    assert stored.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT64
    assert [list(t.dims) for t in stored.initializer].count([7, 3]) == 1


def test_an_output_tied_to_what_is_stored_in_another_order():
    layers = [LSTM(3, return_sequences=True), nn.Dense(12)]
    check(made(layers, (Tied("1.W_h"), nn.Linear()), (4, 2)), 1e-5)


@pytest.mark.parametrize(("head", "name"), [
    ((1, nn.Sigmoid()), "probabilities"), ((4, nn.Sigmoid(2)), "probabilities"),
    ((3, nn.Softmax()), "probabilities"), ((1, nn.Linear()), "predictions"),
    ((3, nn.Softplus()), "predictions"),
])
def test_outputs_are_named_for_what_they_are(head, name):
    check(made([], head), 1e-5, name)


PARTS = st.sampled_from([
    *(lambda a=a: nn.Activate(a) for a in ACTIVATIONS), *LAYERS.values()])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    layers=st.lists(PARTS, max_size=5), outputs=st.integers(2, 4),
    head=st.sampled_from(ACTIVATIONS), shape=st.sampled_from([2, (3, 2)]),
)
def test_any_stack(layers, outputs, head, shape):
    try:
        model = made([make() for make in layers], (outputs, head), shape, np.float64)
    except ValueError:  # a residual block around what changes the shape
        return
    check(model, 1e-5)


BUILT = st.sampled_from([
    *IMAGES.values(), *SEQUENCES.values(), *LAYERS.values(),
    lambda: nn.Activate(nn.GELU()), lambda: nn.Activate(nn.Softmax())])


@settings(max_examples=40, deadline=None, derandomize=True)
@given(layers=st.lists(BUILT, min_size=1, max_size=4),
       shape=st.sampled_from([(5, 3), (8, 7, 2)]))
def test_any_stack_on_images_or_sequences(layers, shape):
    model = nn.Network(shape)
    fitting = []
    for make in layers:
        try:
            model.add(make())
        except ValueError:  # reads another kind of samples
            continue
        fitting.append(make())
    check(made(fitting, (2, nn.Linear()), shape, np.float64), 1e-5)


def test_a_trained_network_and_its_file(tmp_path):
    X, y = nn.two_moons(200, 0.2, seed=0)
    model = nn.Network(2, seed=0)
    model.add_layer(8, nn.ReLU(), dropout=0.2, batch_norm=True)
    model.add_output_layer(1, nn.Sigmoid(a=2))
    model.train(X, y, epochs=3, verbose=False)
    model.to_onnx(tmp_path / "a.onnx")
    to_onnx(model, str(tmp_path / "b.onnx"))
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    stored = onnx.load(tmp_path / "a.onnx")
    onnx.checker.check_model(stored, full_check=True)
    assert stored.producer_name == "nn_from_scratch"
    assert stored.producer_version == nn.__version__
    assert not any(node.op_type == "Dropout" for node in stored.graph.node)
    X = X.astype(np.float32)
    A = run(stored, X)["probabilities"]
    np.testing.assert_allclose(A, model.output(X), rtol=0, atol=1e-5)


def test_the_number_of_samples_is_open_and_the_versions_are_old():
    model = as_onnx(made([], shape=(3, 2)))
    for value in (*model.graph.input, *model.graph.output):
        first, *others = value.type.tensor_type.shape.dim
        assert first.dim_param == "n" and all(size.dim_value for size in others)
    assert (model.ir_version, model.opset_import[0].version) == (7, 13)


class Cube(Activation):
    def forward(self, Z):
        return Z**3


class Double(nn.ReLU):
    "A subclass computes something else than what it inherits from."

    def forward(self, Z):
        return 2 * super().forward(Z)


@pytest.mark.parametrize("own", [Cube, Double])
def test_what_has_no_form_is_refused_before_there_is_a_file(own, tmp_path):
    inside, outside = made([nn.Activate(own())]), made([], (1, own()))
    nested = made([nn.Residual(nn.Dense(2, own()))])
    for model in (inside, outside, nested):
        with pytest.raises(TypeError, match=rf"{own.__name__}.* no form in ONNX"):
            model.to_onnx(tmp_path / "own.onnx")
    assert not list(tmp_path.iterdir())


def test_a_form_of_ones_own(monkeypatch):
    monkeypatch.setitem(FORMS, Cube, None)  # to be taken away again

    @onnx_form(Cube)
    def cube(activation, Z, graph):
        return graph.node("Mul", Z, graph.node("Mul", Z, Z))

    model = made([nn.Activate(Cube())])
    X = samples(model, 5)
    A = run(as_onnx(model), X)["probabilities"]
    np.testing.assert_allclose(A, model.output(X), rtol=0, atol=1e-5)


def test_bad_input_is_refused(tmp_path):
    incomplete = nn.Network(2)
    with pytest.raises(ValueError, match="no output layer yet"):
        incomplete.to_onnx(tmp_path / "a.onnx")
    with pytest.raises(TypeError, match="expected a Network.* got 3"):
        to_onnx(3, tmp_path / "a.onnx")
    with pytest.raises(NotFittedError):
        NetworkClassifier().to_onnx(tmp_path / "a.onnx")
    scaled = make_pipeline(MinMaxScaler(), NetworkClassifier(epochs=1)).fit(*POINTS)
    with pytest.raises(TypeError, match=r"MinMaxScaler\(\) has no form"):
        to_onnx(scaled, tmp_path / "a.onnx")
    with pytest.raises(TypeError, match=r"ends in one, got LinearRegression"):
        to_onnx(make_pipeline(LinearRegression()), tmp_path / "a.onnx")
    with pytest.raises(FileNotFoundError, match="expected a folder"):
        made([]).to_onnx(tmp_path / "none" / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_equal_numbers_are_one_constant_and_names_are_not_used_twice():
    graph = Graph()
    names = [graph.node("Add", "X", 1), graph.node("Add", "X", 1)]
    names += [graph.constant("Add", [1, 2])]
    assert names == ["Add", "Add_2", "Add_3"] and len(graph.constants) == 2


LABELS = {
    "two numbers": [3, 7], "text": ["no", "yes"], "booleans": [False, True],
    "reals": [1.0, 2.0], "three words": ["a", "bc", "déjà"],
    "small": np.int8([1, 2, 5]),
}


@pytest.mark.parametrize("options", [{}, {"loss": "categorical_cross_entropy"},
                                     {"dtype": "float32", "batch_norm": True}], ids=str)
@pytest.mark.parametrize("labels", LABELS)
def test_a_classifier_answers_with_the_labels_of_its_user(labels, options):
    X, kinds = POINTS[0], np.arange(60) % len(LABELS[labels])
    y = np.array(LABELS[labels])[kinds]
    model = NetworkClassifier((4,), epochs=2, random_state=0, **options).fit(X, y)
    X = X.astype(model.network_.dtype)
    found, expected = run(as_onnx(model), X), model.predict(X)
    assert list(found) == ["label", "probabilities"]
    assert found["label"].shape == expected.shape
    assert (found["label"] == expected).all()
    P = model.predict_proba(X)
    assert found["probabilities"].dtype == P.dtype
    np.testing.assert_allclose(found["probabilities"], P, rtol=0, atol=1e-5)


def test_several_labels_of_a_sample():
    X, y = POINTS[0], np.arange(180).reshape(60, 3) % 2
    model = NetworkClassifier((4,), epochs=2, random_state=0).fit(X, y)
    X = X.astype(model.network_.dtype)
    found = run(as_onnx(model), X)
    assert (found["label"] == model.predict(X)).all()
    P = model.predict_proba(X)
    np.testing.assert_allclose(found["probabilities"], P, rtol=0, atol=1e-5)


@pytest.mark.parametrize("scale_targets", [True, False])
@pytest.mark.parametrize("k", [None, 1, 2])
def test_a_regressor_answers_in_the_unit_of_its_targets(k, scale_targets):
    X = POINTS[0]
    Y = np.random.default_rng(0).normal(size=(60, k) if k else 60)
    Y = 1e5 + 10 * Y if scale_targets else Y
    model = NetworkRegressor(
        (4,), epochs=2, random_state=0, scale_targets=scale_targets)
    X, Y = X.astype(np.float32), Y[:, 0] if k == 1 else Y
    model.fit(X, Y)
    found, expected = run(as_onnx(model), X)["predictions"], model.predict(X)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-4)


@pytest.mark.parametrize("steps", [
    [StandardScaler()], [StandardScaler(with_mean=False), "passthrough"],
    [StandardScaler(with_std=False), StandardScaler()]], ids=str)
def test_a_pipeline_is_one_graph_and_knows_its_features(steps, tmp_path):
    pandas = pytest.importorskip("pandas")
    X, y = pandas.DataFrame(POINTS[0] * 1e-3 + 1e4, columns=["left", "up"]), POINTS[1]
    model = make_pipeline(*steps, NetworkClassifier((4,), epochs=3, random_state=0))
    model.fit(X, y)
    to_onnx(model, tmp_path / "a.onnx")
    stored = onnx.load(tmp_path / "a.onnx")
    texts = {item.key: item.value for item in stored.metadata_props}
    assert texts == {"feature_names": '["left", "up"]'}
    found = run(stored, X.to_numpy())
    assert (found["label"] == model.predict(X)).all()
    P = model.predict_proba(X)
    np.testing.assert_allclose(found["probabilities"], P, rtol=0, atol=1e-5)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"'nn-from-scratch-book\[onnx\]'"):
        made([]).to_onnx(tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())
