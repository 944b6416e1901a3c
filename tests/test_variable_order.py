"""The order of Keras' trainable variables, by which the optimizer's state is numbered.

Keras fills each trainable variable with its own number and saves the model; the porter must find
0, 1, 2, … in its own order.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import example_ids, examples_as_jobs, made_once, run_keras

from keras2torch.emit.module import write_module
from keras2torch.ir.build import graph_of
from keras2torch.ir.keras2 import described
from keras2torch.ir.lower import program_of
from keras2torch.ir.variables import trainable_variables, variable_order
from keras2torch.readers import read


@pytest.fixture(scope="module")
def all_numbered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every example, on the backend that can make each."""

    def make(folder: Path) -> None:
        job = {"folder": str(folder), "examples": examples_as_jobs(example_ids()), "names": ()}
        run_keras("variable_orders.py", job, "tensorflow")

    return made_once(tmp_path_factory, "orders_all", make)


def _numbers(path: Path) -> list[list[float]]:
    """What the trainable variables hold, in the porter's order."""
    with read(path) as saved:
        program = program_of(graph_of(described(saved), saved.weights))
        order = variable_order(program.model)
        variables = trainable_variables(order, write_module(program).weights)
        return [
            sorted({float(x) for w in v.parameters.values() for x in np.unique(w.array())})
            for v in variables
        ]


def _check(folder: Path) -> int:
    """Compare every file of the folder; returns how many there were."""
    assert json.loads((folder / "problems.json").read_text()) == {}
    counts = json.loads((folder / "counts.json").read_text())
    files = [file for name in counts for file in sorted(folder.glob(f"{name}.*"))]
    for file in files:
        count = counts[file.stem]
        assert _numbers(file) == [[float(number)] for number in range(count)], file.name
    return len(files)


def test_order_of_models_and_composite_layers(trajectories: Path) -> None:
    assert _check(trajectories / "orders") == 15


@pytest.mark.slow
def test_order_of_every_example(all_numbered: Path) -> None:
    assert _check(all_numbered) > 250
