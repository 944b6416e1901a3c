"""One stream of random numbers for both sides of a comparison of trainings.

Keras and PyTorch draw other numbers from the same seed. So that a model with dropout can be
compared step by step, both sides take their numbers from here: each is decided by the seed, the
training step, the Keras layer, and how many draws that layer has made in this step. Arrays have
the shape that Keras draws; PyTorch's side lays them out as its tensors lie in memory.

Runs in Keras' processes and in PyTorch's, so it knows neither.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class Draws:
    """Which layers drew what in one pass: the way, and the sizes without the batch's and ones.

    Both sides keep such an account; where they differ, the numbers were not shared. ``own`` are
    layers that drew numbers in a way that can't be shared.
    """

    def __init__(self) -> None:
        self.made: dict[str, list[list[Any]]] = {}
        self.own: set[str] = set()
        self._counts: Counter[str] = Counter()

    def begin(self) -> None:
        """A new pass through the model."""
        self._counts.clear()

    def next(self, layer: str, way: str, shape: Sequence[int | None]) -> int:
        """The number of this draw among the layer's in this pass."""
        number = self._counts[layer]
        self._counts[layer] += 1
        known = self.made.setdefault(layer, [])
        if number == len(known):
            known.append([way, [size for size in shape[1:] if size != 1]])
        return number

    def to_json(self) -> dict[str, Any]:
        return {"made": self.made, "own": sorted(self.own)}


class Stream:
    """The numbers of one training run; ``step`` counts its steps from 0."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.step = 0

    def kept(self, layer: str, number: int, shape: Shape, rate: float) -> Array:
        """A dropout's factors: 0, or 1 / (1 - rate) where an element is kept."""
        kept = self._generator(layer, number).random(shape) >= rate
        return kept / (1.0 - rate)

    def uniform(self, layer: str, number: int, shape: Shape) -> Array:
        """Numbers from 0 to 1."""
        return self._generator(layer, number).random(shape)

    def normal(self, layer: str, number: int, shape: Shape) -> Array:
        """Numbers of mean 0 and standard deviation 1."""
        return self._generator(layer, number).standard_normal(shape)

    def _generator(self, layer: str, number: int) -> np.random.Generator:
        key = zlib.crc32(layer.encode())
        return np.random.default_rng([self.seed, self.step, key, number])


def not_shared(keras: dict[str, Any], torch: dict[str, Any]) -> list[str]:
    """The layers whose numbers differ on the two sides, from both accounts, each with why."""
    reasons = dict.fromkeys(keras["own"], "draws in a way that can't be shared")
    for layer in sorted({*keras["made"], *torch["made"]}):
        ours, theirs = torch["made"].get(layer), keras["made"].get(layer)
        if not _alike(ours or [], theirs or []):
            said = f"Keras draws {theirs or 'nothing'}, PyTorch {ours or 'nothing'}"
            reasons.setdefault(layer, said)
    for layer in torch["own"]:
        reasons.setdefault(layer, "draws in a way that can't be shared")
    return [f"{layer}: {reason}" for layer, reason in sorted(reasons.items())]


def _alike(ours: list[list[Any]], theirs: list[list[Any]]) -> bool:
    """Whether two accounts of a layer tell the same; sizes may be unknown to Keras' graph."""
    if [way for way, _ in ours] != [way for way, _ in theirs]:
        return False
    return all(
        len(a) == len(b) and all(size in (None, known) for known, size in zip(a, b, strict=True))
        for (_, a), (_, b) in zip(ours, theirs, strict=True)
    )
