"""Sums and means in which samples or positions have weights.

Source: keras/src/metrics/reduction_metrics.py.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from keras2torch.training.metrics.mean import MeanMetric, RunningMean
from keras2torch.training.metrics.metric import at_least_float32
from keras2torch.training.ranks import same_rank


class Sum:
    """The weighted sum of values."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all values."""
        self.total = torch.zeros(())

    @torch.no_grad()
    def update(self, values: Tensor, weights: Tensor | float | None = None) -> None:
        """Add values (batch, ...), with a weight per sample, or per sample and position."""
        values, _ = per_sample(at_least_float32(values), weights, torch.sum)
        self.total = self.total + values.sum()

    def compute(self) -> Tensor:
        """The sum so far."""
        return self.total


class Mean(RunningMean):
    """The weighted mean of values: of all samples since the last reset, not of the batches.

    A batch's mean with the number of its samples as weight adds the batch's samples.
    """

    @torch.no_grad()
    def update(self, values: Tensor, weights: Tensor | float | None = None) -> None:
        """Add values (batch, ...), with a weight per sample, or per sample and position."""
        values, weights = per_sample(at_least_float32(values), weights, torch.mean)
        self.add(values.sum(), values.numel() if weights is None else weights.sum())


class WeightedMeanMetric(MeanMetric):
    """The weighted mean of what a function (outputs, targets, **options) gives."""

    @torch.no_grad()
    def update(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None:
        """Take in a batch, with a weight per sample, or per sample and position.

        ``mask`` (batch, ...) is true where a position counts.
        """
        values = at_least_float32(self.function(outputs, targets, **self.options))
        values, shares = per_sample(values, masked(weights, mask), torch.mean)
        self.add(values.sum(), values.numel() if shares is None else shares.sum())


def per_sample(
    values: Tensor,
    weights: Tensor | float | None,
    reduce: Callable[[Tensor, int], Tensor],
) -> tuple[Tensor, Tensor | None]:
    """One weighted value and one weight per sample, of values (batch, ...).

    Values are reduced to the rank of the weights, weighted, and reduced to one per sample.
    Source: reduce_to_samplewise_values in keras/src/metrics/reduction_metrics.py.
    """
    if weights is None:
        return over_axes(values, 1, reduce), None
    weights = torch.as_tensor(weights, dtype=values.dtype, device=values.device)
    values, weights = same_rank(values, weights)
    values = over_axes(values, weights.dim(), reduce)
    weights = weights.expand_as(values)
    return over_axes(values * weights, 1, reduce), over_axes(weights, 1, reduce)


def over_axes(values: Tensor, first: int, reduce: Callable[[Tensor, int], Tensor]) -> Tensor:
    """The values with all axes from ``first`` on reduced, as by ``torch.mean``."""
    return reduce(values.flatten(first), first) if values.dim() > first else values


def masked(weights: Tensor | None, mask: Tensor | None) -> Tensor | None:
    """The weights, 0 where the mask is false.

    Source: apply_mask in keras/src/losses/loss.py.
    """
    if mask is None:
        return weights
    if weights is None:
        return mask.float()
    mask, weights = same_rank(mask.to(weights.dtype), weights)
    return weights * mask
