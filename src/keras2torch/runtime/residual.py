"""What the blocks of keras.applications have on their residual branches."""

import torch
from torch import Tensor, nn


class LayerScale(nn.Module):
    """Every channel times a learned number.

    Source: keras/src/applications/convnext.py.
    """

    def __init__(self, channels: int, start: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), start))

    def forward(self, x: Tensor) -> Tensor:
        """x: (..., channels)"""
        return x * self.weight


class StochasticDepth(nn.Module):
    """Zeroes whole samples with this probability while training, and makes up for it.

    Source: keras/src/applications/convnext.py.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """x: (batch, ...)"""
        if not self.training:
            return x
        shape = (len(x), *[1] * (x.dim() - 1))
        keep = torch.floor(1 - self.rate + torch.rand(shape, dtype=x.dtype, device=x.device))
        return x / (1 - self.rate) * keep
