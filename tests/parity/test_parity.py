"""Every formula of the package against PyTorch in float64. `make parity` runs it and
writes parity.json, which a chapter shows."""
from importlib import import_module

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import nn_from_scratch as nn
from nn_from_scratch.layers import Layer, walk
from nn_from_scratch.normalization import LayerNorm, RMSNorm
from nn_from_scratch.objective import Head, Objective

torch.set_default_dtype(torch.float64)
rng = np.random.default_rng(0)
WIDE = np.array(
    [-700, -300, -40, -20, -2.7, -1, -1e-9, 0, 1e-9, 0.5, 1, 2, 20, 40, 300, 700.0]
)
SHAPES = [(1, 1), (1, 3), (7, 2), (7, 5)]


def tensor(x, grad=False):
    return torch.tensor(np.asarray(x), requires_grad=grad)


ACTIVATIONS = {
    nn.Linear(): lambda z: z, nn.Sigmoid(): torch.sigmoid,
    nn.Sigmoid(a=2.5): lambda z: torch.sigmoid(2.5 * z), nn.Tanh(): torch.tanh,
    nn.ReLU(): F.relu, nn.LeakyReLU(): F.leaky_relu,
    nn.LeakyReLU(0.3): lambda z: F.leaky_relu(z, 0.3), nn.ELU(): F.elu,
    nn.ELU(0.4): lambda z: F.elu(z, 0.4),
    nn.Softplus(): lambda z: F.softplus(z, threshold=1e9), nn.SiLU(): F.silu,
    nn.GELU(): F.gelu, nn.Softmax(): lambda z: F.softmax(z, dim=1),
}


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations(activation, compare):
    for z in (
        np.tile(WIDE[:, None], (1, 1))
        if not isinstance(activation, nn.Softmax)
        else np.stack([WIDE, WIDE[::-1]], 1),
        *(3 * rng.normal(size=shape) for shape in SHAPES),
    ):
        if isinstance(activation, nn.Softplus):
            z = np.minimum(z, 600)  # beyond, log1p(exp(z)) overflows there
        Z, upstream = tensor(z, True), rng.normal(size=z.shape)
        A = ACTIVATIONS[activation](Z)
        A.backward(tensor(upstream))
        ours = activation.forward(z)
        compare("activation, value", repr(activation), ours, A)
        compare(
            "activation, gradient", repr(activation),
            activation.backward(upstream, z, ours), Z.grad,
        )


def losses():
    "Ours, the output activation, theirs from pre-activations, and what draws targets."
    def real(shape):
        return rng.normal(size=shape)
    def bits(shape):
        return rng.uniform(size=shape)
    def classes(shape):
        return rng.dirichlet(np.ones(shape[1]), shape[0])
    yield (
        nn.MeanSquaredError(), nn.Linear(),
        lambda z, y: F.mse_loss(z, y, reduction="none"), real,
    )
    yield (
        nn.MeanSquaredError(), nn.Tanh(),
        lambda z, y: F.mse_loss(torch.tanh(z), y, reduction="none"), real,
    )
    yield (
        nn.MeanAbsoluteError(), nn.Linear(),
        lambda z, y: F.l1_loss(z, y, reduction="none"), real,
    )
    for delta in (0.3, 1.0):
        yield (
            nn.Huber(delta), nn.Linear(),
            lambda z, y, delta=delta: F.huber_loss(z, y, reduction="none", delta=delta),
            real,
        )
    for a in (1.0, 2.5):
        yield (
            nn.BinaryCrossEntropy(), nn.Sigmoid(a=a),
            lambda z, y, a=a: F.binary_cross_entropy_with_logits(
                a * z, y, reduction="none"
            ),
            bits,
        )
    for smoothing in (0.0, 0.2):
        yield (
            nn.CategoricalCrossEntropy(smoothing), nn.Softmax(),
            lambda z, y, s=smoothing: F.cross_entropy(
                z, y, reduction="none", label_smoothing=s
            )[:, None],
            classes,
        )


