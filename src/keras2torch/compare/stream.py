"""What the two training processes tell the comparison, and the batches they share.

Runs in Keras' process and in PyTorch's, so it knows neither.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
TARGETS = "y"
VALIDATION = "val_"


def load_data(path: str | Path) -> dict[str, Array]:
    """Every array of an ``.npz``."""
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def batches(
    data: Mapping[str, Array], names: Sequence[str], epoch: int, size: int, seed: int
) -> Iterator[tuple[list[Array], Array]]:
    """One epoch's batches in an order that epoch and seed decide; the last may be smaller."""
    count = len(data[TARGETS])
    order = np.random.default_rng([seed, epoch]).permutation(count)
    for start in range(0, count, size):
        rows = order[start : start + size]
        yield [data[name][rows] for name in names], data[TARGETS][rows]


def tell(**event: Any) -> None:
    """One line of JSON on standard output."""
    print(json.dumps(event), flush=True)
