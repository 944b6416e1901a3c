"""Keras' hinge losses: one value per sample or position.

Source: keras/src/losses/losses.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from keras2torch.training.ranks import same_rank


def hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    """mean(max(1 - y p, 0)) over the last axis."""
    return margins(outputs, targets).mean(-1)


def squared_hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    """mean(max(1 - y p, 0)^2) over the last axis."""
    return margins(outputs, targets).square().mean(-1)


def margins(outputs: Tensor, targets: Tensor) -> Tensor:
    """max(1 - y p, 0). Targets that are all 0 or 1 become -1 and 1; others are such already."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    binary = ((targets == 0) | (targets == 1)).all()
    targets = torch.where(binary, 2 * targets - 1, targets)
    return (1 - targets * outputs).clamp(min=0)


def categorical_hinge(outputs: Tensor, targets: Tensor) -> Tensor:
    """max(1 + the largest output of another class - the one of the target's class, 0)."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    right = (targets * outputs).sum(-1)
    wrong = ((1 - targets) * outputs).amax(-1)
    return (wrong - right + 1).clamp(min=0)
