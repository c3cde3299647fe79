"""L-BFGS takes whole batches of one function and says what it does not take; Muon finds
its matrices; both go on to the same bits, from files too."""

import numpy as np
import pytest

import nn_from_scratch as nn
from nn_from_scratch import cli
from nn_from_scratch.curvature import (
    LBFGS, OPTIMIZERS, Muon, get_optimizer, hidden_matrices, line_search)
from nn_from_scratch.training import Training

X, y = nn.two_moons(120, 0.2, seed=0)


def network(seed=0, dtype=np.float64, **more):
    model = nn.Network(2, seed=seed, dtype=dtype)
    model.add_layer(8, nn.Tanh(), **more)
    model.add_layer(8, nn.Tanh())
    model.add_output_layer(1, nn.Sigmoid())
    return model


RUNS = {
    "lbfgs": dict(optimizer="lbfgs", batch_size=None, regularizer=nn.L2(1e-3)),
    "weights": dict(
        optimizer=LBFGS(memory=3), batch_size=None, class_weight={0: 1, 1: 3},
        validation_split=0.2, estimator=nn.BinaryAccuracy(),
        callbacks=lambda: [nn.EarlyStopping(5, "val_loss"), nn.LayerRecorder(every=2)],
    ),
    "schedule": dict(optimizer="lbfgs", batch_size=500, schedule="one_cycle", eta=0.5),
    "muon": dict(optimizer="muon", batch_size=16, schedule="cosine"),
}


def training(model, name, epochs=12):
    options = dict(RUNS[name])
    if "callbacks" in options:
        options["callbacks"] = options["callbacks"]()
    return Training(model, X, y, epochs=epochs, **options)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RUNS)
def test_a_stopped_run_goes_on_to_the_same_bits(name, dtype, tmp_path):
    whole = network(dtype=dtype)
    history = training(whole, name).run()
    for place in (0, 1, 7):
        model = network(dtype=dtype)
        first = training(model, name)
        while first.t < place:
            first.step()
        model.save(tmp_path / "run.safetensors", first)
        other = network(seed=3, dtype=dtype)
        second = training(other, name)
        nn.storage.resume(second, tmp_path / "run.safetensors")
        assert second.run() == history
        assert np.array_equal(other.theta, whole.theta)


def test_an_epoch_is_a_step_that_lowers_the_objective():
    model, losses = network(), []
    history = model.train(
        X, y, X, y, optimizer="lbfgs", batch_size=None, epochs=60, verbose=False,
        callbacks=[nn.LambdaCallback(on_batch_end=lambda m: losses.append(1))])
    train = np.array(history["train_loss"])
    assert len(losses) == len(train) == len(history["val_loss"])
    assert (np.diff(train) < 0).all() and train[-1] < 0.1 * train[0]
    # the loss of an epoch is that before its step
    assert np.allclose(train[1:], history["val_loss"][:-1], rtol=1e-12)
    assert isinstance(model.optimizer, LBFGS)


def test_a_second_call_goes_on():
    model = network()
    for _ in range(2):
        model.train(X, y, optimizer=None if model.optimizer else "lbfgs",
                    batch_size=None, epochs=5, verbose=False)
    twin = network()
    twin.train(X, y, optimizer="lbfgs", batch_size=None, epochs=10, verbose=False)
    assert np.array_equal(model.theta, twin.theta)


def test_it_ends_by_itself_where_rounding_hides_what_is_gained():
    model = network(dtype=np.float32)
    history = model.train(X, y, optimizer="lbfgs", batch_size=None, epochs=3000,
                          regularizer=nn.L2(1e-2), verbose=False)
    assert model.optimizer.done and len(history["train_loss"]) < 1000
    fine = network()
    fine.train(X, y, optimizer="lbfgs", batch_size=None, epochs=3000,
               regularizer=nn.L2(1e-2), verbose=False)
    assert fine.optimizer.done
    fine.objective = nn.objective.Objective(fine, fine.head, nn.L2(1e-2))
    fine.objective.gradient(X, y[:, None].astype(float))
    assert np.abs(fine.grad).max() < 1e-6


