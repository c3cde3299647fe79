"""Names: one loss for all models, on names of a file."""
import numpy as np
import pytest

from nn_from_scratch.experiments import names as experiment

SYLLABLES = "ba", "di", "ko", "mu", "ne"
WORDS = [a + b + c for a in SYLLABLES for b in SYLLABLES for c in ("", *SYLLABLES)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("\n".join(WORDS), encoding="utf-8")
    return path


@pytest.mark.parametrize("model", experiment.MODELS)
def test_a_run_on_a_file_scores_in_nats_a_character_and_writes(file, model):
    outcome = experiment.run(model=model, epochs=2, data_dir=file)
    assert list(outcome.scores) == ["nats a character", "seconds"]
    assert len(outcome.parts.x_test) == len(WORDS) // 10
    assert 0 < outcome.scores["nats a character"] < np.log(len(outcome.symbols)) + .5
    text = experiment.sample(outcome, 7, seed=1)
    assert len(text.split("\n")) == 7 and set(text) <= set(outcome.symbols)
    assert text == experiment.sample(outcome, 7, seed=1)
    again = experiment.run(model=model, epochs=2, data_dir=file)
    assert np.array_equal(again.model.theta, outcome.model.theta)
    assert set(experiment.figures(outcome)) == {"curve", "second", "embedding"}


def test_the_loss_of_training_and_of_evaluation_has_one_denominator():
    symbols = experiment.alphabet(WORDS)
    X, y = experiment.encode(WORDS, symbols)
    for make, _ in experiment.MODELS.values():
        model = make(len(symbols), experiment.LENGTH, seed=0)
        model.theta[:] = 0
        samples = experiment.samples_of(model, X, y)
        stats = model.train(
            samples, samples.y, samples, samples.y, eta=1e-30, epochs=1, verbose=False)
        for loss in (*stats["train_loss"], *stats["val_loss"]):
            assert loss == pytest.approx(np.log(len(symbols)), abs=1e-5)


def test_names_that_do_not_fit_are_named(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text("\n".join(["a" * 16, *WORDS]), encoding="utf-8")
    with pytest.raises(ValueError, match="at most 15 letters.*got 16 in 'aaaa"):
        experiment.run(data_dir=path)
    with pytest.raises(ValueError, match="got 'é' in the name 'rené'"):
        experiment.encode(["rené"], experiment.alphabet(["rene"]))
    with pytest.raises(ValueError, match="window, gru, gpt, got 'lstm'"):
        parts = experiment.parts_of(WORDS, symbols := experiment.alphabet(WORDS))
        experiment.train_on(parts, symbols, "lstm")
