"""Arrays in batches, as Keras' ``fit`` goes through them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


class Batches:
    """Named arrays of as many rows each, a batch of rows at a time; the last one may be smaller.

    With a generator every pass has an order of its own.
    """

    def __init__(
        self, arrays: dict[str, Tensor], size: int, generator: torch.Generator | None = None
    ) -> None:
        self.arrays = arrays
        self.rows = len(next(iter(arrays.values())))
        self.size = size
        self.generator = generator

    def __len__(self) -> int:
        return -(-self.rows // self.size)

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        order = None
        if self.generator is not None:
            order = torch.randperm(self.rows, generator=self.generator)
        for start in range(0, self.rows, self.size):
            rows = slice(start, start + self.size)
            index = rows if order is None else order[rows]
            yield {name: array[index] for name, array in self.arrays.items()}
