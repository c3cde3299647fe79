"""Thousands of bad inputs, from the table of `bad_input.py` and from Hypothesis: each
works and is right, or ends in an error of ours with nothing changed."""

import pickle

import bad_input
import numpy as np
import pytest
from bad_input import LABELS, NETWORKS, QUICK, TARGETS, TRIED, X, bits, examine
from hypothesis import HealthCheck, given, settings

import nn_from_scratch as nn


def test_arrays_of_every_kind_in_every_place():
    for case, function, make, plain, network, expected in bad_input.cases(every=False):
        value = bad_input.spoil(make, plain)
        examine(case, function, value, network, expected)


def test_arguments_of_every_kind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NN_FROM_SCRATCH_DATA", raising=False)
    for case in bad_input.argument_cases():
        examine(*case)


@pytest.mark.parametrize("name", bad_input.PROPERTIES)
def test_anything_that_hypothesis_thinks_of(name):
    check, strategy = bad_input.PROPERTIES[name]
    quick = settings(
        max_examples=60, derandomize=True, deadline=None, database=None,
        suppress_health_check=list(HealthCheck))
    quick(given(strategy)(check))()


def test_two_thousand_of_them_differ():
    "Without pandas, polars and torch as well."
    arrays = {case for case, *_ in bad_input.cases(every=False)}
    others = {case for case, *_ in bad_input.argument_cases()}
    assert len(arrays | others) >= 2000
    assert not TRIED or len(TRIED) >= 60


# --- callbacks

MOMENTS = "on_train_begin", "on_batch_end", "on_epoch_end", "on_train_end"


def training(network, *callbacks):
    history = network.train(X, LABELS, **{**QUICK, "epochs": 2}, callbacks=callbacks)
    return dict(history), network.theta.tobytes(), network.rng.bit_generator.state


def fresh():
    return pickle.loads(pickle.dumps(NETWORKS["one"]))


def at(moment, action):
    return nn.LambdaCallback(**{moment: lambda network, *more: action(network)})


def harmless(name):
    def look(network):
        {
            "predicts": lambda: network.output(X),
            "evaluates": lambda: network.evaluate(X, LABELS, nn.BinaryAccuracy()),
            "copies and trains the copy": lambda: fresh().train(X, LABELS, **QUICK),
            "pickles": lambda: pickle.dumps(network),
            "prints": lambda: (repr(network), network.summary()),
            "fails to train": lambda: pytest.raises(
                RuntimeError, network.train, X, LABELS, **QUICK),
            "fails to search": lambda: pytest.raises(
                RuntimeError, network.find_learning_rate, X, LABELS),
            "fails to add": lambda: pytest.raises(
                ValueError, network.add_layer, 2, nn.ReLU()),
            "fails to predict": lambda: pytest.raises(TypeError, network.output, "X"),
            "draws numbers": lambda: np.random.default_rng().normal(),
        }[name]()

    return look


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize(
    "name",
    [
        "predicts", "evaluates", "copies and trains the copy", "pickles", "prints",
        "fails to train", "fails to search", "fails to add", "fails to predict",
        "draws numbers",
    ],
)
def test_a_callback_that_looks_changes_no_bit(moment, name):
    expected = training(fresh())
    assert training(fresh(), at(moment, harmless(name))) == expected


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("error", [ZeroDivisionError, SystemExit, MemoryError])
def test_an_error_in_a_callback_leaves_the_network_as_it_was(moment, error):
    def fail(network):
        raise error("in a callback")

    network = fresh()
    before = bits(network)
    with pytest.raises(error, match="in a callback"):
        training(network, at(moment, fail))
    network.grad[...] = 0
    assert bits(network) == before


@pytest.mark.parametrize("moment", MOMENTS)
def test_training_the_network_that_is_trained_is_refused(moment):
    network = fresh()
    before = bits(network)
    for again in ("train", "find_learning_rate"):
        with pytest.raises(RuntimeError, match="being trained already"):
            training(network, at(moment, lambda m: getattr(m, again)(X, LABELS)))
        network.grad[...] = 0
        assert bits(network) == before
    assert training(network) == training(fresh())


def test_what_a_callback_writes_into_the_parameters_stays():
    for moment in MOMENTS[1:]:
        network = fresh()
        training(network, at(moment, lambda m: setattr(m, "theta", 0 * m.theta)))
        assert not network.theta.any()


def test_a_callback_that_stops_ends_training_after_that_epoch():
    for answer, epochs in ((True, 1), (np.True_, 1), (False, 2), (None, 2), ("no", 2)):
        stop = nn.LambdaCallback(on_epoch_end=lambda *_: answer)
        assert len(training(fresh(), stop)[0]["train_loss"]) == epochs


# --- numbers at the edge of what is accepted


@pytest.mark.parametrize("task", NETWORKS)
def test_labels_of_one_class_and_samples_of_one_value_work(task):
    network = pickle.loads(pickle.dumps(NETWORKS[task]))
    for value in (0, 1):
        Y = np.full_like(TARGETS[task], value)
        history = network.train(np.full_like(X, value), Y, **QUICK)
        assert np.isfinite(history["train_loss"]).all()


@pytest.mark.parametrize("size", [1e-310, 1e-38, 1e30, 3e38, -3e38])
def test_numbers_of_any_size_leave_no_warning_of_numpy(size):
    network = fresh()
    assert network.output(size * X).shape == (12, 1)
    assert set(network.evaluate(size * X, LABELS)) == {"loss"}


def test_the_kind_of_a_label_does_not_matter_to_class_weights():
    expected = training_with_weights(LABELS)
    for kind in ("u8", ">u8", ">i8", "u1", "f2", bool, object):
        assert training_with_weights(LABELS.astype(kind)) == expected


def training_with_weights(y):
    network = pickle.loads(pickle.dumps(NETWORKS["many"]))
    network.train(X, y, class_weight={0: 1, 1: 2, 2: 1}, **QUICK)
    network.train(X, y, class_weight="balanced", **QUICK)
    return network.theta.tobytes()
