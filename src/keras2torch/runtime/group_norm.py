"""The variants of Keras' GroupNormalization that ``nn.GroupNorm`` doesn't have."""

import torch
from torch import Tensor, nn


class AnyGroupNorm(nn.Module):
    """Group normalization with a weight, a bias, both or none, of groups of one value too.

    ``nn.GroupNorm`` has both or none, and refuses a single value.
    """

    def __init__(self, groups: int, channels: int, *, eps: float, weight: bool, bias: bool) -> None:
        super().__init__()
        self.groups, self.eps = groups, eps
        self.weight = nn.Parameter(torch.ones(channels)) if weight else None
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """x: (batch, channels, ...); in the order of operations of Keras' own, which shows where
        values are large."""
        groups = x.reshape(len(x), self.groups, x.shape[1] // self.groups, -1)
        var, mean = torch.var_mean(groups, (2, 3), correction=0, keepdim=True)
        scale = torch.rsqrt(var + self.eps)
        if self.weight is not None:
            scale = scale * self.weight.view(self.groups, -1, 1)
        shift = -mean * scale
        if self.bias is not None:
            shift = shift + self.bias.view(self.groups, -1, 1)
        return (groups * scale + shift).reshape(x.shape)
