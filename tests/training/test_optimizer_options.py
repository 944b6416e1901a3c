"""What ``compile()`` has for an optimizer becomes a plan, or one clear error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from optimizer_streams import made

from keras2torch.errors import ConfigError, ModelError, UnsupportedError
from keras2torch.recipes.optimizer import Averaging, Optimizer, optimizer_of
from keras2torch.recipes.table import all_recipes


def plan_of(name: str, backend: str = "tensorflow", **options: Any) -> Optimizer:
    config = {"name": name.lower(), "learning_rate": 0.01, **options}
    saved = {"module": "keras.optimizers", "class_name": name, "config": config}
    return optimizer_of({**saved, "registered_name": None}, "compile()", backend)


def test_the_class_with_its_options_is_written() -> None:
    call = plan_of("AdamW", weight_decay=0.004, amsgrad=True).call
    assert call.source("parameters", "lr=0.01") == (
        "AMSGrad(parameters, lr=0.01, betas=(0.9, 0.999), eps=1e-07, weight_decay=0.004)"
    )


def test_torchs_own_class_stands_where_it_is_the_same() -> None:
    assert plan_of("SGD").written(sparse=False).source("p") == "torch.optim.SGD(p)"
    assert plan_of("Adadelta").written(sparse=False).function == "torch.optim.Adadelta"
    for plan in (
        plan_of("SGD", momentum=0.9),
        plan_of("SGD", weight_decay=0.1),
        plan_of("Adadelta", weight_decay=0.1),
    ):
        assert "torch" not in plan.written(sparse=False).function
    assert plan_of("Adadelta").written(sparse=True).function == "Adadelta"


def test_plain_optimizers_of_torch_come_with_what_differs() -> None:
    adam = plan_of("Adam", weight_decay=0.01).call
    assert adam.plain is not None
    assert adam.plain.source("p") == (
        "torch.optim.AdamW(p, betas=(0.9, 0.999), eps=1e-07, weight_decay=0.01)"
    )
    assert "epsilon" in adam.differs
    decayed = plan_of("RMSprop", weight_decay=0.01).call
    assert "adds the weight decay to the gradient" in decayed.differs
    assert plan_of("Lion").call.plain is None
    assert plan_of("SGD").call.differs == ""


def test_what_keras_does_around_the_update() -> None:
    plan = plan_of(
        "SGD", clipnorm=1, use_ema=True, ema_overwrite_frequency=5, gradient_accumulation_steps=4
    )
    assert plan.clip is not None
    assert plan.clip.source("p") == "clip_norm_(p, max_norm=1.0)"
    assert plan.averaging == Averaging(0.99, 5)
    assert plan.accumulation is not None
    assert plan.accumulation.source("p") == "GradientAccumulator(p, steps=4)"
    assert not plan.sparse  # Keras sums up what it accumulates
    assert plan_of("SGD", clipvalue=0.0).clip is None
    assert plan_of("SGD").sparse
    assert not plan_of("SGD", backend="jax").sparse
    assert plan_of("SGD", loss_scale_factor=8.0).loss_scale_factor == 8.0


def test_a_loss_scale_is_around_an_optimizer() -> None:
    inner = {"class_name": "SGD", "config": {"learning_rate": 0.5, "loss_scale_factor": 4.0}}
    config = {"name": "s", "inner_optimizer": inner, "initial_scale": 8.0}
    scaled = {"class_name": "LossScaleOptimizer", "config": config}
    plan = optimizer_of(scaled, "compile()", "tensorflow")
    assert plan.loss_scale is not None
    assert plan.loss_scale.source() == "LossScale(scale=8.0, growth_interval=2000)"
    assert (plan.learning_rate, plan.loss_scale_factor) == (0.5, None)


@pytest.mark.parametrize("name", [entry.names[0] for entry in all_recipes("optimizer")])
def test_a_saved_state_goes_on_with_the_same_bits(name: str, tmp_path: Path) -> None:
    call = plan_of(name, backend="jax", weight_decay=0.01).call
    random = torch.Generator().manual_seed(1)
    gradients = torch.randn(6, 5, 4, generator=random)

    def run(parameter: torch.nn.Parameter, optimizer: Any, steps: range) -> None:
        for step in steps:
            parameter.grad = gradients[step].clone()
            optimizer.step()

    parameter = torch.nn.Parameter(torch.ones(5, 4))
    optimizer = made(call, "parameters", [parameter], "parameters", "lr=0.1")
    run(parameter, optimizer, range(3))
    torch.save(optimizer.state_dict(), tmp_path / "state.pt")
    copy = torch.nn.Parameter(parameter.detach().clone())
    resumed = made(call, "parameters", [copy], "parameters", "lr=0.1")
    resumed.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    run(parameter, optimizer, range(3, 6))
    run(copy, resumed, range(3, 6))
    assert torch.equal(parameter, copy)


def test_a_schedule_is_a_call() -> None:
    schedule = {
        "module": "keras.optimizers.schedules",
        "class_name": "ExponentialDecay",
        "config": {"initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.9},
        "registered_name": None,
    }
    rate = plan_of("SGD", learning_rate=schedule).learning_rate
    assert not isinstance(rate, float)
    assert rate.function == "exponential_decay"


@pytest.mark.parametrize(
    ("name", "options", "error", "said"),
    [
        ("Adam", {"clipnorm": 1.0, "clipvalue": 1.0}, ConfigError, "absent beside clipnorm"),
        ("Adam", {"beta_2": 1.0}, ConfigError, "beta_2"),
        ("Adam", {"beta_1": "x"}, ConfigError, "beta_1"),
        ("Adam", {"learning_rate": None}, ConfigError, "learning_rate"),
        ("Adam", {"surprise": 1}, UnsupportedError, "surprise"),
        ("Adam", {"decay": 0.1}, UnsupportedError, "decay"),
        ("AdamW", {"weight_decay": None}, ConfigError, "weight_decay"),
        ("SGD", {"gradient_accumulation_steps": 1}, ConfigError, "at least 2"),
        ("Ftrl", {"learning_rate_power": 0.5}, ConfigError, "at most 0"),
        ("Adagrad", {"initial_accumulator_value": -1.0}, ConfigError, "at least 0"),
        ("Lion", {"beta_1": 0.0}, ConfigError, "beta_1"),
        ("Muon", {"ns_steps": 10**9}, ConfigError, "ns_steps"),
        ("ScheduleFreeAdamW", {}, UnsupportedError, "--backend jax"),
        ("MultiOptimizer", {}, UnsupportedError, "MultiOptimizer"),
        ("Nothing", {}, UnsupportedError, "Nothing"),
    ],
)
def test_what_cant_be_followed_is_refused(
    name: str, options: dict[str, Any], error: type[ModelError], said: str
) -> None:
    with pytest.raises(error, match=said):
        plan_of(name, **options)