@pytest.mark.parametrize(
    "loss, activation, theirs, draw", list(losses()),
    ids=lambda value: (
        repr(value) if hasattr(value, "__repr__") and not callable(value) else ""
    ),
)
def test_losses(loss, activation, theirs, draw, compare):
    for n, k in SHAPES:
        if isinstance(activation, nn.Softmax) and k == 1:
            continue
        for weights in (None, rng.uniform(0.1, 3, n)):
            z, y = 2 * rng.normal(size=(n, k)), draw((n, k))
            Z = tensor(z, True)
            each = theirs(Z, tensor(y))
            total = (
                each if weights is None else each * tensor(weights)[:, None]
            ).sum() / n
            total.backward()
            a, name = activation.forward(z), f"{loss!r} of {activation!r}"
            compare(
                "loss, value", name, [loss.output_value(activation, z, a, y, weights)],
                [total.item()],
            )
            compare(
                "loss, gradient", name,
                loss.output_gradient(activation, z, a, y, weights), Z.grad,
            )


class Block(torch.nn.Module):
    "A residual block."

    def __init__(self, inside):
        super().__init__()
        self.inside = inside

    def forward(self, X):
        return X + self.inside(X)


FUNCTIONS = {nn.ReLU: torch.nn.ReLU, nn.Tanh: torch.nn.Tanh}


def copied(module, **tensors):
    "A module with its parameters set."
    with torch.no_grad():
        for name, values in tensors.items():
            getattr(module, name).copy_(tensor(values.copy()))
    return module


def twin(layers, d):
    """The same layers in PyTorch, their parameters copied, for samples of `d` numbers
    at each position."""
    parts = []
    for layer in layers:
        if isinstance(layer, nn.Dense):
            linear = torch.nn.Linear(d, layer.n_units, bias=layer.bias)
            bias = {"bias": layer.b} if layer.bias else {}
            parts.append(copied(linear, weight=layer.W.T, **bias))
            d = layer.n_units
        elif isinstance(layer, nn.BatchNorm):
            norm = torch.nn.BatchNorm1d(d)
            parts.append(copied(norm, weight=layer.gamma, bias=layer.b))
        elif isinstance(layer, nn.Residual):
            parts.append(Block(twin(layer.children, d)))
        elif isinstance(layer, nn.Flatten):
            parts.append(torch.nn.Flatten())
            d = int(np.prod(layer.shape))
        if getattr(layer, "activation", None) is not None:
            parts.append(FUNCTIONS[type(layer.activation)]())
    return torch.nn.Sequential(*parts)


def gradients(layers, modules):
    "Pairs of a gradient of ours and the one of PyTorch, in its order."
    ours = [
        getattr(layer, f"d{name}")
        for _, layer in walk(layers)
        for name in layer.parameters
    ]
    theirs = [parameter.grad.T if parameter.ndim == 2 else parameter.grad
              for parameter in modules.parameters()]
    assert len(ours) == len(theirs)
    return zip(ours, theirs)


def alone(shape, *layers):
    "Layers that pass on their gradient, with parameters at random."
    stack = nn.Stack(shape, list(layers), seed=0, dtype=np.float64)
    stack.theta = rng.normal(size=stack.theta.size)
    for _, layer in walk(stack.layers):
        layer.needs_dX = True
    return stack


def compare_layers(compare, name, stack, shape):
    "Value, gradient at the samples and gradients of the parameters."
    modules = twin(stack.layers, stack.input.shape[-1])
    x = rng.normal(size=shape)
    X = tensor(x, True)
    A = modules(X)
    upstream = rng.normal(size=A.shape)
    A.backward(tensor(upstream))
    compare("layer", f"{name}, value", stack.forward(x, training=True), A)
    dX = upstream
    for layer in reversed(stack.layers):
        dX = layer.backward(dX)
    compare("layer", f"{name}, dX", dX, X.grad)
    for ours, theirs in gradients(stack.layers, modules):
        compare("layer", f"{name}, gradients", ours, theirs)


@pytest.mark.parametrize("n_units", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [1, 7])
def test_dense(n, n_units, compare):
    compare_layers(compare, "dense", alone(4, nn.Dense(n_units, nn.Tanh())), (n, 4))
    free = alone(4, nn.Dense(n_units, nn.Tanh(), bias=False))
    compare_layers(compare, "dense without bias", free, (n, 4))
    positions = alone((3, 4), nn.Dense(n_units, nn.Tanh()))
    compare_layers(compare, "dense at positions", positions, (n, 3, 4))


