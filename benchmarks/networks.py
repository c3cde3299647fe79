"""Networks beyond dense layers as ours. `networks_torch.py` and `networks_jax.py` write
their layers as users of those libraries do, with the same parameters. `start` of each
returns a function that makes a training step on a batch, and one of its outputs."""
import numpy as np

import nn_from_scratch as nn
from nn_from_scratch.layers import walk

ETA, DECAY = 1e-3, 0.01  # learning rate, and decay of the weights, of AdamW


def network(case):
    "Ours, as it begins."
    model = nn.Network(case.shape, seed=0, vocabulary=case.vocabulary)
    if case.network == "convolutions":
        for filters in (16, 32):
            model.add(nn.Conv2D(filters, 5, nn.ReLU()))
            model.add(nn.MaxPool2D(2))
        model.add(nn.Flatten())
        model.add_layer(128, nn.ReLU())
        model.add_output_layer(10, nn.Softmax())
    if case.network == "LSTM":
        model.add_output_layer(nn.LSTM(64, return_sequences=True), nn.Linear())
    if case.network == "block":
        attention, dense = nn.transformer_block(128, n_heads=4)
        model.add(attention)
        model.add_output_layer(dense, nn.Linear())
    if case.network == "GPT":
        model.add(nn.Embedding(128))
        model.add(nn.Positions())
        for _ in range(4):
            for layer in nn.transformer_block(128, n_heads=4):
                model.add(layer)
        model.add(nn.LayerNorm())
        model.add_output_layer(nn.Tied(), nn.Softmax())
    return model


def batch(model, case):
    "Samples, and labels or targets, whose values do not matter for the time."
    rng, (*positions, k) = np.random.default_rng(0), model.head.shape
    if case.vocabulary:
        X = rng.integers(0, case.vocabulary, (case.batch, *case.shape))
    else:
        X = rng.random((case.batch, *case.shape), np.float32)
    if classifies(model):
        return X, rng.integers(0, k, (case.batch, *positions))
    return X, rng.random((case.batch, *positions, k), np.float32)


def classifies(model):
    "Whether the outputs are probabilities, and the loss is cross-entropy."
    return type(model.head.activation).__name__ == "Softmax"


def loss(model, A, y):
    "Of outputs: the mean over positions, and the sum over units of squared errors."
    if classifies(model):
        return -np.mean(np.log(np.take_along_axis(A, y[..., None], axis=-1)))
    return np.mean(np.sum((A - y)**2, axis=-1))


def decayed(model):
    "Names of the tensors that decay acts on."
    return {
        f"{place}.{name}"
        for place, layer in walk(model.layers)
        for name in layer.penalised
    }


def start(model, case, X, y, kind=nn.Training):
    batches = 16  # of an epoch, all the same
    training = kind(
        model, np.concatenate(batches * [X]), np.concatenate(batches * [y]), eta=ETA,
        epochs=1000, batch_size=case.batch, shuffle=False,
        optimizer=nn.AdamW(decay=DECAY),
    )
    return training.step, lambda: model.output(X)


def start_compiled(model, case, X, y):
    from nn_from_scratch.acceleration import CompiledOutput, CompiledTraining
    step, _ = start(model, case, X, y, CompiledTraining)
    answer = CompiledOutput(model, verbose=False)
    return step, lambda: answer(X)
