"""Each library as its own users write it when they want speed: `NAME(case, X, y)`
returns a function that trains for a number of epochs, and one that predicts. Those that
have a schedule also call `look` after each epoch. What a peer does not offer raises
`NotOffered`."""
import os
import warnings

import numpy as np


OURS, COMPILED = "nn_from_scratch", "compiled nn_from_scratch"


class NotOffered(Exception):
    "The library cannot do this case."


def nn_from_scratch(case, X, y, compiled=False):
    from nn_from_scratch import Callback, Linear, Network, ReLU, Sigmoid, Softmax
    model = Network(case.widths[0], seed=case.seed)
    for units in case.widths[1:-1]:
        model.add_layer(units, ReLU())
    model.add_output_layer(
        case.widths[-1],
        {"softmax": Softmax(), "sigmoid": Sigmoid(), "linear": Linear()}[case.output],
    )

    class Look(Callback):
        def __init__(self, look):
            self.look = look

        def on_epoch_end(self, network, stats):
            self.look()

    def train(epochs, look=None):
        model.train(
            X, y, eta=case.eta, epochs=epochs, batch_size=case.batch,
            optimizer=case.optimizer, schedule="one_cycle" if case.one_cycle else None,
            callbacks=[Look(look)] if look else [], verbose=False, compiled=compiled,
        )
    return train, model.output


def nn_from_scratch_compiled(case, X, y):
    return nn_from_scratch(case, X, y, True)


def scikit_learn(case, X, y):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    if case.one_cycle:
        raise NotOffered("no schedule for Adam")
    warnings.simplefilter("ignore", ConvergenceWarning)
    solver = {
        "adam": dict(solver="adam"),
        "gradient_descent": dict(solver="sgd", momentum=0, nesterovs_momentum=False),
    }[case.optimizer]
    kind = MLPRegressor if case.output == "linear" else MLPClassifier
    model = kind(
        hidden_layer_sizes=case.widths[1:-1], batch_size=case.batch,
        learning_rate_init=case.eta, alpha=0, tol=0, random_state=0, **solver,
    )

    def train(epochs):
        model.set_params(max_iter=epochs, n_iter_no_change=epochs + 1).fit(X, y)
    return train, getattr(model, "predict_proba", model.predict)


