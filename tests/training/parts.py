"""What the tests of a training run's parts ask of Keras, in one process for all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from callback_cases import cases
from conftest import example_ids, made_once, run_keras, spec_of
from initial_cases import FAST_STARTS, initial_case, slow_starts

from keras2torch.recipes.table import all_recipes
from keras2torch.registry import all_layers

SCHEDULES: dict[str, Any] = {
    "examples": [(e.names[0], config) for e in all_recipes("schedule") for config in e.examples],
    "steps": 1000,
    "xla": False,
}
AVERAGING: dict[str, Any] = {
    "cases": [
        {},
        {"ema_momentum": 0.9, "ema_overwrite_frequency": 3},
        {"ema_momentum": 0.5, "ema_overwrite_frequency": 2, "gradient_accumulation_steps": 2},
    ],
    "start": [[1.0, -2.0, 0.3], [0.25, 0.5, 4.0]],
    "gradients": np.random.default_rng(3).standard_normal((12, 2, 3)).tolist(),
}
# Arrays whose norms lie on both sides of what constraints say.
SHAPES = {"matrix": (3, 4), "kernel": (2, 3, 4, 2)}
OF_ARRAYS = [
    (kind, entry.names[0], config, array)
    for kind in ("regularizer", "constraint")
    for entry in all_recipes(kind)
    for config in entry.examples
    for array in SHAPES
    if array == "matrix" or entry.names[0] != "OrthogonalRegularizer"
]
# One of each kind of variable, and of each way in which it becomes PyTorch's.
FAST = ("Dense-0", "Conv2D-0", "GRU-0", "Bidirectional-0", "SeparableConv2D-0")
FAST_ACTIVITY = ("Dense-0", "GRU-0", "Bidirectional-0")


def arrays() -> dict[str, np.ndarray]:
    """The arrays by name."""
    rng = np.random.default_rng(5)
    return {name: rng.standard_normal(shape) * 0.5 for name, shape in SHAPES.items()}


# Strings and whole numbers come out of these, or other numbers than went in by chance.
WITHOUT_COST = (
    "Discretization HashedCrossing Hashing IndexLookup IntegerLookup StringLookup Normalization "
    "TextVectorization MaxNumBoundingBoxes Pipeline ContrastLimitedAdaptiveHistogramEqualization "
    "Solarization"
).split()


def layer_specs(fast: bool, activity: bool = False) -> list[dict[str, object]]:
    """Examples of layers: some, or the first of all others."""
    first = FAST_ACTIVITY if activity else FAST
    return [
        spec_of(identity, layer, example)
        for identity, layer, example in example_ids()
        if (identity in first if fast else identity.endswith("-0") and identity not in first)
        and layer not in WITHOUT_COST
        and all_layers()[layer].training == "exact"
    ]


def layers_job(folder: Path, fast: bool, activity: bool) -> dict[str, Any]:
    told = "activity" if activity else "weights"
    (folder / told).mkdir()
    return {
        "folder": str(folder / told),
        "layers": layer_specs(fast, activity),
        "activity": activity,
        "told": "told.json",
    }


def in_keras(factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras made of everything that ``make test`` asks."""

    def make(folder: Path) -> None:
        np.savez(folder / "arrays.npz", **arrays())
        job = {
            "schedules": {**SCHEDULES, "told": str(folder / "schedules.npz")},
            "weight_options_of_arrays": {
                "examples": OF_ARRAYS,
                "arrays": str(folder / "arrays.npz"),
                "told": str(folder / "of_arrays.npz"),
            },
            "weight_options_of_layers": layers_job(folder, True, False),
            "activity_of_layers": layers_job(folder, True, True),
            "averaging": {**AVERAGING, "told": str(folder / "averaging.npz")},
            "callbacks": {**cases(range(8)), "folder": str(folder / "callbacks")},
            "shared": {"folder": str(folder)},
            "initial_weights": {
                "cases": [initial_case(*pair) for pair in FAST_STARTS],
                "folder": str(folder / "initial"),
            },
            "swapping": {"epochs": 3, "told": str(folder / "swapping.json")},
        }
        run_keras("training_parts.py", job, "tensorflow")

    return made_once(factory, "training_parts", make)


def many_callbacks_in_keras(factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras' callbacks did in hundreds of trainings."""

    def make(folder: Path) -> None:
        job = {"callbacks": {**cases(range(300)), "folder": str(folder / "callbacks")}}
        run_keras("training_parts.py", job, "tensorflow")

    return made_once(factory, "training_parts_of_many_callbacks", make)


def all_starts_in_keras(factory: pytest.TempPathFactory) -> Path:
    """The folder with the initial weights that only ``make test-all`` asks for."""

    def make(folder: Path) -> None:
        wanted = [initial_case(*pair) for pair in slow_starts()]
        job = {"initial_weights": {"cases": wanted, "folder": str(folder / "initial")}}
        run_keras("training_parts.py", job, "tensorflow")

    return made_once(factory, "training_parts_of_all_starts", make)


def all_layers_in_keras(factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras made of the layers that only ``make test-all`` asks for."""

    def make(folder: Path) -> None:
        job = {
            "weight_options_of_layers": layers_job(folder, False, False),
            "activity_of_layers": layers_job(folder, False, True),
        }
        run_keras("training_parts.py", job, "tensorflow")

    return made_once(factory, "training_parts_of_all_layers", make)
