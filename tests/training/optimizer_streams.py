"""The cases of the optimizers' tests: streams of gradients, and what they do in PyTorch."""

from __future__ import annotations

import functools
import json
import runpy
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import Optimizer, optimizer_of

Arrays = dict[str, npt.NDArray[Any]]

SCALES = {"small": 1e-6, "one": 1.0, "large": 1e3}
KINDS = {"kernel": (4, 3), "bias": (3,), "embedding": (6, 2), "conv": (2, 2, 3, 2)}
STEPS = 50
OCCURRENCES = 5
LOOKS = (1, 2, 10, STEPS)
VARIABLES = (*(f"{kind}_{scale}" for scale in SCALES for kind in tuple(KINDS)[:3]), "conv_one")


@dataclass(frozen=True)
class Case:
    """An optimizer of Keras', trained on a stream of gradients.

    ``rates`` are factors of its learning rate, one after the other; ``undecayed`` are parts of the
    names of variables that don't decay; in the stream ``repeated`` the rows of sparse gradients
    repeat.
    """

    id: str
    name: str
    config: dict[str, Any]
    stream: str = "repeated"
    rates: tuple[float, ...] = (1.0, 0.5, 2.0)
    undecayed: tuple[str, ...] = ()
    variables: tuple[str, ...] = VARIABLES
    steps: int = STEPS

    def job(self) -> dict[str, Any]:
        """What ``keras_side/optimizers.py`` is told."""
        return {**asdict(self), "looks": LOOKS}


def write_streams(folder: Path) -> None:
    """Gradients of three scales for a matrix, a vector and an embedding's sparse table.

    In ``tiny`` the first scale is as small as an epsilon.
    """
    for stream in ("repeated", "unique", "overflows", "tiny"):
        random = np.random.default_rng(5)
        arrays: Arrays = {}
        for scale, factor in SCALES.items():
            for kind, shape in KINDS.items():
                name = f"{kind}_{scale}"
                arrays[f"{name}_start"] = random.normal(size=shape)
                if kind == "embedding":
                    rows = [
                        random.choice(shape[0], OCCURRENCES, replace=stream != "unique")
                        for _ in range(STEPS)
                    ]
                    arrays[f"{name}_rows"] = np.stack(rows)
                    shape = (OCCURRENCES, *shape[1:])
                arrays[f"{name}_values"] = factor * random.normal(size=(STEPS, *shape))
        if stream == "tiny":
            arrays["kernel_small_values"] *= 1e-2
        if stream == "overflows":
            for step in (3, 4, 21):
                arrays["kernel_large_values"][step, 0, 0] = np.inf
        np.savez(folder / f"{stream}.npz", **arrays)


def made(call: Call, given: str, value: Any, *first: str) -> Any:
    """What a call makes as a ``train.py`` has it, behind expressions of the name ``given``."""
    return _maker(frozenset(call.helpers()), given, call.source(*first))(value)


@functools.cache
def _maker(helpers: frozenset[str], given: str, source: str) -> Callable[[Any], Any]:
    sources, imports, _ = cut(helpers, TRAINING)
    lines = ["from __future__ import annotations", "import torch", *sorted(imports), *sources]
    lines += [f"def make({given}):", f"    return {source}"]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        return runpy.run_path(file.name)["make"]


@dataclass
class Trained:
    """The weights at the steps that are looked at, and what has a state at the end."""

    plan: Optimizer
    parameters: dict[str, torch.nn.Parameter]
    optimizer: torch.optim.Optimizer
    accumulator: Any
    scale: Any
    looks: Arrays


def train(case: Case, config: Any, arrays: Arrays, backend: str, dtype: torch.dtype) -> Trained:
    """The run of a case in PyTorch, its parts called as ``train.py`` calls them."""
    plan = optimizer_of(config, "compile()", backend)
    rate = plan.learning_rate
    assert isinstance(rate, float)
    parameters = {
        name: torch.nn.Parameter(torch.tensor(arrays[f"{name}_start"], dtype=dtype))
        for name in case.variables
    }
    everything = list(parameters.values())
    kept = [p for n, p in parameters.items() if any(part in n for part in case.undecayed)]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in everything if all(p is not k for k in kept)]}
    ]
    if kept:
        groups.append({"params": kept, "weight_decay": 0.0})
    call = plan.written(plan.sparse)
    if plan.call.adam:
        kept = [p for n, p in parameters.items() if any(part in n for part in plan.call.adam)]
        groups = (groups, kept)
        optimizer = made(call, "given", groups, "given[0]", f"lr={rate!r}", "adam=given[1]")
    else:
        optimizer = made(call, "groups", groups, "groups", f"lr={rate!r}")
    weights = ("weights", everything, "weights")
    accumulator = plan.accumulation and made(plan.accumulation, *weights)
    scale = plan.loss_scale and made(plan.loss_scale, *weights[:2])
    looks: Arrays = {}
    for step in range(case.steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * case.rates[step % len(case.rates)] if case.rates else rate
        for name, parameter in parameters.items():
            parameter.grad = _gradient(arrays, name, step, parameter, plan.sparse)
        ready = scale is None or scale.unscale_(everything)
        if ready and accumulator:
            ready = accumulator.add()
        if ready:
            if plan.clip:
                made(plan.clip, *weights)
            optimizer.step()
        if step + 1 in LOOKS:
            for name, parameter in parameters.items():
                looks[f"{name}_{step + 1}"] = parameter.detach().numpy().copy()
    return Trained(plan, parameters, optimizer, accumulator, scale, looks)


def _gradient(
    arrays: Arrays, name: str, step: int, like: torch.Tensor, sparse: bool
) -> torch.Tensor:
    values = torch.tensor(arrays[f"{name}_values"][step], dtype=like.dtype)
    if f"{name}_rows" not in arrays:
        return values
    rows = torch.tensor(arrays[f"{name}_rows"][step])
    gradient = torch.sparse_coo_tensor(rows[None], values, like.shape, check_invariants=True)
    return gradient if sparse else gradient.to_dense()


def told(folder: Path, case: Case, backend: str, dtype: str) -> tuple[dict[str, Any], Arrays]:
    """What Keras made of a case."""
    stem = f"{case.id}.{backend}.{dtype}"
    with np.load(folder / f"{stem}.npz") as arrays:
        return json.loads((folder / f"{stem}.json").read_text()), dict(arrays)
