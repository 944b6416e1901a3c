"""The variants of Keras' GroupNormalization that ``nn.GroupNorm`` doesn't have."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class PartialGroupNorm(nn.Module):
    """Group normalization with a weight and no bias, or with a bias and no weight."""

    def __init__(self, groups: int, channels: int, *, eps: float, weight: bool, bias: bool) -> None:
        super().__init__()
        self.groups, self.eps = groups, eps
        self.weight = nn.Parameter(torch.ones(channels)) if weight else None
        self.bias = nn.Parameter(torch.zeros(channels)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        # torch 2.14 fails in the gradient of F.group_norm with one of the two.
        y = F.group_norm(x, self.groups, eps=self.eps)
        shape = (-1, *[1] * (x.dim() - 2))
        if self.weight is not None:
            y = y * self.weight.view(shape)
        return y if self.bias is None else y + self.bias.view(shape)
