"""The variants of Keras' LayerNormalization that ``nn.LayerNorm`` doesn't have."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class ShiftedLayerNorm(nn.Module):
    """Layer normalization of the last dimensions, with a bias and without a weight."""

    def __init__(self, shape: tuple[int, ...], *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.bias = nn.Parameter(torch.zeros(shape))

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.bias.shape, None, self.bias, self.eps)


class VarianceNorm(nn.Module):
    """Keras' ``rms_scaling``: the last dimensions by their deviation, not centered."""

    def __init__(self, shape: tuple[int, ...], *, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(shape))

    def forward(self, x: Tensor) -> Tensor:
        dims = list(range(-self.weight.dim(), 0))
        var = x.var(dims, correction=0, keepdim=True)
        return x * torch.rsqrt(var + self.eps) * self.weight
