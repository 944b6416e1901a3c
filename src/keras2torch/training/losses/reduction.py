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


def mean_loss(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """sum(w l) / n: Keras' "sum_over_batch_size" and "mean".

    The weights don't count in the divisor: PyTorch's losses with ``weight`` divide by their sum.
    """
    return values.mean() if weights is None else weighted(values, weights).mean()


def masked_mean_loss(values: Tensor, mask: Tensor, weights: Tensor | None = None) -> Tensor:
    """The same, n being the number of positions where the mask is true: others don't count."""
    kept = mask.to(values.dtype)
    kept = kept * (kept.numel() / kept.sum().clamp(min=1))
    return mean_loss(values, kept if weights is None else weighted(kept, weights))


def sum_loss(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """sum(w l): Keras' "sum"."""
    return values.sum() if weights is None else weighted(values, weights).sum()


def mean_loss_by_weight(values: Tensor, weights: Tensor | None = None) -> Tensor:
    """sum(w l) / sum(w): Keras' "mean_with_sample_weight". 0 if the weights sum to zero."""
    if weights is None:
        return values.mean()
    total = same_rank(values, weights.to(values.dtype))[1].sum()
    mean = weighted(values, weights).sum() / torch.where(total == 0, 1.0, total)
    return torch.where(total == 0, 0.0, mean)


def masked_weights(mask: Tensor, weights: Tensor | None) -> Tensor:
    """The weights, 0 where the mask is false."""
    return mask if weights is None else weighted(mask.to(weights.dtype), weights)


def weighted(values: Tensor, weights: Tensor) -> Tensor:
    """Each value times the weight that it has, by itself or with its whole sample."""
    values, weights = same_rank(values, weights.to(values.dtype))
    if values.dim() not in (0, weights.dim()):
        # Keras fails, or takes a weight per sample for one per step where there are as many.
        raise ValueError(
            f"weights of shape {tuple(weights.shape)} don't fit losses of shape "
            f"{tuple(values.shape)}: give one for each, or axes of size 1"
        )
    return values * weights
