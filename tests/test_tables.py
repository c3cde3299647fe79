"Data as tables make them: taken where they are numbers, else refused by name"

import warnings

import numpy as np
import pytest
from scipy import sparse

from nn_from_scratch.activations import ReLU, Sigmoid
from nn_from_scratch.layers import InputLayer, numbers
from nn_from_scratch.network import Network


class NA:
    def __repr__(self):
        return "<NA>"

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


class Table:
    columns = "age", "city"

    def __init__(self, rows):
        self.rows = rows

    def __array__(self, dtype=None, copy=None):
        return np.array(self.rows, object)


def gate(values):
    return numbers(values, "samples", np.float32)


def test_objects_that_are_numbers_are_taken():
    taken = gate(np.array([[1.5, True], [np.int64(2), "3"]], object))
    assert taken.dtype == np.float64 and taken.tolist() == [[1.5, 1], [2, 3]]


def test_missing_values_name_row_and_column():
    for missing in (None, NA(), np.nan):
        with pytest.raises(ValueError, match=r"finite.*\[1, 0\], in column 'age'"):
            gate(Table([[1, 2], [missing, 3]]))


def test_text_names_row_and_column_and_what_encodes_it():
    with pytest.raises(TypeError, match=r"\[1, 1\], in column 'city'.*OneHotEncoder"):
        gate(Table([[1, 2], [3, "Pisa"]]))
    with pytest.raises(TypeError, match=r"'cat' at index \[1\]"):
        numbers(["1", "cat"], "targets", np.float32)


def test_sparse_matrices_are_refused_as_sparse():
    for make in (sparse.csr_matrix, sparse.csr_array, sparse.coo_matrix):
        with pytest.raises(TypeError, match=r"sparse.*toarray"):
            gate(make(np.eye(3)))


def test_masks_that_hide_values_are_refused_and_empty_ones_taken():
    values = np.array([1., 2., 9.])
    with pytest.raises(ValueError, match="masked values, got 1"):
        gate(np.ma.masked_greater(values, 5))
    assert gate(np.ma.array(values)).tolist() == [1, 2, 9]


def test_complex_numbers_are_refused_without_warnings():
    values = np.array([1 + 2j]), np.array([np.complex128(1j), 2], object)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for complex_numbers in values:
            with pytest.raises(TypeError, match="real numbers"):
                gate(complex_numbers)


def test_ragged_rows_are_refused_in_a_sentence():
    with pytest.raises(ValueError, match="rows of equal length"):
        gate([[1, 2], [3]])


def test_values_that_float32_merges_are_warned_about_once_a_call():
    seconds = 1.6e9 + np.arange(500)
    X = np.column_stack([seconds, seconds, np.ones(500)])
    for samples in (X, X.astype(np.int64)):
        with pytest.warns(UserWarning, match="500 different values, 5 in") as caught:
            InputLayer(3).check(samples)
        assert len(caught) == 1


def test_values_that_stay_apart_give_no_warning():
    X = np.random.default_rng(0).normal(size=(500, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for samples in (X, X + 1e3, np.ones((500, 3)), np.zeros((0, 3)), X[:1] + 1.6e9):
            InputLayer(3).check(samples)
        InputLayer(3, np.float64).check(1.6e9 + X)


def test_a_table_of_mixed_columns_trains_as_its_numbers_do():
    X = np.random.default_rng(0).normal(size=(20, 2)) > 0
    losses = []
    for samples in (X.astype(float), X.astype(object)):
        network = Network(2, 0)
        network.add_layer(3, ReLU())
        network.add_output_layer(1, Sigmoid())
        network.train(samples, X[:, 0], epochs=2, verbose=False)
        losses.append(network.evaluate(samples, X[:, 0])["loss"])
    assert losses[0] == losses[1]


def test_data_frames_of_pandas():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"age": pd.array([1, 2], "Int64"), "city": [True, False]})
    assert gate(table).tolist() == [[1, 1], [2, 0]]
    table.loc[1, "age"] = pd.NA
    with pytest.raises(ValueError, match=r"\[1, 0\], in column 'age'"):
        gate(table)
