"""A divergence names epoch, step and layer, and what helps against this cause."""

import pickle
import warnings

import numpy as np
import pytest

import nn_from_scratch as nn

rng = np.random.default_rng(0)
X = rng.normal(size=(96, 2))
y = (X[:, 0] > 0).astype(int)
targets = rng.normal(size=96)


def network(output=None, batch_norm=False, seed=0, dropout=0.0):
    model = nn.Network(2, seed=seed)
    model.add_layer(16, nn.ReLU(), batch_norm=batch_norm, dropout=dropout)
    model.add_output_layer(1, output or nn.Linear())
    return model


def diverges(model, X, y, *parts, **options):
    "The error, after which the network is as after its last good epoch."
    kept = [pickle.dumps(model.snapshot())]
    keep = nn.LambdaCallback(
        on_epoch_end=lambda model, stats: kept.append(pickle.dumps(model.snapshot()))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "targets reach")
        with pytest.raises(nn.TrainingDiverged) as caught:
            callbacks = [*options.pop("callbacks", ()), keep]
            model.train(X, y, *parts, verbose=False, callbacks=callbacks, **options)
    error = caught.value
    assert pickle.dumps(model.snapshot()) == kept[-1]
    assert error.epoch == len(kept) == len(error.history.get("train_loss", ())) + 1
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    return error


def trains(model, X, y, **options):
    stats = model.train(X, y, verbose=False, **options)
    assert np.isfinite(stats["train_loss"]).all()


# --- the causes, each with the remedy that is named


def test_a_rate_that_is_too_high():
    error = diverges(network(), X, targets, epochs=50, eta=100.0)
    assert error.advice == "Try a smaller eta, or clip_norm"
    assert error.step > 1 and error.layer in ("1", "2", None)
    trains(network(), X, targets, epochs=50, eta=0.01)
    trains(network(), X, targets, epochs=50, eta=0.1, clip_norm=1.0)


@pytest.mark.parametrize("scale", [40.0, 1e6, 1e20])
def test_samples_that_are_not_scaled(scale):
    error = diverges(network(), scale * X, targets, epochs=50, eta=0.1)
    assert error.advice.startswith("Scale the samples") and "eta," not in error.advice
    assert "standardize" in error.advice
    trains(network(), X, targets, epochs=50, eta=0.1)


def test_pixels_are_samples_that_are_not_scaled():
    pixels = np.random.default_rng(0).integers(0, 256, (96, 2)).astype(np.uint8)
    error = diverges(network(), pixels, targets, epochs=50, eta=0.1)
    assert "Scale the samples, which reach 255" in error.advice


@pytest.mark.parametrize("scale", [3e5, 1e18])
def test_targets_that_are_not_scaled(scale):
    error = diverges(network(), X, scale * targets, epochs=50, eta=0.1)
    assert error.advice.startswith("Scale the targets")
    trains(network(), X, targets, epochs=50, eta=0.1)


def test_both_are_named_and_a_high_rate_too():
    error = diverges(network(), 1e6 * X, 1e6 * targets, epochs=50, eta=10.0)
    for cause in ("Scale the samples", "Scale the targets", "Try a smaller eta"):
        assert cause in error.advice


def test_weights_of_samples_that_are_not_scaled():
    weights = np.full(96, 1e8)
    error = diverges(network(), X, targets, epochs=50, sample_weight=weights)
    assert error.advice.startswith("Scale the weights")


# --- what no rate mends: at 1e-30 it is the same


@pytest.mark.parametrize("eta", [0.1, 1e-30])
def test_an_overflow_in_the_first_forward_pass(eta):
    model = network()
    model.theta = 1e30 * model.theta
    error = diverges(model, X, targets, epochs=3, eta=eta)
    assert (error.epoch, error.step, error.layer) == (1, 1, "2")
    assert "outputs of layer 2, Dense(1" in str(error)
    assert "Draw smaller parameters" in error.advice and "no eta" in error.advice
    model.reset()
    trains(model, X, targets, epochs=3, eta=0.1)


@pytest.mark.parametrize("eta", [0.1, 1e-30])
def test_one_sample_that_overflows(eta):
    far = X.copy()
    far[70] = 3e38
    error = diverges(network(), far, targets, epochs=3, eta=eta, shuffle=False)
    assert (error.epoch, error.step, error.layer) == (1, 3, "1")
    assert "Scale the samples, which reach 3e+38" in error.advice
    assert "no eta mends it" in error.advice


