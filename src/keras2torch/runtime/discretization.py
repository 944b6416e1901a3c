"""Keras' Discretization."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Discretization(nn.Module):
    """The number of the bin that each value lies in; a boundary belongs to the bin above it.

    TensorFlow keeps the boundaries in float32.
    x: (batch, ...) -> (batch, ...), int64.
    Source: keras/src/layers/preprocessing/discretization.py.
    """

    boundaries: Tensor

    def __init__(self, boundaries: list[float]) -> None:
        super().__init__()
        rounded = torch.tensor(boundaries, dtype=torch.float32)
        self.register_buffer("boundaries", rounded, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        x = x if x.is_floating_point() else x.float()
        return torch.bucketize(x, self.boundaries.to(x.dtype), right=True)
