"""Values of optimisers and schedules have names; what is neither is refused by name."""

import pickle

import pytest

import nn_from_scratch as nn
from nn_from_scratch.optimizers import OPTIMIZERS, get_optimizer
from nn_from_scratch.schedules import SCHEDULES, get_schedule


@pytest.mark.parametrize("rule", OPTIMIZERS.values())
@pytest.mark.parametrize(
    "values, named",
    [((0.01,), {}), ((), {"lr": 0.01}), ((), {"eta": 0.01}), ((0.9, 0.99), {})],
)
def test_a_rate_given_to_an_optimizer_is_sent_to_train(rule, values, named):
    with pytest.raises(TypeError, match=r"train\(eta=\.\.\.\)") as caught:
        rule(*values, **named)
    assert (
        rule.__name__ in str(caught.value)
        and "0.01" in str(caught.value)
        or values == (0.9, 0.99)
    )


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.Constant(0.1),
        lambda: nn.Exponential(0.95),
        lambda: nn.Cosine(0.1),
        lambda: nn.OneCycle(0.1),
        lambda: nn.Step(30, 0.1),
    ],
)
def test_a_rate_given_to_a_schedule_is_sent_to_train(call):
    with pytest.raises(TypeError, match=r"train\(eta=\.\.\.\)"):
        call()


def test_what_no_number_can_be_taken_for_stays_positional():
    schedule = nn.WarmUp(10, nn.Cosine())
    assert repr(schedule) == "WarmUp(steps=10, then=Cosine(final=0.0))"
    assert (
        repr(nn.Step(30)) == "Step(every=30, factor=0.1)"
        and nn.L2(1e-3).strength == 1e-3
    )


class Mine(nn.Momentum):
    "A rule of a user's own, with a value without a name."

    def __init__(self, power, beta=0.9):
        super().__init__(beta=beta)
        self.power = power


class Plain(nn.Optimizer):
    def step(self, theta, grad, eta):
        theta -= eta * grad


def test_a_rule_of_ones_own_takes_values_as_it_likes():
    for rule in Mine(2), Mine(2, 0.5), Plain():
        assert repr(pickle.loads(pickle.dumps(rule))) == repr(rule)
    assert Mine(2, 0.5).beta == 0.5
    with pytest.raises(TypeError, match="train"):
        Plain(0.1)


@pytest.mark.parametrize(
    "wrong", ["", "adma", 0, 0.1, False, True, [], (), {}, nn.Adam, b"adam", None]
)
def test_what_is_no_optimizer_is_refused_with_the_names(wrong):
    error = ValueError if isinstance(wrong, str) else TypeError
    with pytest.raises(error, match=", ".join(OPTIMIZERS)):
        get_optimizer(wrong)


@pytest.mark.parametrize(
    "wrong", ["", "cosinus", 0, 0.1, False, True, [], (), {}, nn.Cosine, b"cosine"]
)
def test_what_is_no_schedule_is_refused_with_the_names(wrong):
    error = ValueError if isinstance(wrong, str) else TypeError
    with pytest.raises(error, match=", ".join(SCHEDULES)):
        get_schedule(wrong)


@pytest.mark.parametrize(
    "name, wrong",
    [
        (name, wrong)
        for name in ("optimizer", "schedule")
        for wrong in ("", 0, False, [])
    ],
)
def test_training_refuses_them_before_it_changes_anything(name, wrong):
    X, y = nn.two_moons(50, 0.1, seed=0)
    model = nn.Network(2, seed=0)
    model.add_output_layer(1, nn.Sigmoid())
    before = model.theta.copy()
    with pytest.raises(
        (TypeError, ValueError), match="adam" if name == "optimizer" else "cosine"
    ):
        model.train(X, y, epochs=1, verbose=False, **{name: wrong})
    assert (model.theta == before).all() and model.optimizer is None


@pytest.mark.parametrize("wrong", ["0.9", None, [0.9], float("nan"), -0.1, 1])
def test_a_value_that_does_not_fit_is_refused_with_its_name_and_range(wrong):
    words = r"expected beta1 to be a number in \[0, 1\)"
    with pytest.raises((TypeError, ValueError), match=words):
        nn.Adam(beta1=wrong)
    words = r"expected epsilon to be a number in \(0, inf\)"
    with pytest.raises(ValueError, match=words):
        nn.AdaGrad(epsilon=0)
