"What cannot work is refused where it is given; what fails is not half built"

import numpy as np
import pytest

from nn_from_scratch.activations import ReLU, Sigmoid
from nn_from_scratch.backprop import Stack
from nn_from_scratch.initializers import He, Xavier
from nn_from_scratch.layers import Dense
from nn_from_scratch.losses import MeanSquaredError
from nn_from_scratch.network import Network
from nn_from_scratch.regularizers import L2, ElasticNet


@pytest.mark.parametrize("wrong", [He, 3, "", "xaviar", [], False])
def test_initializers_that_cannot_work_are_refused_where_they_are_given(wrong):
    with pytest.raises((TypeError, ValueError), match="initializer"):
        Dense(3, ReLU(), wrong)


def test_initializers_are_found_by_name():
    assert isinstance(Dense(3, initializer="xavier").initializer, Xavier)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_regularizers_of_layers_are_found_by_name(batch_norm):
    network = Network(2, 0)
    network.add_layer(3, ReLU(), regularizer="l2", batch_norm=batch_norm)
    network.add_output_layer(1, Sigmoid(), regularizer="elastic_net")
    penalties = [layer.regularizer for layer in network.layers if layer.penalised]
    assert [type(penalty) for penalty in penalties] == [L2, ElasticNet]


@pytest.mark.parametrize("wrong", [L2, 0.01, "", "ridge", MeanSquaredError(), []])
def test_regularizers_that_cannot_work_are_refused_where_they_are_given(wrong):
    network = Network(2, 0)
    with pytest.raises((TypeError, ValueError), match="regularizer.* elastic_net"):
        network.add_layer(3, ReLU(), regularizer=wrong)
    with pytest.raises((TypeError, ValueError), match="regularizer.* elastic_net"):
        network.add_output_layer(3, Sigmoid(), regularizer=wrong)
    assert network.layers == ()


@pytest.mark.parametrize("seed", [L2(1e-8), -1, 1.5, "a"])
def test_seeds_that_cannot_work_are_refused_at_once(seed):
    with pytest.raises((TypeError, ValueError), match="expected a seed"):
        Network(2, seed)


def not_finite(rng, n_inputs, n_units):
    return np.full((n_inputs, n_units), np.inf)


def too_large(rng, n_inputs, n_units):
    raise MemoryError


def of_one_number(rng, n_inputs, n_units):
    return 1.


@pytest.mark.parametrize("initializer", [not_finite, too_large, of_one_number])
def test_a_stack_that_cannot_be_completed_can_be_mended(initializer):
    stack = Stack(2, seed=0)
    for layer in (Dense(3, ReLU()), Dense(1, initializer=initializer)):
        stack.add(layer)
    with pytest.raises((ValueError, MemoryError)):
        stack.complete()
    with pytest.raises(ValueError, match="not complete"):
        stack.tensors()
    assert not any(layer.views or hasattr(layer, "W") for layer in stack.layers)
    stack.layers[1].initializer = Xavier()
    stack.complete()
    right = Stack(2, [Dense(3, ReLU()), Dense(1)], seed=0)
    assert np.array_equal(stack.theta, right.theta)


def test_a_network_whose_output_layer_fails_does_not_answer():
    network = Network(2, 0)
    with pytest.raises(ValueError):
        network.add_output_layer(1, Sigmoid(), not_finite)
    with pytest.raises(ValueError, match="output layer"):
        network.output(np.zeros((1, 2)))
