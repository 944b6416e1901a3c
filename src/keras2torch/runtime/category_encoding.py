"""Keras' encodings of category numbers, which leave out numbers that are out of range."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def one_hot(ids: Tensor, depth: int) -> Tensor:
    """A one at the place of each id; none where the id is out of range.

    ids: (...), whole numbers -> (..., depth), booleans.
    """
    return ids.unsqueeze(-1) == torch.arange(depth, device=ids.device)


def count_ids(ids: Tensor, depth: int, weights: Tensor | None = None) -> Tensor:
    """How often each id from 0 to depth - 1 comes in the last axis, or the sum of its weights.

    ids: (..., n), whole numbers -> (..., depth), int64 or the weights' dtype.
    """
    inside = (ids >= 0) & (ids < depth)
    if weights is None:
        weights = torch.ones_like(ids, dtype=torch.long)
    counts = weights.new_zeros((*ids.shape[:-1], depth))
    return counts.scatter_add(-1, ids.clamp(0, depth - 1).long(), weights * inside)


class InverseFrequency(nn.Module):
    """Weighs the counts of words by how rare they are: the last step of tf-idf."""

    weight: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.ones(size))

    def forward(self, counts: Tensor) -> Tensor:
        return counts * self.weight
