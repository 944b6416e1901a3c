"""Keras' random noise layers, which PyTorch lacks. They act in training only."""

import torch
from torch import Tensor, nn


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
