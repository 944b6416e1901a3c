"""Every optimizer against Keras' on streams of gradients: weights and state, in float64."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import made_once, run_keras
from optimizer_streams import STEPS, Arrays, Case, Trained, told, train, write_streams

from keras2torch.emit.audit import audit_training
from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.recipes.optimizer import optimizer_of
from keras2torch.recipes.table import all_recipes

EXACT = 1e-12  # of one step
DRIFT = 1e-9  # after fifty
SINGLE = 1e-6  # of an update in float32
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
FEW = ("kernel_one", "bias_small", "embedding_one", "conv_one")
FIRST = [replace(case, steps=2, variables=FEW) for case in ON_TENSORFLOW if case.id.endswith("-0")]
PLAIN = ("kernel_small", "kernel_one")
# What users asked, and the class of torch.optim that they took, with Keras' options by name.
QUESTIONS = [
    # Row 18: Adam's epsilon is another thing in Keras.
    (
        Case("row-18", "Adam", {}, "tiny", variables=PLAIN, rates=()),
        partial(torch.optim.Adam, lr=1e-3, eps=1e-7),
    ),
    # Row 19: RMSprop has epsilon inside the root; momentum holds the learning rate.
    (
        Case("row-19", "RMSprop", {}, "tiny", variables=PLAIN, rates=()),
        partial(torch.optim.RMSprop, lr=1e-3, alpha=0.9, eps=1e-7),
    ),
    (
        Case("row-19-momentum", "SGD", {"momentum": 0.9}, variables=PLAIN),
        partial(torch.optim.SGD, lr=1e-2, momentum=0.9),
    ),
    # Row 20: AdamW decays less by default.
    (
        Case("row-20", "AdamW", {}, variables=PLAIN, rates=()),
        partial(torch.optim.AdamW, lr=1e-3, eps=1e-7),
    ),
]


def _identity(value: Any) -> str | None:
    return value.id if isinstance(value, Case) else None


def _made(factory: pytest.TempPathFactory, request: pytest.FixtureRequest, on: str) -> Path:
    """Keras' runs, ``on`` a backend in a dtype, of the cases of those tests that are chosen and
    ask for this fixture."""
    cases = {
        item.callspec.params["case"].id: item.callspec.params["case"]
        for item in request.session.items
        if request.fixturename in getattr(item, "fixturenames", ())
    }
    backend, dtype = on.split()

    def make(folder: Path) -> None:
        write_streams(folder)
        jobs = [case.job() for case in cases.values()]
        run_keras("optimizers.py", {"folder": str(folder), "dtype": dtype, "cases": jobs}, backend)

    return made_once(factory, f"optimizers-{request.fixturename}", make)


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder with what Keras makes of few cases."""
    return _made(tmp_path_factory, request, "tensorflow float64")


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder with what Keras makes of all cases."""
    return _made(tmp_path_factory, request, "tensorflow float64")


@pytest.fixture(scope="session")
def in_single(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The same in float32."""
    return _made(tmp_path_factory, request, "tensorflow float32")


@pytest.fixture(scope="session")
def on_jax(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The same on JAX, where gradients are dense."""
    return _made(tmp_path_factory, request, "jax float64")


@pytest.mark.parametrize("case", FIRST, ids=_identity)
def test_first_steps_are_kerass(case: Case, beginnings: Path) -> None:
    _compare(case, beginnings, "tensorflow")


@pytest.mark.parametrize(("case", "stock"), QUESTIONS, ids=_identity)
def test_questions_of_users(case: Case, stock: Any, beginnings: Path) -> None:
    """Ours is Keras', torch's by the names of the options is not."""
    looks = _compare(case, beginnings, "tensorflow")
    with np.load(beginnings / f"{case.stream}.npz") as arrays:
        start, gradients = arrays["kernel_small_start"], arrays["kernel_small_values"]
    parameter = torch.nn.Parameter(torch.tensor(start))
    optimizer = stock([parameter])
    rate = optimizer.param_groups[0]["lr"]
    rates = case.rates or (1.0,)
    for step in range(STEPS):
        optimizer.param_groups[0]["lr"] = rate * rates[step % len(rates)]
        parameter.grad = torch.tensor(gradients[step])
        optimizer.step()
    known = looks[f"kernel_small_{STEPS}"]
    away = np.abs(parameter.detach().numpy() - known).max() / np.abs(known - start).max()
    assert away > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("case", ON_TENSORFLOW, ids=_identity)
def test_fifty_steps_are_kerass(case: Case, streams: Path) -> None:
    _compare(case, streams, "tensorflow")


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=_identity)
def test_fifty_steps_are_those_on_jax(case: Case, on_jax: Path) -> None:
    _compare(case, on_jax, "jax")


@pytest.mark.slow
@pytest.mark.parametrize("case", ON_TENSORFLOW, ids=_identity)
def test_fifty_steps_in_float32_differ_by_rounding(case: Case, in_single: Path) -> None:
    """Keras and ours round the weights twice in each step, each in its own way."""
    said, expected = told(in_single, case, "tensorflow", "float32")
    assert "problem" not in said, said["problem"]
    with np.load(in_single / f"{case.stream}.npz") as file:
        arrays = dict(file)
    run = train(case, said["config"], arrays, "tensorflow", torch.float32)
    for key, values in run.looks.items():
        name, step = key.rsplit("_", 1)
        known, start = expected[key], arrays[f"{name}_start"]
        rounding = 2 * int(step) * np.spacing(np.abs([known, start]).max().astype("float32"))
        allowed = rounding + SINGLE * np.abs(known - start).max()
        assert np.abs(values - known).max() <= allowed, key


@pytest.mark.parametrize("case", CASES, ids=_identity)
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


def _compare(case: Case, folder: Path, backend: str) -> Arrays:
    """Compare a case in float64; Keras' weights."""
    said, expected = told(folder, case, backend, "float64")
    assert "problem" not in said, said["problem"]
    with np.load(folder / f"{case.stream}.npz") as file:
        arrays = dict(file)
    run = train(case, said["config"], arrays, backend, torch.float64)
    for key, values in run.looks.items():
        name, step = key.rsplit("_", 1)
        start, known = arrays[f"{name}_start"], expected[key]
        rounding = int(step) * np.spacing(np.abs(known).max())
        allowed = (EXACT if step == "1" else DRIFT) * np.abs(known - start).max() + rounding
        assert np.abs(values - known).max() <= allowed, key
    _compare_state(run, said["slots"], [expected[f"slot_{n}"] for n in range(len(said["slots"]))])
    return expected


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