@pytest.mark.parametrize("n", [1, 7])
def test_other_layers(n, compare):
    inside = [nn.Dense(6, nn.Tanh()), nn.Dense(4)]
    compare_layers(compare, "residual", alone(4, nn.Residual(*inside)), (n, 4))
    nested = nn.Residual(nn.Dense(4, nn.Tanh()), nn.Residual(nn.Dense(4, nn.Tanh())))
    compare_layers(compare, "residual in residual", alone(4, nested), (n, 4))
    compare_layers(
        compare, "activation", alone(4, nn.Dense(4), nn.Activate(nn.Tanh())), (n, 4)
    )
    compare_layers(
        compare, "flatten", alone((3, 4), nn.Flatten(), nn.Dense(2)), (n, 3, 4)
    )


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize("shape", [(2,), (7,), (4, 3)], ids=str)
def test_batch_normalisation(shape, d, compare):
    stack = alone((*shape[1:], d), nn.BatchNorm())
    layer = stack.layers[0]
    layer.gamma = rng.uniform(0.5, 2, d)
    norm = copied(torch.nn.BatchNorm1d(d), weight=layer.gamma, bias=layer.b)
    two = " of two samples" if shape == (2,) else ""
    for _ in range(3):  # running statistics over several batches
        x, upstream = rng.normal(size=(*shape, d)) + 1, rng.normal(size=(*shape, d))
        X = tensor(x, True)
        norm.zero_grad()
        A = norm(X.reshape(-1, d)).reshape(X.shape)
        A.backward(tensor(upstream))
        compare("layer", "batch norm, value", stack.forward(x, training=True), A)
        tolerance = 1e-8 if two else 1e-10  # of two samples nothing but epsilon is left
        compare(
            "layer", f"batch norm, dX{two}", layer.backward(upstream), X.grad, tolerance
        )
        compare("layer", "batch norm, dgamma", layer.dgamma, norm.weight.grad)
        compare("layer", "batch norm, db", layer.db, norm.bias.grad)
    compare("layer", "batch norm, running mean", layer.mean, norm.running_mean)
    compare("layer", "batch norm, running variance", layer.variance, norm.running_var)
    norm.eval()
    said = norm(X.reshape(-1, d)).reshape(X.shape)
    compare("layer", "batch norm, prediction", stack.forward(x), said)


def test_dropout(compare):
    stack = alone(5, nn.Dense(5), nn.Dropout(0.4))
    x, upstream = rng.normal(size=(7, 5)), rng.normal(size=(7, 5))
    ours, (dense, dropout) = stack.forward(x, training=True), stack.layers
    [kept], X = dropout.kept, tensor(x, True)
    A = twin([dense], 5)(X) * tensor(kept)
    A.backward(tensor(upstream))
    assert set(np.unique(kept)) == {0, 1 / 0.6}
    compare("layer", "dropout, value", ours, A)
    compare("layer", "dropout, dX", dense.backward(dropout.backward(upstream)), X.grad)
    compare(
        "layer", "dropout, prediction", stack.forward(x), twin([dense], 5)(tensor(x))
    )


HEADS = {
    "squares": (nn.Linear(), lambda z, y: ((z - y) ** 2).sum(-1)),
    "binary cross-entropy": (
        nn.Sigmoid(),
        lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none").sum(-1),
    ),
    "categorical cross-entropy": (
        nn.Softmax(),
        lambda z, y: F.cross_entropy(
            z.flatten(0, -2), y.flatten(0, -2), reduction="none"
        ).reshape(z.shape[:-1]),
    ),
}


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("positions", [(), (1,), (4,), (2, 3)], ids=str)
@pytest.mark.parametrize("n, k", [(1, 2), (7, 2), (7, 3), (7, 5)])
def test_heads(n, k, positions, name, compare):
    activation, theirs = HEADS[name]
    head = Head((*positions, k), activation)
    z = 2 * rng.normal(size=(n, *positions, k))
    y = rng.dirichlet(np.ones(k), (n, *positions))
    kind = f"{name}, {'sequences' if positions else 'rows'}"
    for weights in (None, rng.uniform(0.1, 3, n), rng.uniform(0.1, 3, (n, *positions))):
        Z = tensor(z, True)
        each = theirs(Z, tensor(y))
        if weights is not None:
            each = each * tensor(
                weights.reshape(weights.shape + (1,) * (each.ndim - weights.ndim))
            )
        each.mean().backward()
        A = head.output(z)
        compare(
            "head, value", kind, [head.value(z, A, y, weights)], [each.mean().item()]
        )
        compare("head, gradient", kind, head.gradient(z, A, y, weights), Z.grad)


