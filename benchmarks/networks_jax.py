"""The networks of `networks.py` in JAX: a function for each layer of ours, by the name
of the layer, that takes the tensors of the layer by theirs."""
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from networks import DECAY, ETA, classifies, decayed

ACTIVATIONS = {
    "NoneType": lambda Z: Z,
    "ReLU": jax.nn.relu,
    "GELU": lambda Z: jax.nn.gelu(Z, approximate=False),
}


def kind(thing):
    return type(thing).__name__


def convolution(layer, X, W, b):
    Z = lax.conv_general_dilated(
        X, W, layer.stride, "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return Z + b


def max_pool(layer, X):
    "Half the time of `lax.reduce_window` and its gradient on a processor."
    (n, h, w, c), (h_W, w_W) = X.shape, layer.size
    return X.reshape(n, h // h_W, h_W, w // w_W, w_W, c).max(axis=(2, 4))


def lstm(layer, X, W, W_h, b):
    def step(state, Z):
        H, C = state
        I, F, O, G = jnp.split(Z + H @ W_h, 4, axis=1)
        C = jax.nn.sigmoid(F) * C + jax.nn.sigmoid(I) * jnp.tanh(G)
        H = jax.nn.sigmoid(O) * jnp.tanh(C)
        return (H, C), H

    nothing = jnp.zeros((len(X), layer.n_units))
    _, A = lax.scan(step, (nothing, nothing), (X @ W + b).swapaxes(0, 1))
    return A.swapaxes(0, 1)


def attention(layer, X, W, b, W_o, b_o):
    n, positions, d = X.shape
    QKV = (X @ W + b).reshape(n, positions, 3, layer.n_heads, -1)
    Q, K, V = QKV.transpose(2, 0, 3, 1, 4)
    S = Q @ K.swapaxes(2, 3) / jnp.sqrt(Q.shape[-1])
    S = jnp.where(jnp.tri(positions, dtype=bool), S, -jnp.inf)
    C = jax.nn.softmax(S) @ V
    return C.swapaxes(1, 2).reshape(n, positions, d) @ W_o + b_o


def layer_norm(layer, X, gamma, b):
    V = X - X.mean(axis=-1, keepdims=True)
    variance = (V * V).mean(axis=-1, keepdims=True)
    return gamma * V * lax.rsqrt(variance + layer.epsilon) + b


FUNCTIONS = {
    "Conv2D": convolution,
    "MaxPool2D": max_pool,
    "Flatten": lambda layer, X: X.reshape(len(X), -1),
    "Dense": lambda layer, X, W, b: X @ W + b,
    "LSTM": lstm,
    "MultiHeadAttention": attention,
    "LayerNorm": layer_norm,
    "Embedding": lambda layer, X, E: E[X],
    "Positions": lambda layer, X, P: X + P,
}


def through(layers, parameters, X):
    "Pre-activations of the last of the layers."
    for layer in layers:
        if kind(layer) == "Residual":
            X = X + through(layer.children, parameters, X)
        elif kind(layer) == "Tied":
            X = X @ parameters[layer.tensor].T
        else:
            own = {n: parameters[f"{layer.place}.{n}"] for n in layer.parameters}
            X = FUNCTIONS[kind(layer)](layer, X, **own)
            X = ACTIVATIONS[kind(getattr(layer, "activation", None))](X)
    return X


def start(model, case, X, y):
    parameters = jax.tree.map(jnp.asarray, model.tensors())
    X, y = jnp.asarray(X), jnp.asarray(y)

    def loss(parameters, X, y):
        Z = through(model.layers, parameters, X)
        if not classifies(model):
            return jnp.mean(jnp.sum((Z - y)**2, axis=-1))
        of_labels = jnp.take_along_axis(jax.nn.log_softmax(Z), y[..., None], axis=-1)
        return -jnp.mean(of_labels)

    decay = dict.fromkeys(parameters, 0) | dict.fromkeys(decayed(model), DECAY)

    @jax.jit
    def adamw(parameters, m, v, t, X, y):
        gradient = jax.grad(loss)(parameters, X, y)
        t = t + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, gradient)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, gradient)
        eta, root = ETA / (1 - 0.9**t), jnp.sqrt(1 - 0.999**t)
        moved = {
            name: p * (1 - ETA * decay[name])
            - eta * m[name] / (jnp.sqrt(v[name]) / root + 1e-8)
            for name, p in parameters.items()
        }
        return moved, m, v, t

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = [(parameters, zeros, zeros, 0.0)]

    def step():
        state[0] = jax.block_until_ready(adamw(*state[0], X, y))

    @jax.jit
    def answer(parameters, X):
        Z = through(model.layers, parameters, X)
        return jax.nn.softmax(Z) if classifies(model) else Z

    return step, lambda: np.asarray(answer(state[0][0], X))
