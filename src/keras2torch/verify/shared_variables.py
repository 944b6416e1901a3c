"""Keras' variables in memory that both sides of a comparison see, as they are after each step.

A file of a few slots, mapped by Keras' process and by PyTorch's: Keras fills one slot while the
other side reads another. Runs in both, so it knows neither framework.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
SLOTS = 2
ALIGNED = 64


@dataclass(frozen=True)
class Place:
    """Where a variable stands in a slot: it is number ``index`` of what Keras saves at ``path``."""

    path: str
    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    offset: int

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * np.dtype(self.dtype).itemsize


class SharedVariables:
    """The slots; ``create`` makes the file, ``attached`` maps one that is there."""

    def __init__(self, path: Path, places: Sequence[Place], mode: Any) -> None:
        self.places = list(places)
        size = max((p.offset + p.nbytes for p in places), default=0)
        size = -(-max(size, 1) // ALIGNED) * ALIGNED
        self._memory = np.memmap(path, np.uint8, mode, shape=(SLOTS, size))

    @classmethod
    def create(cls, path: Path, wanted: Iterable[tuple[str, int, str, Array]]) -> SharedVariables:
        """A file for variables told as (path, index, name, an array like it)."""
        places, offset = [], 0
        for saved_at, index, name, array in wanted:
            place = Place(saved_at, index, name, array.shape, str(array.dtype), offset)
            places.append(place)
            offset += -(-place.nbytes // ALIGNED) * ALIGNED
        return cls(path, places, "w+")

    @classmethod
    def attached(cls, path: Path, told: Sequence[Mapping[str, Any]]) -> SharedVariables:
        """The file that another process has made and told of."""
        places = [Place(**{**entry, "shape": tuple(entry["shape"])}) for entry in told]
        return cls(path, places, "r")

    def told(self) -> list[dict[str, Any]]:
        """What the other process must know, as plain data."""
        return [asdict(place) for place in self.places]

    def array(self, place: Place, slot: int) -> Array:
        """A view on a variable in a slot."""
        part = self._memory[slot, place.offset : place.offset + place.nbytes]
        return part.view(place.dtype).reshape(place.shape)
