"""How the workers of a comparison of trainings talk: one JSON object per line, both ways.

Runs in Keras' process and in PyTorch's, so it knows neither.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
TARGETS = "y"
WEIGHTS = "sample_weight"
CLASS_WEIGHTS = "class_weight"
VALIDATION = "val_"


def tell(**event: Any) -> None:
    """One line on standard output."""
    print(json.dumps(event), flush=True)


def hear() -> dict[str, Any]:
    """One line from standard input; the job is the first."""
    line = sys.stdin.readline()
    if not line:
        sys.exit("the other side has ended")
    told: dict[str, Any] = json.loads(line)
    return told


def load_data(path: str | Path) -> dict[str, Array]:
    """Every array of an ``.npz``."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def keys(first: str, outputs: Sequence[str]) -> list[str]:
    """The names of the arrays for targets or weights, one per output of the model."""
    return [first] if len(outputs) == 1 else [f"{first}_{name}" for name in outputs]


def weighted(data: Mapping[str, Array], prefix: str, outputs: Sequence[str]) -> bool:
    """Whether the data has weights of samples."""
    return any(prefix + key in data for key in keys(WEIGHTS, outputs))