@pytest.mark.parametrize("eta", [0.1, 1e-30])
def test_a_loss_that_overflows(eta):
    error = diverges(network(), X, 1e20 * targets, epochs=3, eta=eta)
    assert (error.epoch, error.step, error.layer) == (1, 1, None)
    assert error.what == "loss"
    assert "Scale the targets" in error.advice and "no eta" in error.advice


def test_a_gradient_that_overflows():
    model = network()
    model.theta[:2 * 16] *= 1e20
    model.theta[-17:-1] *= 1e-20
    error = diverges(model, 1e17 * X, targets, epochs=1, eta=1e-3)
    assert (error.step, error.layer, error.what[:8]) == (1, "2", "gradient")


def test_a_step_that_leaves_the_range_is_one_of_the_rate():
    error = diverges(network(), X, targets, epochs=1, eta=1e39)
    assert error.step == 1 and error.what.startswith("parameters of layer")
    assert error.advice == "Try a smaller eta, or clip_norm"


def test_running_statistics_that_overflow():
    model = network(nn.Sigmoid(), batch_norm=True)
    error = diverges(model, 1e20 * X, y, epochs=3)
    assert error.layer == "2" and error.what.startswith("statistics of layer 2")


# --- where it was


def test_the_step_is_the_first_that_leaves_something_not_finite():
    seen = []

    def look(model):
        finite = all(np.isfinite(A).all() for A in model.activations)
        seen.append(finite and np.isfinite(model.theta).all())

    options = dict(epochs=50, eta=3.0, batch_size=8, optimizer="momentum")
    watch = nn.LambdaCallback(on_batch_end=look)
    error = diverges(
        network(dropout=0.2), X, targets, callbacks=[watch], **options
    )
    first = seen.index(False) + 1
    assert error.step == first or (error.step < first and error.what == "loss")
    assert error.epoch == (error.step - 1) // 12 + 1
    assert len(seen) == 12 * error.epoch  # told once of each step
    assert error.advice == "Try a smaller eta, or clip_norm"


def test_a_run_that_was_taken_up_in_the_middle_of_an_epoch():
    def run(model):
        return nn.Training(model, X, targets, epochs=50, eta=100.0, batch_size=8)

    whole = run(network())
    with pytest.raises(nn.TrainingDiverged) as alone:
        whole.run()
    part = run(network())
    while part.t < alone.value.step - 1:
        part.step()
    again = run(network(seed=5)).restore(part.state())
    for ending in (lambda: list(again), again.run):
        with pytest.raises(nn.TrainingDiverged) as taken_up:
            ending()
        assert taken_up.value.step == alone.value.step
        assert taken_up.value.what == alone.value.what
        assert again.t == part.t


def test_a_residual_layer_names_the_layer_inside():
    model = nn.Network(2, seed=0)
    model.add(nn.Residual(nn.Dense(2, nn.ReLU()), nn.Dense(2)))
    model.add_output_layer(1, nn.Linear())
    error = diverges(model, X, targets, epochs=1, eta=1e39)
    assert error.layer in ("1.1", "1.2", "2") and f"layer {error.layer}," in str(error)


def test_only_the_validation_samples():
    error = diverges(network(), X, targets, 1e38 * X, targets, epochs=3, eta=0.01)
    assert (error.epoch, error.step, error.layer) == (1, 3, "1")
    assert "validation" in error.what and "Scale the samples" in error.advice
    error = diverges(network(), X, targets, X, 1e30 * targets, epochs=3, eta=0.01)
    assert error.what == "validation loss" and "Scale the targets" in error.advice


def test_what_a_callback_has_changed():
    def spoil(model):
        model.theta[3] = np.nan

    spoiling = nn.LambdaCallback(on_batch_end=spoil)
    error = diverges(network(), X, targets, callbacks=[spoiling], eta=0.01)
    assert error.epoch == 1 and error.step is error.layer is None
    assert "callbacks" in error.advice


def test_a_run_goes_on_after_its_divergence_as_before():
    training = nn.Training(network(), X, targets, epochs=50, eta=100.0)
    errors = []
    for _ in range(2):
        with pytest.raises(nn.TrainingDiverged) as caught:
            training.run()
        errors.append((str(caught.value), training.t, training.network.theta.tobytes()))
    assert errors[0] == errors[1]
