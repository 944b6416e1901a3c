"""Keras' RMSNormalization of axes that ``nn.RMSNorm`` doesn't normalize."""

import torch
from torch import Tensor, nn


class AnyRMSNorm(nn.Module):
    """Divides by the root mean square over ``dims``; the weight runs along the last dimensions.

    Source: rms_normalization in keras/src/ops/nn.py.
    """

    def __init__(self, shape: tuple[int, ...], *, dims: tuple[int, ...], eps: float) -> None:
        super().__init__()
        self.dims, self.eps = dims, eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        mean = x.square().mean(self.dims, keepdim=True)
        return x * torch.rsqrt(mean + self.eps) * self.weight