@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("k", [2, 5])
def test_labels_of_sequences(n, k, compare):
    "Whole numbers (n, T), and PyTorch's own form of them, (n, k, T)."
    head, labels = Head((6, k), nn.Softmax()), rng.integers(k, size=(n, 6))
    z = rng.normal(size=(n, 6, k))
    y = head.encode(head.check(labels, np.float64), np.float64)
    Z = tensor(z, True)
    loss = F.cross_entropy(Z.transpose(1, 2), torch.tensor(labels))
    loss.backward()
    A = head.output(z)
    compare("head, value", "labels of sequences", [head.value(z, A, y)], [loss.item()])
    compare("head, gradient", "labels of sequences", head.gradient(z, A, y), Z.grad)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize(
    "shape, layers",
    [
        (
            (4,),
            lambda: [
                nn.Dense(6, nn.Tanh()),
                nn.Residual(
                    nn.Dense(6, bias=False), nn.BatchNorm(), nn.Activate(nn.ReLU())
                ),
            ],
        ),
        ((3, 4), lambda: [nn.Dense(6, nn.ReLU()), nn.Residual(nn.Dense(6, nn.Tanh()))]),
    ],
    ids=["rows", "sequences"],
)
def test_objective(shape, layers, name, compare):
    "Loss, weights and penalty of a stack, to the gradient of each parameter."
    activation, theirs = HEADS[name]
    stack = nn.Stack(shape, [*layers(), nn.Dense(3)], seed=0, dtype=np.float64)
    stack.theta = rng.normal(size=stack.theta.size)
    objective = Objective(stack, Head((*shape[:-1], 3), activation), nn.L2(0.3))
    modules, n = twin(stack.layers, shape[-1]), 7
    x, y = rng.normal(size=(n, *shape)), rng.dirichlet(np.ones(3), (n, *shape[:-1]))
    weights = rng.uniform(0.1, 3, n)
    each = theirs(modules(tensor(x)), tensor(y))
    loss = (each * tensor(weights.reshape(n, *(1,) * (each.ndim - 1)))).mean()
    total = loss + 0.15 * sum((W**2).sum() for W in modules.parameters() if W.ndim == 2)
    total.backward()
    compare("objective, value", name, [objective.value(x, y, weights)], [total.item()])
    objective.gradient(x, y, weights)
    for ours, theirs in gradients(stack.layers, modules):
        compare("objective, gradient", name, ours, theirs)


@pytest.mark.parametrize(
    "regularizer, penalty",
    [
        (nn.L2(0.03), lambda W: 0.015 * (W**2).sum()),
        (nn.L1(0.7), lambda W: 0.7 * W.abs().sum()),
        (nn.ElasticNet(0.2, 0.5), lambda W: 0.2 * W.abs().sum() + 0.25 * (W**2).sum()),
    ],
    ids=repr,
)
def test_regularizers(regularizer, penalty, compare):
    w = rng.normal(size=(5, 3))
    w[0, 0] = 0
    W = tensor(w, True)
    total = penalty(W)
    total.backward()
    compare("penalty, value", repr(regularizer), [regularizer.value(w)], [total.item()])
    compare("penalty, gradient", repr(regularizer), regularizer.gradient(w), W.grad)


