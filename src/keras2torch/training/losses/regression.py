"""Keras' losses of numbers: one value per sample or position, a mean over the last axis.

Source: keras/src/losses/losses.py.
"""

from __future__ import annotations

from torch import Tensor

from keras2torch.training.losses.shapes import matched


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """mean((y - p)^2)."""
    outputs, targets = matched(outputs, targets)
    return (targets - outputs).square().mean(-1)
