"""Keras' EinsumDense, where it is no linear map of the last axis."""

import torch
from torch import Tensor, nn


class EinsumDense(nn.Module):
    """``torch.einsum`` of the input and a weight, plus a bias that is broadcast.

    Source: keras/src/layers/core/einsum_dense.py.
    """

    def __init__(
        self, equation: str, shape: tuple[int, ...], bias_shape: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        self.equation = equation
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = None if bias_shape is None else nn.Parameter(torch.zeros(bias_shape))

    def forward(self, x: Tensor) -> Tensor:
        y = torch.einsum(self.equation, x, self.weight)
        return y if self.bias is None else y + self.bias
