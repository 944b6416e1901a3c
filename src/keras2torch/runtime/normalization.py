"""Keras' Normalization by statistics that were found before."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Normalization(nn.Module):
    """Subtracts a mean and divides by a standard deviation, or does the opposite.

    ``shape`` is that of the statistics, which are broadcast over the input.
    Source: keras/src/layers/preprocessing/normalization.py.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, *shape: int, invert: bool = False) -> None:
        super().__init__()
        self.invert = invert
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        mean, variance = self.mean.to(x.dtype), self.variance.to(x.dtype)
        deviation = variance.sqrt().clamp(min=1e-7)
        return mean + x * deviation if self.invert else (x - mean) / deviation
