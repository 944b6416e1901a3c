"""Metrics over several batches against Keras, behind each batch, with resets between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import metric_streams as streams
import numpy as np
import pytest
import torch
from conftest import run_keras
from metric_streams import Batch, Make

from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.recipes.call import Call
from keras2torch.recipes.table import all_recipes, call_of

PRECISIONS = {"float32": 2e-6, "float64": 1e-12}
# What each metric is given; the first kind is what `make test` runs.
KINDS: dict[str, tuple[Make, ...]] = {
    "Accuracy": (streams.whole, streams.binary_flat),
    "BinaryAccuracy": (
        *(streams.binary, streams.binary_flat, streams.both_flat),
        *(streams.logits, streams.labels, streams.steps),
    ),
    "CategoricalAccuracy": (
        *(streams.classes, streams.steps, streams.steps_by_sample, streams.steps_masked),
    ),
    "SparseCategoricalAccuracy": (
        *(streams.numbered, streams.numbered_column, streams.steps_numbered),
    ),
    "TopKCategoricalAccuracy": (streams.classes, streams.steps),
    "SparseTopKCategoricalAccuracy": (streams.numbered, streams.steps_numbered),
}
# tf.math.in_top_k takes float32 alone.
ONLY_FLOAT32 = ("TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy")


@dataclass(frozen=True)
class Case:
    """A metric on one kind of batches."""

    id: str
    class_name: str
    config: dict[str, Any]
    make: Make
    weighted: bool
    precision: str

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
        for number, config in enumerate(recipe.examples):
            kinds = KINDS[name]
            if config.get("from_sorted_ids"):
                kinds = (streams.sorted_numbers,)
            for make in kinds:
                for precision in PRECISIONS:
                    if precision == "float64" and name in ONLY_FLOAT32:
                        continue
                    for weighted in (True, False):
                        identity = f"{name}-{number}-{make.__name__}-{precision}"
                        identity += "-weighted" * weighted
                        quick = make is kinds[0] and weighted
                        yield pytest.param(
                            Case(identity, name, dict(config), make, weighted, precision),
                            id=identity,
                            marks=[] if quick else [pytest.mark.slow],
                        )


@pytest.fixture(scope="module")
def expected(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> dict[str, Any]:
    """Keras' results of the chosen tests: <case>.<batch>."""
    folder = tmp_path_factory.mktemp("metrics")
    arrays, told = {}, []
    for item in request.session.items:
        if getattr(item, "originalname", None) != "test_metric":
            continue
        case = item.callspec.params["case"]
        batches: list[Any] = []
        for number, batch in enumerate(case.batches()):
            names = batch and {role: f"{case.id}.{number}.{role}" for role in batch}
            arrays.update({names[role]: array for role, array in (batch or {}).items()})
            batches.append(names)
        told.append({**vars(case), "make": None, "batches": batches})
    return told_by_keras(folder, told, arrays)


def told_by_keras(folder: Path, cases: list[dict[str, Any]], arrays: Batch) -> dict[str, Any]:
    """What ``keras_side/metrics.py`` finds for these cases."""
    np.savez(folder / "arrays.npz", **arrays)
    job = {"arrays": str(folder / "arrays.npz"), "cases": cases}
    run_keras("metrics.py", {**job, "results": str(folder / "results.npz")}, "tensorflow")
    with np.load(folder / "results.npz") as stored:
        return dict(stored)


def made(call: Call) -> Any:
    """What ``train.py`` would make of it: the call, with the sources that are cut out for it."""
    sources, imports, _ = cut(call.helpers(), TRAINING)
    namespace: dict[str, Any] = {}
    exec("\n\n".join([*sorted(imports), *sources]), namespace)  # noqa: S102
    return eval(call.source(), namespace)  # noqa: S307


@pytest.mark.parametrize("case", list(_cases()))
def test_metric(case: Case, expected: dict[str, Any]) -> None:
    saved = {"class_name": case.class_name, "config": case.config}
    metric = made(call_of("metric", saved, "here", "tensorflow"))
    for number, batch in enumerate(case.batches()):
        if batch is None:
            metric.reset()
            continue
        metric.update(**{role: torch.from_numpy(array) for role, array in batch.items()})
        wanted, found = expected[f"{case.id}.{number}"], metric.compute().numpy()
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_allclose(found, wanted, rtol=PRECISIONS[case.precision], atol=1e-15)
