"""Attention, blocks and texts: copies, files, errors, what is kept, what is drawn."""
import copy
import pickle
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn_from_scratch as nn
from nn_from_scratch.attention import (
    MultiHeadAttention, attention_maps, scaled_dot_product_attention)
from nn_from_scratch.embedding import Embedding, Positions, Tied
from nn_from_scratch.layers import walk
from nn_from_scratch.normalization import LayerNorm, RMSNorm
from nn_from_scratch.recurrence import GRU
from nn_from_scratch.transformer import (
    BytePairs, draw, generate, token_probabilities, transformer_block)


def gpt(length=6, n_words=7, n_units=8, n_heads=2, depth=2, dtype=np.float32, **more):
    model = nn.Network(length, seed=0, vocabulary=n_words, dtype=dtype)
    model.add(Embedding(n_units))
    model.add(Positions())
    for _ in range(depth):
        for layer in transformer_block(n_units, n_heads, **more):
            model.add(layer)
    model.add(LayerNorm())
    model.add_output_layer(Tied(), nn.Softmax())
    return model


rng = np.random.default_rng(0)
X = rng.integers(7, size=(40, 6))
y = np.roll(X, -1, axis=1)


def trained(**more):
    model = gpt(**more)
    model.train(X, y, epochs=2, optimizer="adam", verbose=False)
    return model


@pytest.mark.parametrize("more", [{}, {"pre_norm": False}, {"norm": RMSNorm},
                                  {"dropout": 0.1, "causal": False}], ids=str)
def test_copies_and_files_say_and_learn_the_same(more, tmp_path):
    model = trained(**more)
    model.save(tmp_path / "gpt")
    twins = [nn.Network.load(tmp_path / "gpt"), copy.copy(model),
             pickle.loads(pickle.dumps(model))]
    outputs, texts = model.output(X), generate(model, X[:, :2], 9, rng=3)
    for twin in twins:
        assert np.array_equal(twin.output(X), outputs)
        assert np.array_equal(generate(twin, X[:, :2], 9, rng=3), texts)
    for twin in [model, *twins]:
        twin.train(X, y, epochs=1, verbose=False, optimizer="adam")
    for twin in twins:
        assert np.array_equal(twin.theta, model.theta)


def test_summary_names_all_tensors():
    said = gpt(depth=1).summary()
    for name in ("3.2.W 8 × 24", "3.2.W_o 8 × 8", "4.2.W 8 × 32", "Tied('1.E')"):
        assert name in said


def test_prediction_keeps_nothing_and_stays_in_single_precision():
    model = gpt()
    outputs = model.output(X)
    generate(model, X[:, :2], 9, rng=3)
    assert all(part.kept == [] for _, part in walk(model.layers))
    assert outputs.dtype == np.float32
    model.forward(X, training=True)
    kept = [value for _, part in walk(model.layers) for value in part.kept]
    assert all(value.dtype in (np.float32, np.intp) for value in kept
               if isinstance(value, np.ndarray))


def test_what_is_masked_has_no_effect_even_if_it_is_huge():
    Q, K, V = rng.normal(size=(3, 4, 2))
    C, _ = scaled_dot_product_attention(Q, K, V, causal=True)
    K[-1], V[-1] = 1e150, 1e150
    again, A = scaled_dot_product_attention(Q, K, V, causal=True)
    assert np.array_equal(again[:-1], C[:-1])
    assert np.isfinite(again).all() and np.allclose(A.sum(axis=-1), 1)


@pytest.mark.parametrize("more", [{}, {"pre_norm": False}, {"causal": False}], ids=str)
def test_cached_texts_are_those_of_full_recomputation(more):
    model = trained(dtype=np.float64, **more)
    for prompt in (X[0, :1], X[:3, :2], X[:3]):
        texts = [generate(model, prompt, 12, rng=1, cache=cache)
                 for cache in (True, False)]
        assert np.array_equal(*texts)
        assert np.array_equal(texts[0][..., :prompt.shape[-1]], prompt)
        assert texts[0].shape == (*prompt.shape[:-1], prompt.shape[-1] + 12)


def test_a_text_follows_the_probabilities_of_its_window():
    model = trained()
    text = generate(model, X[0, :2], 10, temperature=0)
    for end in range(2, 12):
        window = text[max(0, end - 6):end]
        assert model.forward(window[None])[0, -1].argmax() == text[end]


def test_networks_without_attention_write_too():
    model = nn.Network(6, seed=0, vocabulary=7)
    model.add(Embedding(5))
    model.add(GRU(8))
    model.add_output_layer(7, nn.Softmax())
    assert generate(model, [1, 2], 8, rng=0).shape == (10,)


