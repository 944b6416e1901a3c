"""Means over all samples, and the metrics that are the mean of a value per sample."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.metrics.metric import at_least_float32


class RunningMean:
    """The mean of all numbers since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all numbers."""
        self.total = torch.zeros(())
        self.count = torch.zeros(())

    def add(self, total: Tensor, count: Tensor | float) -> None:
        """Take in so many numbers by their sum."""
        self.total = self.total + total
        self.count = self.count + count

    def compute(self) -> Tensor:
        """The mean so far; 0 of nothing."""
        return self.total / self.count if self.count else torch.zeros_like(self.total)


class MeanMetric(RunningMean):
    """The mean over all samples of what a function (outputs, targets, **options) gives.

    Source: MeanMetricWrapper in keras/src/metrics/reduction_metrics.py.
    """

    def __init__(self, function: Callable[..., Tensor], **options: Any) -> None:
        super().__init__()
        self.function = function
        self.options = options

    @torch.no_grad()
    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Take in a batch, of which the function gives a value per sample or position."""
        values = at_least_float32(self.function(outputs, targets, **self.options))
        samples = values.flatten(1).mean(1) if values.dim() > 1 else values
        self.add(samples.sum(), samples.numel())