def optimizers():
    "Ours, and theirs of a parameter and a rate."
    optim = torch.optim
    yield nn.GradientDescent(), lambda p, lr: optim.SGD(p, lr)
    for beta in (0.5, 0.9):
        yield (
            nn.Momentum(beta=beta),
            lambda p, lr, beta=beta: optim.SGD(p, lr, momentum=beta),
        )
        yield (
            nn.Nesterov(beta=beta),
            lambda p, lr, beta=beta: optim.SGD(p, lr, momentum=beta, nesterov=True),
        )
    for epsilon in (1e-10, 1e-3):
        yield (
            nn.AdaGrad(epsilon=epsilon),
            lambda p, lr, e=epsilon: optim.Adagrad(p, lr, eps=e),
        )
        yield (
            nn.RMSProp(rho=0.9, epsilon=epsilon),
            lambda p, lr, e=epsilon: optim.RMSprop(p, lr, alpha=0.9, eps=e),
        )
        yield (
            nn.Adam(beta1=0.8, beta2=0.95, epsilon=epsilon),
            lambda p, lr, e=epsilon: optim.Adam(p, lr, (0.8, 0.95), e),
        )
    yield nn.RMSProp(), lambda p, lr: optim.RMSprop(p, lr)
    yield nn.Adam(), lambda p, lr: optim.Adam(p, lr)
    for decay in (0.0, 0.01, 0.3):
        yield (
            nn.AdamW(decay=decay),
            lambda p, lr, d=decay: optim.AdamW(p, lr, weight_decay=d),
        )


@pytest.mark.parametrize(
    "ours, theirs",
    list(optimizers()),
    ids=lambda value: repr(value) if isinstance(value, nn.Optimizer) else "",
)
@pytest.mark.parametrize("rate", [1e-4, 0.5])
def test_optimizers(ours, theirs, rate, compare):
    theta = rng.normal(size=20)
    parameter = tensor(theta.copy(), True)
    optimizer = theirs([parameter], rate)
    ours.start(theta)
    for _ in range(10):
        grad = rng.normal(size=20) * 10.0 ** rng.integers(-4, 3, 20)
        ours.step(theta, grad, rate)
        parameter.grad = tensor(grad)
        optimizer.step()
        compare("optimiser, ten steps", f"{ours!r}", theta, parameter)


@pytest.mark.parametrize("total", [10, 97])
def test_schedules(total, compare):
    scheduler = torch.optim.lr_scheduler
    pairs = {
        nn.Constant(): lambda o: scheduler.ConstantLR(o, 1.0),
        nn.Step(7, factor=0.3): lambda o: scheduler.StepLR(o, 7, 0.3),
        nn.Exponential(final=0.05): lambda o: scheduler.ExponentialLR(
            o, 0.05 ** (1 / (total - 1))
        ),
        nn.Cosine(final=0.1): lambda o: scheduler.CosineAnnealingLR(o, total - 1, 0.1),
        nn.WarmUp(5): lambda o: scheduler.LinearLR(o, 1 / 6, 1.0, 5),
        nn.OneCycle(): lambda o: scheduler.OneCycleLR(
            o, 1.0, total, cycle_momentum=False
        ),
        nn.OneCycle(warm=0.5, start=0.1, final=0.001): lambda o: scheduler.OneCycleLR(
            o, 1.0, total, pct_start=0.5, div_factor=10, final_div_factor=100,
            cycle_momentum=False,
        ),
    }
    for ours, theirs in pairs.items():
        optimizer = torch.optim.SGD([tensor([0.0], True)], 1.0)
        schedule, rates = theirs(optimizer), []
        for _ in range(total):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        compare(
            "schedule, every step", repr(ours), [ours(t, total) for t in range(total)],
            rates,
        )


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (nn.He(), lambda W: torch.nn.init.kaiming_normal_(W, nonlinearity="relu")),
        (
            nn.He("uniform"),
            lambda W: torch.nn.init.kaiming_uniform_(W, nonlinearity="relu"),
        ),
        (nn.Xavier(), torch.nn.init.xavier_normal_),
        (nn.Xavier("uniform"), torch.nn.init.xavier_uniform_),
    ],
    ids=lambda value: repr(value) if isinstance(value, nn.Initializer) else "",
)
def test_initializers(ours, theirs, compare):
    torch.manual_seed(0)
    n_inputs, n_units = 400, 250
    w, W = ours(rng, n_inputs, n_units), theirs(torch.empty(n_units, n_inputs)).numpy()
    scatter = 5 * np.sqrt(2 / w.size)  # of a ratio of variances, five deviations
    assert abs(w.mean()) < 5 * w.std() / np.sqrt(w.size)
    assert abs(w.var() / W.var() - 1) < scatter
    compare(
        "initialiser, variance", repr(ours), [w.var()], [W.var()], tolerance=scatter
    )
    compare(
        "initialiser, kurtosis", repr(ours), [(w**4).mean() / w.var() ** 2],
        [(W**4).mean() / W.var() ** 2], tolerance=0.05,
    )
    if ours.distribution == "uniform":
        assert np.abs(w).max() <= np.sqrt(3 * ours.variance(n_inputs, n_units))


