"""Arrays in batches, as Keras' ``fit`` goes through them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class Batches:
    """Named arrays of as many rows each, a batch of rows at a time; the last one may be smaller.

    With a generator every pass has an order of its own.
    """

    arrays: dict[str, Tensor]
    size: int
    generator: torch.Generator | None = None

    @property
    def rows(self) -> int:
        return len(next(iter(self.arrays.values())))

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = torch.arange(self.rows)
        if self.generator is not None:
            order = torch.randperm(self.rows, generator=self.generator)
        for start in range(0, self.rows, self.size):
            rows = order[start : start + self.size]
            yield {name: array[rows] for name, array in self.arrays.items()}
