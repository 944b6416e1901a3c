"""From values per sample or position to the number that is trained on: Keras' reductions.

``values`` are what a loss returns, ``weights`` the sample weights and ``mask`` what the model's
output carries (or a loss makes). Values of (batch, steps) take weights of (batch, steps) or
(batch, 1); an axis of size 1 at the end may be there or not.

Source: reduce_weighted_values in keras/src/losses/loss.py.
"""

from __future__ import annotations

import torch
from torch import Tensor

from keras2torch.training.ranks import same_rank


def mean_loss(values: Tensor, weights: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """sum(w l) / n: Keras' "sum_over_batch_size" and "mean".

    The weights don't count in the divisor: PyTorch's losses with ``weight`` divide by their sum.
    With a mask n is the number of positions that it leaves.
    """
    if mask is not None:
        kept = mask.to(values.dtype)
        mask = kept * (kept.numel() / kept.sum().clamp(min=1))
    return weighted_values(values, weights, mask)[0].mean()


def sum_loss(values: Tensor, weights: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
    """sum(w l): Keras' "sum"."""
    return weighted_values(values, weights, mask)[0].sum()


def mean_loss_by_weight(
    values: Tensor, weights: Tensor | None = None, mask: Tensor | None = None
) -> Tensor:
    """sum(w l) / sum(w): Keras' "mean_with_sample_weight". 0 if the weights sum to zero."""
    values, factors = weighted_values(values, weights, mask)
    if factors is None:
        return values.mean()
    total = factors.sum()
    return torch.where(total == 0, 0.0, values.sum() / torch.where(total == 0, 1.0, total))


def weighted_values(
    values: Tensor, weights: Tensor | None = None, mask: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """w l for each value, and the weights that were used: mask and sample weights, multiplied."""
    factors = None if mask is None else mask.to(values.dtype)
    if weights is not None:
        weights = weights.to(values.dtype)
        if factors is None:
            factors = weights
        else:
            factors, weights = aligned(factors, weights)
            factors = factors * weights
    if factors is None:
        return values, None
    values, factors = aligned(values, factors)
    return values * factors, factors


def aligned(values: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Values and weights that can be multiplied, each weight with the values it is for."""
    values, weights = same_rank(values, weights)
    if values.dim() not in (0, weights.dim()):
        # Keras fails, or takes a weight per sample for one per step where there are as many.
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} don't fit losses of shape "
            f"{tuple(values.shape)}: give one for each, or axes of size 1"
        )
    return values, weights
