"""The averages of gradients and of their squares, which Adam and its relatives keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import add_square_
from keras2torch.training.optimizers.update_rule import power_in


def moments_(
    state: dict[str, Any], param: Tensor, grad: Tensor, betas: tuple[float, float]
) -> tuple[Tensor, Tensor]:
    """Both with this gradient taken in: m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v)."""
    if not state:
        state["exp_avg"] = torch.zeros_like(param)
        state["exp_avg_sq"] = torch.zeros_like(param)
    mean, square = state["exp_avg"], state["exp_avg_sq"]
    mean.mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    add_square_(square.mul_(betas[1]), grad, 1 - betas[1])
    return mean, square


def adam_rate(lr: float, betas: Sequence[float], t: int, dtype: torch.dtype) -> float:
    """lr sqrt(1 - b2^t) / (1 - b1^t): as both averages start at 0, they are too small at first."""
    correction1, correction2 = (1 - power_in(dtype, beta, t) for beta in betas)
    return float(lr * correction2**0.5 / correction1)
