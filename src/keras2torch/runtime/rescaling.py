"""Keras' Rescaling with numbers per channel."""

from typing import Any

import torch
from torch import Tensor, nn


class Rescaling(nn.Module):
    """``x * scale + offset``; lists hold one number per channel, and are laid out by ``shape``.

    Source: keras/src/layers/preprocessing/rescaling.py.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, scale: Any, offset: Any, *, shape: tuple[int, ...] | None = None) -> None:
        super().__init__()
        for name, numbers in (("scale", scale), ("offset", offset)):
            tensor = torch.tensor(numbers, dtype=torch.get_default_dtype())
            laid_out = tensor.view(shape) if shape and tensor.dim() else tensor
            self.register_buffer(name, laid_out, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset
