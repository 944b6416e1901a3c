"""Keras' layers in float8: inputs and weights are rounded to it as they are used.

The scales stay as they were saved; Keras adjusts them in training to the magnitudes it sees, and
rounds the gradients of the outputs too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


def to_float8(x: Tensor, scale: Tensor) -> Tensor:
    """Round to the values that float8_e4m3fn has, times ``scale``; the gradient passes.

    Source: keras/src/quantizers/quantizers.py, ``quantize_and_dequantize``.
    """
    scale = scale.to(x.dtype)
    largest = torch.finfo(torch.float8_e4m3fn).max
    rounded = (x / scale).clamp(-largest, largest).to(torch.float8_e4m3fn).to(x.dtype) * scale
    return x + (rounded - x).detach()


class Float8Linear(nn.Linear):
    """``nn.Linear`` on inputs and a weight in float8; its bias is rounded to bfloat16.

    Source: keras/src/layers/core/dense.py.
    """

    inputs_scale: Tensor
    weight_scale: Tensor

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.register_buffer("inputs_scale", torch.ones(()))
        self.register_buffer("weight_scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        weight = to_float8(self.weight.to(x.dtype), self.weight_scale)
        y = F.linear(to_float8(x, self.inputs_scale), weight)
        return y if self.bias is None else y + self.bias.to(torch.bfloat16).to(x.dtype)


class Float8Einsum(nn.Module):
    """``torch.einsum`` of inputs and a weight in float8; its bias is rounded to bfloat16.

    Source: keras/src/layers/core/einsum_dense.py.
    """

    inputs_scale: Tensor
    weight_scale: Tensor

    def __init__(
        self, equation: str, shape: tuple[int, ...], bias: tuple[int, ...] | None = None
    ) -> None:
        super().__init__()
        self.equation = equation
        self.weight = nn.Parameter(torch.zeros(shape))
        self.bias = None if bias is None else nn.Parameter(torch.zeros(bias))
        self.register_buffer("inputs_scale", torch.ones(()))
        self.register_buffer("weight_scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        weight = to_float8(self.weight.to(x.dtype), self.weight_scale)
        y = torch.einsum(self.equation, to_float8(x, self.inputs_scale), weight)
        return y if self.bias is None else y + self.bias.to(torch.bfloat16).to(x.dtype)
