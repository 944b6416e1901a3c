"""Every optimizer against Keras' on streams of gradients: weights and state, in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import made_once, run_keras
from optimizer_streams import STEPS, Case, told, train, write_streams

from keras2torch.recipes.table import all_recipes

EXACT = 1e-12  # of one step
DRIFT = 1e-9  # after fifty


def _cases() -> list[Case]:
    found = []
    for entry in all_recipes("optimizer"):
        for number, example in enumerate(entry.examples):
            stream = "unique" if example.get("centered") else "repeated"
            found.append(Case(f"{entry.names[0]}-{number}", entry.names[0], dict(example), stream))
    return found


CASES = _cases()
FIRST = [case for case in CASES if case.id.endswith("-0")]
FEW = 10


@pytest.fixture(scope="session")
def beginnings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras makes of the first example of every optimizer in a few steps."""
    return _made(tmp_path_factory, FIRST, FEW, "tensorflow", "float64")


@pytest.fixture(scope="session")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras makes of all cases."""
    return _made(tmp_path_factory, CASES, STEPS, "tensorflow", "float64")


def _made(
    factory: pytest.TempPathFactory, cases: list[Case], steps: int, backend: str, dtype: str
) -> Path:
    def make(folder: Path) -> None:
        write_streams(folder)
        jobs = [case.job(steps) for case in cases]
        run_keras("optimizers.py", {"folder": str(folder), "dtype": dtype, "cases": jobs}, backend)

    return made_once(factory, f"optimizers-{steps}-{backend}-{dtype}", make)


@pytest.mark.parametrize("case", FIRST, ids=lambda case: case.id)
def test_first_steps_are_kerass(case: Case, beginnings: Path) -> None:
    _compare(case, beginnings, "tensorflow", "float64", FEW)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_fifty_steps_are_kerass(case: Case, streams: Path) -> None:
    _compare(case, streams, "tensorflow", "float64", STEPS)


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
