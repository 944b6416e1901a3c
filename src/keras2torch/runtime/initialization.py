"""Keras' random starts that ``nn.init`` has not."""

from math import prod

import torch
from torch import Tensor, nn


def scaled_normal_(weight: Tensor, *, scale: float, mode: str) -> Tensor:
    """Draw from a normal distribution cut at two deviations, of variance ``scale / fan``.

    ``mode`` is fan_in, fan_out or fan_avg, counted as ``nn.init`` does.
    Source: keras/src/initializers/random_initializers.py, VarianceScaling.
    """
    fan_in, fan_out = weight[0].numel(), weight.shape[0] * weight[0, 0].numel()
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    # What is cut off narrows the distribution by this factor.
    std = (scale / max(1.0, fan)) ** 0.5 / 0.87962566103423978
    return nn.init.trunc_normal_(weight, 0.0, std, -2 * std, 2 * std)


def keras_orthogonal_(
    weight: Tensor, shape: tuple[int, ...], axes: tuple[int, ...], gain: float = 1.0
) -> Tensor:
    """An orthogonal matrix of Keras' variable: all axes of its ``shape`` but the last are one.

    ``axes`` is the order in which they lie in ``weight``.
    Source: keras/src/initializers/random_initializers.py, Orthogonal.
    """
    matrix = nn.init.orthogonal_(weight.new_empty(prod(shape[:-1]), shape[-1]), gain)
    with torch.no_grad():
        return weight.copy_(matrix.reshape(shape).permute(axes).reshape(weight.shape))
