"""What the experiment on text promises beyond its notebook."""
import numpy as np
import pytest

from nn_from_scratch.datasets import DataNotFound
from nn_from_scratch.experiments.text import (
    decode,
    drawn,
    encode,
    figures,
    parts_of,
    run,
    sample,
    sample_from,
    windows,
)
from nn_from_scratch.storage import save

TINY = dict(length=8, n_units=8, n_heads=2, depth=1, steps=120, eta=1e-2)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "own.txt"
    path.write_text("the cat sat on the mat. " * 60)
    return run(data_dir=path, **TINY)


def test_windows_hold_each_character_once_with_the_one_behind_it():
    codes = np.arange(23)
    x, y = windows(codes, 5)
    assert np.array_equal(x.ravel(), codes[:20])
    assert np.array_equal(y, x + 1)
    assert np.shares_memory(x, codes)


def test_windows_are_drawn_from_the_first_place_to_the_last():
    x, y = drawn(np.arange(10), 7, 200, np.random.default_rng(0))
    assert set(x[:, 0]) == {0, 1, 2}
    assert y.max() == 9


def test_the_alphabet_is_that_of_the_part_to_learn_from():
    with pytest.warns(UserWarning, match="'é'"):
        symbols, codes, held = parts_of("ab" * 45 + "ababéababa", 4)
    assert (symbols, len(codes), len(held)) == ("ab", 90, 9)
    assert decode(encode("abba", symbols), symbols) == "abba"


def test_a_text_of_ones_own_is_learnt_and_written_on(outcome):
    assert outcome.scores["loss"] < 1
    assert list(outcome.scores)[-1] == "seconds"
    assert outcome.stats["step"] == [100, 120]
    assert {len(values) for values in outcome.stats.values()} == {2}
    assert len(sample(outcome, 20, prompt="the ")) == 24


def test_samples_depend_on_the_seed_alone(outcome):
    first = sample(outcome, 60, seed=1, temperature=2)
    assert first == sample(outcome, 60, seed=1, temperature=2)
    assert first != sample(outcome, 60, seed=2, temperature=2)


def test_a_default_prompt_is_in_the_alphabet_of_any_text(outcome):
    assert "\n" not in outcome.symbols
    assert len(sample(outcome, 20)) == 21


def test_a_stored_network_writes_what_the_trained_one_does(outcome, tmp_path):
    pytest.importorskip("safetensors")
    file = tmp_path / "writer.safetensors"
    save(outcome.model, file, notes={"symbols": outcome.symbols})
    again = sample_from(file, 30, prompt="the ")
    assert again == sample(outcome, 30, prompt="the ")
    outcome.model.save(tmp_path / "network.safetensors")
    with pytest.raises(ValueError, match="with its alphabet"):
        sample_from(tmp_path / "network.safetensors", 30)


def test_figures_are_drawn_for_any_alphabet(outcome):
    assert list(figures(outcome)) == ["losses", "positions", "alphabet"]


def test_what_does_not_fit_is_named(outcome, tmp_path):
    with pytest.raises(ValueError, match="'z'"):
        sample(outcome, 5, prompt="zoo")
    short = tmp_path / "short.txt"
    short.write_text("too short")
    with pytest.raises(ValueError, match="got 9 characters"):
        run(data_dir=short, **TINY)
    with pytest.raises(DataNotFound):
        run(data_dir=tmp_path / "missing.txt", **TINY)