def _torch(case, X, y, compiled=False):
    import torch
    from torch import nn
    torch.manual_seed(case.seed)
    layers = [
        part
        for d_in, d_out in zip(case.widths, case.widths[1:])
        for part in (nn.Linear(d_in, d_out), nn.ReLU())
    ][:-1]
    model = nn.Sequential(*layers)
    inputs, targets = torch.from_numpy(X), torch.from_numpy(y)
    if case.output == "sigmoid":
        loss, targets = nn.BCEWithLogitsLoss(), targets.float()[:, None]
    else:
        loss = nn.CrossEntropyLoss() if case.output == "softmax" else nn.MSELoss()
    kind = {"adam": torch.optim.Adam, "gradient_descent": torch.optim.SGD}[
        case.optimizer
    ]
    optimizer = kind(model.parameters(), case.eta, fused=True)
    def step(rows_X, rows_Y):
        optimizer.zero_grad()
        loss(model(rows_X), rows_Y).backward()
        optimizer.step()
    if compiled:
        step = torch.compile(step, dynamic=False)
    def train(epochs, look=None):
        schedule = (
            torch.optim.lr_scheduler.OneCycleLR(
                optimizer, case.eta, epochs * -(-len(inputs) // case.batch),
                cycle_momentum=False,
            )
            if case.one_cycle
            else None
        )
        for _ in range(epochs):
            order = torch.randperm(len(inputs))
            shuffled_X, shuffled_Y = inputs[order], targets[order]
            for rows in zip(shuffled_X.split(case.batch), shuffled_Y.split(case.batch)):
                step(*rows)
                if schedule:
                    schedule.step()
            if look:
                look()
    def predict(rows):
        with torch.inference_mode():
            return model(torch.from_numpy(rows)).softmax(1).numpy()
    return train, predict


def pytorch(case, X, y):
    return _torch(case, X, y)

def pytorch_compiled(case, X, y):
    return _torch(case, X, y, compiled=True)


def jax(case, X, y):
    import jax
    import jax.numpy as jnp
    rng = np.random.default_rng(case.seed)
    kept = len(X) // case.batch * case.batch  # a scan has steps of one size
    parameters = [
        (
            jnp.asarray(rng.normal(0, np.sqrt(2 / d_in), (d_in, d_out)), jnp.float32),
            jnp.zeros(d_out),
        )
        for d_in, d_out in zip(case.widths, case.widths[1:])
    ]
    inputs, targets = jnp.asarray(X), jnp.asarray(y)

    def logits(parameters, X):
        *hidden, (W, b) = parameters
        for V, c in hidden:
            X = jax.nn.relu(X @ V + c)
        return X @ W + b

    def loss(parameters, X, y):
        Z = logits(parameters, X)
        if case.output == "softmax":
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(Z), y[:, None], 1))
        if case.output == "sigmoid":
            return jnp.mean(jax.nn.softplus(Z[:, 0]) - y * Z[:, 0])
        return jnp.mean((Z - y)**2)

    def rate(t):
        if not case.one_cycle:
            return case.eta
        last = case.epochs * (len(X) // case.batch)
        rise, fall = (t - 1) / (0.3 * last - 1), (t - 0.3 * last) / (0.7 * last)

        def half_cosine(start, end, p):
            return end + (start - end) * (1 + jnp.cos(jnp.pi * p)) / 2

        return case.eta * jnp.where(
            rise < 1, half_cosine(1 / 25, 1, rise), half_cosine(1, 4e-6, fall)
        )

    def step(state, rows):
        parameters, m, v, t = state
        gradient = jax.grad(loss)(parameters, *rows)
        if case.optimizer != "adam":
            moved = jax.tree.map(lambda p, g: p - case.eta * g, parameters, gradient)
            return (moved, m, v, t), None
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
        eta, root = rate(t) / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)

        def moved(p, m, v):
            return p - eta * m / (jnp.sqrt(v) / root + 1e-8)

        return (jax.tree.map(moved, parameters, m, v), m, v, t), None

    @jax.jit
    def epoch(state, key):
        order = jax.random.permutation(key, len(inputs))[:kept].reshape(-1, case.batch)
        def batch(state, rows):
            return step(state, (inputs[rows], targets[rows]))
        return jax.lax.scan(batch, state, order)[0]

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state, key = [(parameters, zeros, zeros, 0.0)], jax.random.key(case.seed)
    def train(epochs, look=None):
        for i in range(epochs):
            state[0] = epoch(state[0], jax.random.fold_in(key, i))
            if look:
                look()
        jax.block_until_ready(state[0])
    answer = jax.jit(lambda parameters, X: jax.nn.softmax(logits(parameters, X)))
    return train, lambda rows: np.asarray(answer(state[0][0], rows))


def keras(case, X, y):
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
    if case.one_cycle:
        raise NotOffered("no one-cycle schedule")
    keras.utils.set_random_seed(0)
    last = {"softmax": "softmax", "sigmoid": "sigmoid", "linear": None}[case.output]
    model = keras.Sequential(
        [
            keras.Input((case.widths[0],)),
            *(keras.layers.Dense(units, "relu") for units in case.widths[1:-1]),
            keras.layers.Dense(case.widths[-1], last),
        ]
    )
    optimizer = {
        "adam": keras.optimizers.Adam,
        "gradient_descent": keras.optimizers.SGD,
    }[case.optimizer](case.eta)
    model.compile(
        optimizer,
        {
            "softmax": "sparse_categorical_crossentropy",
            "sigmoid": "binary_crossentropy", "linear": "mse",
        }[case.output],
    )
    def train(epochs):
        model.fit(X, y, case.batch, epochs, verbose=0)
    return train, lambda rows: model.predict_on_batch(rows)


