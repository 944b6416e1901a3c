"""Keras' losses of numbers: one value per sample or position, a mean over the last axis.

Source: keras/src/losses/losses.py.
"""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from keras2torch.training.ranks import same_rank


def mean_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """mean((y - p)^2)."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    return (targets - outputs).square().mean(-1)


def mean_absolute_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """mean(|y - p|)."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    return (targets - outputs).abs().mean(-1)


def mean_absolute_percentage_error(
    outputs: Tensor, targets: Tensor, epsilon: float = 1e-7
) -> Tensor:
    """100 mean(|y - p| / max(|y|, epsilon))."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    return 100 * ((targets - outputs) / targets.abs().clamp(min=epsilon)).abs().mean(-1)


def mean_squared_logarithmic_error(
    outputs: Tensor, targets: Tensor, epsilon: float = 1e-7
) -> Tensor:
    """mean((log(p + 1) - log(y + 1))^2); numbers below ``epsilon`` count as that."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    outputs, targets = outputs.clamp(min=epsilon), targets.clamp(min=epsilon)
    return ((outputs + 1).log() - (targets + 1).log()).square().mean(-1)


def huber(outputs: Tensor, targets: Tensor, delta: float = 1.0) -> Tensor:
    """Half the squared error up to ``delta``, linear beyond."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    return F.huber_loss(outputs, targets, reduction="none", delta=delta).mean(-1)


def log_cosh(outputs: Tensor, targets: Tensor) -> Tensor:
    """mean(log(cosh(p - y))), for errors of any size."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    error = outputs - targets
    return (error - F.logsigmoid(2 * error) - math.log(2)).mean(-1)


def cosine_similarity(
    outputs: Tensor, targets: Tensor, axis: int = -1, epsilon: float = 1e-7
) -> Tensor:
    """The negative cosine of the angle between outputs and targets: -1 where they agree.

    ``F.cosine_similarity`` has another gradient for outputs shorter than ``epsilon``.
    """
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    outputs = F.normalize(outputs, dim=axis, eps=epsilon)
    return -(outputs * F.normalize(targets, dim=axis, eps=epsilon)).sum(axis)
