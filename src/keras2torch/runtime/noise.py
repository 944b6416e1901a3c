"""Keras' random noise layers, which PyTorch lacks. They act in training only."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class GaussianNoise(nn.Module):
    """Adds normal noise of this standard deviation while training.

    Source: keras/src/layers/regularization/gaussian_noise.py.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x


class GaussianDropout(nn.Module):
    """Multiplies by normal noise of mean 1 and variance rate / (1 - rate) while training.

    Source: keras/src/layers/regularization/gaussian_dropout.py.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.std = (rate / (1 - rate)) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.std * torch.randn_like(x)) if self.training else x


class SharedDropout(nn.Module):
    """Dropout that drops all elements along some dimensions together, as Keras' ``noise_shape``.

    Source: keras/src/layers/regularization/dropout.py.
    """

    def __init__(self, rate: float, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.rate = rate
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        shape = [1 if dim in self.dims else size for dim, size in enumerate(x.shape)]
        return x * F.dropout(x.new_ones(shape), self.rate) if self.training else x


class SharedAlphaDropout(nn.Module):
    """``nn.AlphaDropout`` that drops all elements along some dimensions together.

    Source: keras/src/layers/regularization/alpha_dropout.py.
    """

    def __init__(self, rate: float, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.rate = rate
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        shape = [1 if dim in self.dims else size for dim, size in enumerate(x.shape)]
        kept = torch.rand(shape, dtype=x.dtype, device=x.device) >= self.rate
        lowest = -1.7580993408473766  # SELU's limit
        variance = (1 - self.rate) * (1 + self.rate * lowest**2)
        return (torch.where(kept, x, lowest) - lowest * self.rate) / math.sqrt(variance)
