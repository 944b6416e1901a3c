"""Keras' quantized layers: weights kept as whole numbers with scales.

Sources: keras/src/quantizers/quantizers.py, keras/src/layers/core/dense.py, einsum_dense.py,
embedding.py and reversible_embedding.py.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class ScaledNumbers(nn.Module):
    """The tensor ``numbers / scale``: its numbers are int8, its scales are broadcast."""

    numbers: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...], scale_shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.zeros(shape, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(scale_shape))

    def forward(self, dtype: torch.dtype) -> Tensor:
        return self.numbers.to(dtype) / self.scale.to(dtype)

    def rows(self, index: Tensor) -> Tensor:
        """Rows of a matrix that has one scale per row."""
        return self.numbers[index] / self.scale[index]


class GroupedNumbers(nn.Module):
    """A matrix of int8 numbers whose columns are in groups: ``(numbers - zero) * scale``, with a
    zero and a scale for each row and group; ``divided`` by one number for each column."""

    numbers: Tensor
    scale: Tensor
    zero: Tensor
    group: Tensor
    divisor: Tensor | None

    def __init__(self, rows: int, columns: int, groups: int, divided: bool = False) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.zeros(rows, columns, dtype=torch.int8))
        self.register_buffer("scale", torch.ones(rows, groups))
        self.register_buffer("zero", torch.zeros(rows, groups))
        self.register_buffer("group", torch.zeros(columns, dtype=torch.int64))
        self.register_buffer("divisor", torch.ones(columns) if divided else None)

    def forward(self, dtype: torch.dtype) -> Tensor:
        zero, scale = self.zero.to(dtype), self.scale.to(dtype)
        matrix = (self.numbers - zero[:, self.group]) * scale[:, self.group]
        return matrix if self.divisor is None else matrix / self.divisor.to(dtype)

    def rows(self, index: Tensor) -> Tensor:
        """Rows of the matrix."""
        zero, scale = self.zero[index], self.scale[index]
        return (self.numbers[index] - zero[..., self.group]) * scale[..., self.group]


def rounded_to_int8(x: Tensor, dim: int | tuple[int, ...] = -1, eps: float = 1e-7) -> Tensor:
    """Round to 255 values, evenly from minus to plus the largest magnitude along ``dim``.

    The gradient passes as if nothing were rounded.
    """
    scale = 127 / (x.abs().amax(dim, keepdim=True) + eps)
    rounded = (x * scale).round().clamp(-127, 127) / scale
    return x + (rounded - x).detach()


class QuantizedLinear(nn.Module):
    """``nn.Linear`` with a weight of whole numbers, (out, in); its inputs may be rounded too."""

    def __init__(self, weight: nn.Module, bias: int = 0, round_inputs: bool = False) -> None:
        super().__init__()
        self.weight = weight
        self.bias = nn.Parameter(torch.zeros(bias)) if bias else None
        self.round_inputs = round_inputs

    def forward(self, x: Tensor) -> Tensor:
        if self.round_inputs:
            x = rounded_to_int8(x)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.weight(x.dtype), bias)


class QuantizedEinsum(nn.Module):
    """``torch.einsum`` with a weight of whole numbers; its inputs may be rounded too.

    A weight that is stored as a matrix, (columns, rows), has its own ``shape``. Inputs are rounded
    along ``round_dims``.
    """

    def __init__(
        self,
        equation: str,
        weight: nn.Module,
        shape: tuple[int, ...] | None = None,
        bias: tuple[int, ...] | None = None,
        round_dims: tuple[int, ...] | None = None,
    ) -> None:
        super().__init__()
        self.equation = equation
        self.weight = weight
        self.shape = shape
        self.bias = None if bias is None else nn.Parameter(torch.zeros(bias))
        self.round_dims = round_dims

    def forward(self, x: Tensor) -> Tensor:
        if self.round_dims is not None:
            x = rounded_to_int8(x, self.round_dims)
        weight = self.weight(x.dtype)
        if self.shape is not None:
            weight = weight.T.reshape(self.shape)
        y = torch.einsum(self.equation, x, weight)
        return y if self.bias is None else y + self.bias.to(x.dtype)


class QuantizedEmbedding(nn.Module):
    """``nn.Embedding`` with a table of whole numbers."""

    def __init__(self, weight: ScaledNumbers | GroupedNumbers) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, tokens: Tensor) -> Tensor:
        return self.weight.rows(tokens)