def test_threads_write_side_by_side():
    model, texts = trained(), {}
    def write(seed):
        texts[seed] = generate(model, X[0, :2], 30, rng=seed)
    threads = [threading.Thread(target=write, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, text in texts.items():
        assert np.array_equal(text, generate(model, X[0, :2], 30, rng=seed))


@pytest.mark.parametrize("prompt, more, message", [
    ([7], {}, "from 0 to 6, got 7"),
    ([-1], {}, "from 0 to 6, got -1"),
    ([1.5], {}, "whole numbers"),
    ([1] * 7, {}, "1 to 6 words"),
    ([], {}, "1 to 6 words"),
    (3, {}, "1 to 6 words"),
    ([[[1]]], {}, "1 to 6 words"),
    ([1], {"n": 0}, "number of words"),
    ([1], {"temperature": -0.1}, "temperature"),
    ([1], {"temperature": np.nan}, "temperature"),
    ([1], {"temperature": "hot"}, "temperature"),
    ([1], {"top_k": 0}, "top_k"),
    ([1], {"top_k": 1.5}, "top_k"),
    ([1], {"top_p": 0}, "top_p"),
    ([1], {"top_p": 1.01}, "top_p"),
    ([1], {"rng": "x"}, "seed"),
])
def test_what_generate_refuses(prompt, more, message):
    with pytest.raises((TypeError, ValueError), match=message):
        generate(gpt(depth=1), prompt, **{"n": 2, **more})


def test_networks_that_do_not_write_are_refused():
    real = nn.Network(3, seed=0)
    with pytest.raises(ValueError, match="no output layer"):
        generate(real, [1], 2)
    real.add_output_layer(2, nn.Softmax())
    with pytest.raises(ValueError, match="reads words"):
        generate(real, [1], 2)
    model = gpt(depth=1)
    model.theta[...] = np.nan
    with pytest.raises(ValueError, match="finite"):
        generate(model, [1], 2)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="multiple of 4 units, got 6"):
        nn.Stack((5, 6), [MultiHeadAttention(4)])
    with pytest.raises(ValueError, match="expects sequences"):
        nn.Stack(6, [MultiHeadAttention(2)])
    for n_heads, error in ((0, ValueError), (2.0, TypeError), (True, TypeError)):
        with pytest.raises(error, match="number of heads"):
            MultiHeadAttention(n_heads)
    with pytest.raises(ValueError, match="at most 6 positions, got 7"):
        attention_maps(gpt(depth=1), np.zeros((1, 7), int))


def test_maps_are_rows_of_weights_by_layer():
    maps = attention_maps(gpt(), X[:3, :4])
    assert list(maps) == ["3.2", "5.2"]
    for A in maps.values():
        assert A.shape == (3, 2, 4, 4) and np.allclose(A.sum(axis=-1), 1)
        assert not np.triu(A, 1).any()


def test_probabilities_at_the_ends_of_their_arguments():
    Z = np.array([[0.0, 2, 1, 2]])
    assert token_probabilities(Z, 0).tolist() == [[0, 1, 0, 0]]
    assert token_probabilities(Z, 1e-300).tolist() == [[0, 0.5, 0, 0.5]]
    assert np.allclose(token_probabilities(Z, 1e300), 0.25)
    assert token_probabilities(Z, top_k=1).tolist() == [[0, 1, 0, 0]]
    full = token_probabilities(Z)
    for more in ({"top_k": 4}, {"top_k": 99}, {"top_p": 1}):
        assert np.allclose(token_probabilities(Z, **more), full, rtol=1e-12)
    assert token_probabilities(Z, top_p=1e-9).tolist() == [[0, 1, 0, 0]]


def test_drawn_words_are_as_frequent_as_said():
    Z, n = np.array([[0.0, 2, 1, -1, 1.5]]), 20_000
    for more in ({}, {"temperature": 0.5}, {"top_k": 2}, {"top_p": 0.7}):
        P = token_probabilities(Z, **more)
        drawn = draw(np.repeat(P, n, axis=0), np.random.default_rng(0))
        counted = np.bincount(drawn, minlength=5) / n
        assert np.all(np.abs(counted - P[0]) <= 5 * np.sqrt(P[0] * (1 - P[0]) / n))


def test_byte_pairs_bring_any_text_back():
    pairs = BytePairs.learn("the theme of the thesis, θέμα, 主题", 270)
    again = BytePairs(pairs.merges)
    for text in ("", "the", "主题 θ", "\0", "a\r\n\tb", "👩‍👩‍👧", "ﬁ" * 50, "aaaa"):
        code = pairs.encode(text)
        assert pairs.decode(code) == text
        assert np.array_equal(code, again.encode(text))
    assert len(pairs.encode("the the")) < 7 and len(pairs) == 256 + len(pairs.merges)
    assert len(BytePairs.learn("", 300)) == 256
    assert pairs.decode([0xE4]) == "\ufffd"
    with pytest.raises(ValueError, match="256"):
        BytePairs.learn("text", 255)


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.text(), st.text(), st.integers(256, 270))
def test_byte_pairs_learned_from_any_text_bring_any_text_back(text, learned, n_words):
    pairs = BytePairs.learn(learned, n_words)
    assert pairs.decode(pairs.encode(text)) == text
