"""Keras' losses of distributions and of counts.

Source: keras/src/losses/losses.py.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from keras2torch.training.ranks import same_rank


def kl_divergence(outputs: Tensor, targets: Tensor, epsilon: float = 1e-7) -> Tensor:
    """sum(y log(y / p)) over the last axis, both between ``epsilon`` and 1."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    outputs, targets = outputs.clamp(epsilon, 1), targets.clamp(epsilon, 1)
    return (targets * (targets / outputs).log()).sum(-1)


def poisson(outputs: Tensor, targets: Tensor, epsilon: float = 1e-7) -> Tensor:
    """mean(p - y log(p + epsilon)) over the last axis."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    return F.poisson_nll_loss(
        outputs, targets, log_input=False, eps=epsilon, reduction="none"
    ).mean(-1)
