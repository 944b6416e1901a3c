"""Metrics over several batches against Keras, behind each batch, and as ``fit`` logs them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import metric_streams as streams
import numpy as np
import pytest
import torch
from compiled_cases import BATCH, CASES, SAMPLES, Compiled
from conftest import run_keras
from metric_kinds import kinds_for
from metric_streams import Batch, Make, logits

from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.recipes.call import Call
from keras2torch.recipes.metrics.common import metric as metric_of
from keras2torch.recipes.metrics.named import NamedMetric, named_metrics
from keras2torch.recipes.table import all_recipes, call_of

# Relative limits. A float32 result may be off by two units of the numbers up to 1 that it sums.
PRECISIONS = {"float32": 2e-6, "float64": 1e-12}
ABSOLUTE = {"float32": 2 * 2.0**-23, "float64": 1e-15}
# Keras computes these in float32 whatever the precision.
ONLY_FLOAT32 = ("IoU", "MeanIoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU")


@dataclass(frozen=True)
class Case:
    """A metric on one kind of batches."""

    id: str
    class_name: str
    config: dict[str, Any]
    make: Make
    weighted: bool
    precision: str
    backend: str = "tensorflow"

    def batches(self) -> list[Batch | None]:
        """The batches, None where the metric is reset."""
        without = () if self.weighted else ("weights",)
        found = [
            {role: array for role, array in batch.items() if role not in without}
            for batch in streams.stream(self.make, self.precision)
        ]
        return [*found[:2], None, *found[2:]]


def _cases() -> Iterator[Any]:
    for recipe in all_recipes("metric"):
        name = recipe.names[0]
        decisive = "float32" if name in ONLY_FLOAT32 else "float64"
        for number, config in enumerate(recipe.examples):
            kinds = kinds_for(name, config)
            for make, precision, weighted in product(kinds, PRECISIONS, (True, False)):
                if precision == "float64" and name in ONLY_FLOAT32:
                    continue
                identity = f"{name}-{number}-{make.__name__}-{precision}" + "-weighted" * weighted
                case = Case(identity, name, dict(config), make, weighted, precision)
                quick = number % 3 == 0 and make in (kinds[0], logits)
                quick = quick and weighted and precision == decisive
                yield pytest.param(case, id=identity, marks=[] if quick else [pytest.mark.slow])
            on_jax = Case(
                f"{name}-{number}-jax", name, dict(config), kinds[0], True, "float32", "jax"
            )
            yield pytest.param(on_jax, id=on_jax.id, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def by_keras(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The folder with what Keras finds for the chosen tests: ``<backend>.npz`` with arrays named
    <case>.<batch>, and ``<case>.json`` and ``<case>.npz`` for the compiled models."""
    folder = tmp_path_factory.mktemp("metrics")
    chosen = [
        item.callspec.params["case"]
        for item in request.session.items
        if getattr(item, "originalname", None) in ("test_metric", "test_row23_logs_of_an_epoch")
    ]
    arrays, cases, compiled = {}, [], []
    for case in chosen:
        if isinstance(case, Compiled):
            path = folder / f"{case.id}.arrays.npz"
            np.savez(path, **case.arrays())
            compiled.append({**asdict(case), "arrays": str(path)})
            continue
        batches: list[Any] = []
        for number, batch in enumerate(case.batches()):
            names = batch and {role: f"{case.id}.{number}.{role}" for role in batch}
            arrays.update({names[role]: array for role, array in (batch or {}).items()})
            batches.append(names)
        cases.append({**vars(case), "make": None, "batches": batches})
    np.savez(folder / "arrays.npz", **arrays)
    for backend in ("tensorflow", "jax"):
        own = [case for case in cases if case["backend"] == backend]
        job = {"folder": str(folder), "cases": own, "compiled": compiled}
        if own or job["compiled"]:
            run_keras("metrics.py", {**job, "results": f"{backend}.npz"}, backend)
        compiled = []  # on TensorFlow alone: its fit finds logits
    return folder


@pytest.fixture(scope="module")
def expected(by_keras: Path) -> dict[str, Any]:
    """Keras' results: <case>.<batch>."""
    found: dict[str, Any] = {}
    for backend in ("tensorflow", "jax"):
        if (by_keras / f"{backend}.npz").exists():
            with np.load(by_keras / f"{backend}.npz") as stored:
                found.update(stored)
    return found


def made(call: Call) -> Any:
    """What ``train.py`` would make of it: the call, with the sources that are cut out for it."""
    sources, imports, _ = cut(call.helpers(), TRAINING)
    namespace: dict[str, Any] = {}
    exec("\n\n".join([*sorted(imports), *sources]), namespace)  # noqa: S102
    return eval(call.source(), namespace)  # noqa: S307


@pytest.mark.parametrize("case", list(_cases()))
def test_metric(case: Case, expected: dict[str, Any]) -> None:
    saved = {"class_name": case.class_name, "config": case.config}
    call = metric_of(call_of("metric", saved, "here", case.backend))
    weighted = any("weights" in batch or "mask" in batch for batch in case.batches() if batch)
    metric = made(call.with_weights() if weighted else call)
    for number, batch in enumerate(case.batches()):
        if batch is None:
            metric.reset()
            continue
        metric.update(**{role: torch.from_numpy(array) for role, array in batch.items()})
        wanted, found = expected[f"{case.id}.{number}"], metric.compute().numpy()
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        limits = {"rtol": PRECISIONS[case.precision], "atol": ABSOLUTE[case.precision]}
        np.testing.assert_allclose(found, wanted, **limits)


QUICK = ("two_lists", "same_names", "mask_and_weights")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.id, marks=[] if case.id in QUICK else [pytest.mark.slow])
        for case in CASES
    ],
)
def test_row23_logs_of_an_epoch(case: Compiled, by_keras: Path) -> None:
    """Row 23 of the collection of users' questions: logs of an epoch with a smaller last batch."""
    told = json.loads((by_keras / f"{case.id}.json").read_text())
    compiled, logs = told["compiled"], told["logs"]
    with np.load(by_keras / f"{case.id}.npz") as stored:
        outputs = {name: torch.from_numpy(array) for name, array in stored.items()}
    named = named_metrics(
        compiled["metrics"], compiled["weighted_metrics"], case.outputs, "tensorflow", case.keys
    )
    arrays = {name: torch.from_numpy(array) for name, array in case.arrays().items()}
    found = {metric.name: _value(metric, arrays, outputs, case) for metric in named}
    losses = {name for name in logs if name.endswith("loss")}
    assert logs.keys() - losses == found.keys()
    for name, value in found.items():
        np.testing.assert_allclose(value, logs[name][0], rtol=1e-12, err_msg=name)


def _value(
    metric: NamedMetric, arrays: dict[str, Any], outputs: dict[str, Any], case: Compiled
) -> Any:
    """The metric after an epoch, as train.py computes it."""
    call = metric.call.with_logits or metric.call
    role = "outputs" if call is metric.call else "logits"
    follows = made(call.with_weights() if case.kind == "steps" else call)
    for start in range(0, SAMPLES, BATCH):
        batch = slice(start, start + BATCH)
        given = [outputs[f"{role}_{metric.output}"][batch], arrays[f"y_{metric.output}"][batch]]
        if metric.weighted and case.weighted:
            given.append(arrays[f"w_{metric.output}"][batch])
        if case.kind == "steps" and metric.call.takes_mask:
            mask = (arrays["x"][batch].reshape(-1, 2, 2) != 0).any(-1)
            follows.update(*given, mask=mask)
        else:
            follows.update(*given)
    return follows.compute()
