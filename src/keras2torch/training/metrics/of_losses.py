"""Metrics that average a loss's values in a way of their own.

Source: MeanMetricWrapper in keras/src/metrics/reduction_metrics.py, keras/src/losses/losses.py.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.metrics.mean import MeanMetric
from keras2torch.training.metrics.metric import at_least_float32
from keras2torch.training.metrics.weighted_mean import WeightedMeanMetric, masked


class BroadcastMetric(WeightedMeanMetric):
    """The mean of a loss for which Keras does not make the ranks equal first.

    Outputs (batch, 1) and targets (batch,) become (batch, batch): every output meets every target,
    which is hardly what was meant. Targets (batch, 1) avoid it.
    """

    def update(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None:
        missing = outputs.dim() - targets.dim()
        targets = targets.reshape((1,) * missing + targets.shape)
        outputs = outputs.reshape((1,) * -missing + outputs.shape)
        super().update(outputs, targets, weights, mask)


class MeanWithoutClass(WeightedMeanMetric):
    """The mean of a crossentropy that is 0 where the target is of one class.

    If there are weights or a mask, these positions don't count. Else they do, as 0.
    """

    def __init__(self, function: Callable[..., Tensor], ignore_class: int, **options: Any) -> None:
        super().__init__(function, ignore_class=ignore_class, **options)
        self.ignore_class = ignore_class

    def update(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None:
        weights = masked(weights, mask)
        counted = (targets != self.ignore_class).reshape(outputs.shape[:-1])
        super().update(outputs, targets, weights, None if weights is None else counted)


class LossPerBatch(MeanMetric):
    """The mean of the batches' losses, each counting once, however many samples it has.

    ``reduction`` makes one number of a batch's values. Keras' way with a loss object among the
    metrics, which has no place for weights.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        reduction: Callable[[Tensor], Tensor],
        **options: Any,
    ) -> None:
        super().__init__(function, **options)
        self.reduction = reduction

    @torch.no_grad()
    def update(
        self,
        outputs: Tensor,
        targets: Tensor,
        weights: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> None:
        if weights is not None or mask is not None:
            raise ValueError("a loss among the metrics takes neither weights nor a mask")
        loss = self.reduction(self.function(outputs, targets, **self.options))
        self.add(at_least_float32(loss), 1)
