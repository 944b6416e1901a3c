"""Every optimizer against Keras' on streams of gradients: weights and state, in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import made_once, run_keras
from optimizer_streams import STEPS, Case, Trained, told, train, write_streams

from keras2torch.emit.audit import audit_training
from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.recipes.optimizer import optimizer_of
from keras2torch.recipes.table import all_recipes

EXACT = 1e-12  # of one step
DRIFT = 1e-9  # after fifty
# Ftrl sums up differences of roots of numbers near 0.1, divided by the learning rate.
LINEAR = 50 * 2 * 2.0**-54 / 5e-4


COMMON = {
    "clipnorm": {"clipnorm": 0.5},
    "global_clipnorm": {"global_clipnorm": 2.0},
    "clipvalue": {"clipvalue": 0.4},
    "accumulation": {"gradient_accumulation_steps": 4, "clipnorm": 0.5, "weight_decay": 0.1},
}


def _cases() -> list[Case]:
    found = []
    for entry in all_recipes("optimizer"):
        for number, example in enumerate(entry.examples):
            stream = "unique" if example.get("centered") else "repeated"
            found.append(Case(f"{entry.names[0]}-{number}", entry.names[0], dict(example), stream))
    for name, config in COMMON.items():
        found.append(Case(name, "Adam", config))
    found.append(Case("undecayed", "AdamW", {"weight_decay": 0.5}, undecayed=("bias", "kernel_l")))
    inner = {
        "module": "keras.optimizers",
        "class_name": "SGD",
        "config": {"momentum": 0.9},
        "registered_name": None,
    }
    scaled = {"inner_optimizer": inner, "initial_scale": 8.0, "dynamic_growth_steps": 5}
    found.append(Case("LossScaleOptimizer", "LossScaleOptimizer", scaled, "overflows"))
    return found


CASES = _cases()
ON_TENSORFLOW = [case for case in CASES if case.name != "ScheduleFreeAdamW"]
FIRST = [case for case in ON_TENSORFLOW if case.id.endswith("-0")]
FEW = 2


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder with what Keras makes of the first example of every optimizer in a few steps."""
    return _made(tmp_path_factory, request, FEW, "tensorflow", "float64")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_an_optimizer_needs_may_stand_in_train_py(case: Case) -> None:
    rate = {"learning_rate": 0.1, "weight_decay": 0.1}
    config = case.config if case.name == "LossScaleOptimizer" else {**rate, **case.config}
    if "inner_optimizer" in config:
        inner = config["inner_optimizer"]
        config = {**config, "inner_optimizer": {**inner, "config": {**rate, **inner["config"]}}}
    plan = optimizer_of({"class_name": case.name, "config": config}, "compile()", "jax")
    calls = [plan.call, plan.clip, plan.accumulation, plan.loss_scale]
    helpers = set().union(*(call.helpers() for call in calls if call))
    sources, imports, _ = cut(helpers, TRAINING)
    audit_training("\n".join([*sorted(imports), *sources]))


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder with what Keras makes of all cases."""
    return _made(tmp_path_factory, request, STEPS, "tensorflow", "float64")


def _made(
    factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    steps: int,
    backend: str,
    dtype: str,
) -> Path:
    """Keras' runs of the cases of those tests that are chosen and ask for this fixture."""
    cases = {
        item.callspec.params["case"].id: item.callspec.params["case"]
        for item in request.session.items
        if request.fixturename in getattr(item, "fixturenames", ())
    }

    def make(folder: Path) -> None:
        write_streams(folder)
        jobs = [case.job(steps) for case in cases.values()]
        run_keras("optimizers.py", {"folder": str(folder), "dtype": dtype, "cases": jobs}, backend)

    return made_once(factory, f"optimizers-{steps}-{backend}-{dtype}", make)


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.id)
def test_first_steps_are_kerass(case: Case, beginnings: Path) -> None:
    _compare(case, beginnings, "tensorflow", "float64", FEW)


@pytest.mark.slow
@pytest.mark.parametrize("case", ON_TENSORFLOW, ids=lambda case: case.id)
def test_fifty_steps_are_kerass(case: Case, streams: Path) -> None:
    _compare(case, streams, "tensorflow", "float64", STEPS)


@pytest.fixture(scope="session")
def streams_on_jax(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    """The folder with what Keras on JAX makes of all cases, its gradients dense."""
    return _made(tmp_path_factory, request, STEPS, "jax", "float64")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_fifty_steps_are_those_on_jax(case: Case, streams_on_jax: Path) -> None:
    _compare(case, streams_on_jax, "jax", "float64", STEPS)


def _compare(case: Case, folder: Path, backend: str, dtype: str, steps: int) -> None:
    said, expected = told(folder, case, backend, dtype)
    assert "problem" not in said, said["problem"]
    with np.load(folder / f"{case.stream}.npz") as file:
        arrays = dict(file)
    run = train(case, said["config"], arrays, backend, getattr(torch, dtype), steps)
    for key, values in run.looks.items():
        name, step = key.rsplit("_", 1)
        start, known = arrays[f"{name}_start"], expected[key]
        rounding = int(step) * np.spacing(np.abs(known).max())
        allowed = (EXACT if step == "1" else DRIFT) * np.abs(known - start).max() + rounding
        assert np.abs(values - known).max() <= allowed, key
    _compare_state(run, said["slots"], [expected[f"slot_{n}"] for n in range(len(said["slots"]))])


def _compare_state(run: Trained, names: list[str], values: list[Any]) -> None:
    """Keras' variables, in their order, are the state that the recipe tells."""
    known = iter(zip(names, values, strict=True))
    if run.scale:
        assert [next(known)[0] for _ in range(2)] == ["iteration", "learning_rate"]
        assert next(known) == ("step_counter", run.scale.steps)
        assert next(known) == ("dynamic_scale", run.scale.scale)
    assert [next(known)[0] for _ in range(2)] == ["iteration", "learning_rate"]
    sums = run.accumulator.sums if run.accumulator else []
    for variable, total in zip(run.parameters, sums, strict=bool(sums)):
        name, value = next(known)
        assert name == f"{variable}_gradient_accumulator"
        _close(total.numpy(), value, name)
    for block in run.plan.call.slots:
        if block[0].of == "scalar":
            name, value = next(known)
            assert name.startswith(block[0].keras)
            _close(run.optimizer.param_groups[0][block[0].torch], value, name)
            continue
        for variable, parameter in run.parameters.items():
            state = run.optimizer.state[parameter]
            matrix = parameter.dim() == 2 and not any(
                word in variable for word in run.plan.call.adam or ()
            )
            for slot in block:
                if slot.of in ("matrix", "other") and (slot.of == "matrix") != matrix:
                    continue
                name, value = next(known)
                assert name == (f"{variable}_{slot.keras}" if slot.keras else variable)
                vector = parameter.dim() < 2
                if slot.of not in ("rows", "columns", "vector") or (slot.of == "vector") == vector:
                    _close(state[slot.torch].numpy(), value, name)
    assert not list(known)


def _close(ours: Any, known: Any, what: str) -> None:
    rounding = LINEAR if what.endswith("_linear") else 0.0
    assert np.abs(ours - known).max() <= DRIFT * np.abs(known).max() + rounding, what