REFUSED = {
    "all 120 samples": dict(batch_size=32),
    "clip_norm": dict(clip_norm=1.0),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_makes_another_function_is_refused_by_name(words):
    model = network()
    before = model.theta.copy()
    options = {"batch_size": None, **REFUSED[words]}
    with pytest.raises(ValueError, match=rf"LBFGS\(memory=10\).*{words}"):
        model.train(X, y, optimizer="lbfgs", verbose=False, **options)
    assert np.array_equal(before, model.theta) and model.optimizer is None


@pytest.mark.parametrize("more", [dict(dropout=0.1), dict(batch_norm=True)])
def test_layers_that_draw_or_keep_statistics_are_refused(more):
    with pytest.raises(ValueError, match="LBFGS.*(Dropout|BatchNorm)"):
        network(**more).train(X, y, optimizer="lbfgs", batch_size=None, verbose=False)


def test_the_rate_finder_and_a_bare_step_say_what_is_missing():
    model = network()
    before = model.theta.copy()
    with pytest.raises(TypeError, match="needs the objective"):
        model.find_learning_rate(X, y, optimizer="lbfgs")
    assert np.array_equal(before, model.theta)
    rule = LBFGS()
    rule.start(np.ones(3))
    with pytest.raises(TypeError, match="needs the objective"):
        rule.step(np.ones(3), np.ones(3), 1.0)


@pytest.mark.parametrize("wrong", [0, -1, 2.5, "10", True, None])
def test_a_memory_is_a_count(wrong):
    with pytest.raises((TypeError, ValueError), match="pairs in memory"):
        LBFGS(memory=wrong)


@pytest.mark.parametrize("name", ["lbfgs", "muon"])
def test_compiled_runs_refuse_them_by_name(name):
    pytest.importorskip("numba")
    model = network(dtype=np.float32)
    before = model.theta.copy()
    with pytest.raises(TypeError, match=f"{OPTIMIZERS[name].__name__}.*compiled"):
        model.train(X, y, optimizer=name, batch_size=None, compiled=True, verbose=False)
    assert np.array_equal(before, model.theta) and model.optimizer is None


def test_a_start_that_is_not_finite_is_reported_as_divergence():
    model = nn.Network(2, seed=0, dtype=np.float64)
    model.add_layer(8, nn.ReLU())
    model.add_output_layer(1, nn.Linear())
    model.theta[:] = 1e200
    with pytest.raises(nn.TrainingDiverged, match="in epoch 1"):
        model.train(X, y, optimizer="lbfgs", batch_size=None, epochs=3, verbose=False)
    assert (model.theta == 1e200).all()


def test_the_search_passes_over_values_that_are_not_finite():
    def barrier(theta):
        x = theta.item()
        return (x - np.log(x), 1 - 1 / theta) if x > 0 else (np.nan, theta * np.nan)
    theta, value, _ = line_search(
        barrier, np.array([3.0]), np.array([-20.0]), 3 - np.log(3), -20 * 2 / 3)
    assert 0 < theta[0] < 3 and value < 3 - np.log(3)


def test_all_names():
    assert [*OPTIMIZERS][-2:] == ["lbfgs", "muon"] and len(OPTIMIZERS) == 9
    assert isinstance(get_optimizer("muon"), Muon)
    assert isinstance(get_optimizer("adam"), nn.Adam)
    with pytest.raises(ValueError, match="lbfgs, muon, got 'l-bfgs'"):
        get_optimizer("l-bfgs")


def test_muon_takes_hidden_matrices_alone():
    model = nn.Network((6,), seed=0, vocabulary=11)
    model.add(nn.Embedding(8))
    model.add(nn.MultiHeadAttention(2))
    model.add(nn.Flatten() if hasattr(nn, "Flatten") else nn.layers.Flatten())
    model.add_layer(5, nn.ReLU())
    model.add_output_layer(3, nn.Softmax())
    shapes = [shape for _, *shape in hidden_matrices(model)]
    assert shapes == [[8, 24], [8, 8], [48, 5]]
    alone = nn.Network(4, seed=0)
    alone.add_output_layer(3, nn.Softmax())
    assert hidden_matrices(alone) == []
    rule = Muon()
    rule.begin(alone)
    assert len(rule.matrices) == 0 and len(rule.rest) == alone.theta.size


def test_estimators_take_both_by_name():
    for name, more in (("lbfgs", dict(batch_size=None)), ("muon", {})):
        model = nn.NetworkClassifier(
            (8,), "tanh", optimizer=name, epochs=60, random_state=0, **more).fit(X, y)
        assert model.score(X, y) > 0.85
    rows = nn.NetworkRegressor((8,), optimizer="lbfgs", batch_size=None, epochs=80,
                               random_state=0, early_stopping=True).fit(X, X[:, 0]**2)
    assert rows.score(X, X[:, 0]**2) > 0.95
    with pytest.raises(ValueError, match="batch_size=None"):
        nn.NetworkClassifier(optimizer="lbfgs").fit(X, y)
    with pytest.raises(ValueError, match="partial_fit does not support the optimizer"):
        nn.NetworkClassifier(optimizer=LBFGS()).partial_fit(X, y, classes=[0, 1])


def test_the_command_line_takes_them_by_name(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    sides = np.where(y, "yes", "no")
    lines = [f"{a:.4f},{b:.4f},{side}" for (a, b), side in zip(X, sides)]
    (tmp_path / "moons.csv").write_text("\n".join(["a,b,side", *lines]))
    line = "train moons.csv --target side --hidden 8 --epochs 40".split()
    for name in ("lbfgs", "muon"):
        assert cli.main([*line, "--optimizer", name, "--force"]) == 0
        assert "network" in capsys.readouterr().out
    with pytest.raises(SystemExit) as caught:
        cli.main([*line, "--optimizer", "newton"])
    assert caught.value.code == 2 and "lbfgs" in capsys.readouterr().err