def test_clip_norm(compare):
    for limit in (0.5, 100.0):
        grad = rng.normal(size=50)
        parameter = tensor(np.zeros(50), True)
        parameter.grad = tensor(grad.copy())
        theirs = torch.nn.utils.clip_grad_norm_([parameter], limit)
        compare(
            "clipping", "norm", [nn.optimizers.clip_norm(grad, limit)], [theirs.item()]
        )
        # PyTorch adds 1e-6 to the norm
        compare("clipping", "gradient", grad, parameter.grad, tolerance=1e-6)


@pytest.mark.parametrize(
    "optimizer, theirs, batch_norm",
    [
        ("gradient_descent", lambda p: torch.optim.SGD(p, 0.1), ()),
        (
            "nesterov", lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
            (),
        ),
        ("adam", lambda p: torch.optim.Adam(p, 0.1), ()),
        ("gradient_descent", lambda p: torch.optim.SGD(p, 0.1), (0,)),
    ],
)
def test_training_curve(optimizer, theirs, batch_norm, compare, losses_of):
    x, y = nn.digits()
    x, y = x[:300].astype(np.float64), y[:300]
    model = nn.Network(64, seed=0, dtype=np.float64)
    model.add_layer(16, nn.Tanh(), batch_norm=0 in batch_norm)
    model.add_layer(12, nn.Tanh())
    model.add_output_layer(10, nn.Softmax())
    modules = twin(model.layers, 64)
    stats = model.train(
        x, y, eta=0.1, epochs=200, batch_size=300, optimizer=optimizer, shuffle=False,
        verbose=False,
    )
    X, Y = tensor(x), torch.tensor(y)
    curve = losses_of(
        theirs(modules.parameters()), lambda: F.cross_entropy(modules(X), Y), 200)
    assert curve[-1] < 0.5 * curve[0]
    name = f"64-16-12-10, {optimizer}{', batch norm' if batch_norm else ''}"
    compare("training curve, 200 steps", name, stats["train_loss"], curve)


def kinds(module, base):
    """Classes of a module that derive from its base, and from whose instances training
    is made."""
    found = (
        value
        for value in vars(import_module(f"nn_from_scratch.{module}")).values()
        if isinstance(value, type)
    )
    return {kind for kind in found if issubclass(kind, base) and kind is not base}


def test_none_is_left_out():
    assert kinds("activations", nn.Activation) == {
        type(activation) for activation in ACTIVATIONS
    }
    assert kinds("losses", nn.Loss) == {type(loss) for loss, *_ in losses()}
    assert kinds("optimizers", nn.Optimizer) == {type(ours) for ours, _ in optimizers()}
    assert kinds("regularizers", nn.Regularizer) == {nn.L1, nn.L2, nn.ElasticNet}
    assert kinds("layers", Layer) == {nn.Dense, nn.Activate, nn.Flatten, nn.Residual}
    assert kinds("normalization", Layer) == {nn.BatchNorm, LayerNorm, RMSNorm}
    assert kinds("regularizers", Layer) == {nn.Dropout}
    schedules = {
        nn.Constant, nn.Step, nn.Exponential, nn.Cosine, nn.WarmUp, nn.OneCycle,
    }
    assert kinds("schedules", nn.Schedule) == schedules