def mygrad(case, X, y):
    if case.output == "sigmoid":
        raise NotOffered("no binary cross-entropy")
    from mygrad import Tensor
    from mygrad.nnet.activations import relu, softmax
    from mygrad.nnet.losses import softmax_crossentropy
    from mynn.optimizers.adam import Adam
    rng = np.random.default_rng(0)
    layers = [
        (
            Tensor(rng.normal(0, np.sqrt(2 / d_in), (d_in, d_out)).astype(np.float32)),
            Tensor(np.zeros(d_out, np.float32)),
        )
        for d_in, d_out in zip(case.widths, case.widths[1:])
    ]
    optimizer = Adam(
        [tensor for layer in layers for tensor in layer], learning_rate=case.eta
    )
    def logits(X):
        for i, (W, b) in enumerate(layers):
            X = (relu(X) if i else X) @ W + b
        return X
    def train(epochs):
        for _ in range(epochs):
            order = rng.permutation(len(X))
            for start in range(0, len(X), case.batch):
                rows = order[start:start + case.batch]
                loss = (
                    softmax_crossentropy(logits(X[rows]), y[rows])
                    if case.output == "softmax"
                    else ((logits(X[rows]) - y[rows]) ** 2).mean()
                )
                loss.backward()
                optimizer.step()
    return train, lambda rows: softmax(logits(rows)).data


def micrograd(case, X, y):
    if case.batch > 1 or case.output != "sigmoid":
        raise NotOffered("numbers one by one: two moons at batch 1 alone")
    from micrograd.nn import MLP
    model, rng = MLP(case.widths[0], list(case.widths[1:])), np.random.default_rng(0)
    def train(epochs):
        for _ in range(epochs):
            for i in rng.permutation(len(X)):
                # hinge loss, as its own example has it
                loss = (1 - (2 * int(y[i]) - 1) * model(X[i].tolist())).relu()
                model.zero_grad()
                loss.backward()
                for p in model.parameters():
                    p.data -= case.eta * p.grad
    return train, lambda rows: np.array([model(row.tolist()).data for row in rows])


def onnxruntime(case, X, y):
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    rng, nodes, weights, name = np.random.default_rng(0), [], [], "X"
    for i, (d_in, d_out) in enumerate(zip(case.widths, case.widths[1:])):
        weights += [
            numpy_helper.from_array(
                rng.normal(0, np.sqrt(2 / d_in), (d_in, d_out)).astype(np.float32),
                f"W{i}",
            ),
            numpy_helper.from_array(np.zeros(d_out, np.float32), f"b{i}"),
        ]
        last = i == len(case.widths) - 2
        nodes += [
            helper.make_node("Gemm", [name, f"W{i}", f"b{i}"], [f"Z{i}"]),
            helper.make_node("Softmax" if last else "Relu", [f"Z{i}"], [f"A{i}"]),
        ]
        name = f"A{i}"
    ends = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n", d])
        for n, d in (("X", case.widths[0]), (name, case.widths[-1]))
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "mlp", ends[:1], ends[1:], weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    options = onnxruntime.SessionOptions()  # which does not see the cores of a process
    options.intra_op_num_threads = int(os.environ["OMP_NUM_THREADS"])
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    def train(epochs):
        raise NotOffered("predicts only")
    return train, lambda rows: session.run(None, {"X": rows})[0]


# name shown: function, and the module that it needs
PEERS = {
    OURS: (nn_from_scratch, "nn_from_scratch"),
    COMPILED: (nn_from_scratch_compiled, "numba"),
    "scikit-learn": (scikit_learn, "sklearn"),
    "PyTorch": (pytorch, "torch"),
    "compiled PyTorch": (pytorch_compiled, "torch"),
    "JAX": (jax, "jax"),
    "Keras on JAX": (keras, "keras"),
    "MyGrad": (mygrad, "mygrad"),
    "micrograd": (micrograd, "micrograd"),
    "ONNX Runtime": (onnxruntime, "onnxruntime"),
    "NumPy": (None, "numpy"),
}
