"""Counts of one kind, precision and recall, and the best of one at a level of another.

Source: keras/src/metrics/confusion_metrics.py.
"""

import torch
from torch import Tensor

from keras2torch.training.metrics.confusion import ConfusionMetric
from keras2torch.training.metrics.metric import ratio


def one_or_all(values: Tensor) -> Tensor:
    """The number itself if there is one threshold."""
    return values[0] if len(values) == 1 else values


class Count(ConfusionMetric):
    """The weighted number of one kind of predictions, at one threshold or each of several."""

    kind: int

    def __init__(self, thresholds: float | list[float] = 0.5) -> None:
        super().__init__(thresholds if isinstance(thresholds, list) else [thresholds])

    def compute(self) -> Tensor:
        return one_or_all(self.counts[self.kind])


class TruePositives(Count):
    """Samples of class 1 whose output is above the threshold."""

    kind = 0


class FalsePositives(Count):
    """Samples of class 0 whose output is above the threshold."""

    kind = 1


class TrueNegatives(Count):
    """Samples of class 0 whose output is not above the threshold."""

    kind = 2


class FalseNegatives(Count):
    """Samples of class 1 whose output is not above the threshold."""

    kind = 3


class PositivesMetric(ConfusionMetric):
    """What precision and recall have in common.

    The threshold is 0.5, unless with ``top_k``, when all of these are positive.
    """

    def __init__(
        self,
        thresholds: float | list[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
    ) -> None:
        if thresholds is None:
            thresholds = 0.5 if top_k is None else -1e10
        levels = thresholds if isinstance(thresholds, list) else [thresholds]
        super().__init__(levels, top_k=top_k, class_id=class_id)


class Precision(PositivesMetric):
    """True positives / all that are called positive; 0 if none is."""

    def compute(self) -> Tensor:
        true, false, _, _ = self.counts.unbind()
        return one_or_all(ratio(true, true + false))


class Recall(PositivesMetric):
    """True positives / all that are positive; 0 if none is."""

    def compute(self) -> Tensor:
        true, _, _, missed = self.counts.unbind()
        return one_or_all(ratio(true, true + missed))


class BestAtLevel(ConfusionMetric):
    """The best of one rate over evenly spaced thresholds at which another one is high enough."""

    def __init__(
        self, level: float, num_thresholds: int = 200, class_id: int | None = None
    ) -> None:
        last = num_thresholds - 1
        thresholds = [place / last for place in range(num_thresholds)] if last else [0.5]
        super().__init__(thresholds, class_id=class_id)
        self.even = num_thresholds > 1
        self.level = level

    def best(self, rate: Tensor, where: Tensor) -> Tensor:
        """The highest rate where the other one reaches the level; 0 if it does nowhere."""
        return torch.where(where >= self.level, rate, 0.0).max().clamp(min=0)

    def rates(self) -> tuple[Tensor, Tensor, Tensor]:
        """Sensitivity (that is recall), specificity and precision at each threshold."""
        true, false, right, missed = self.counts.unbind()
        return ratio(true, true + missed), ratio(right, right + false), ratio(true, true + false)


class SensitivityAtSpecificity(BestAtLevel):
    """The best sensitivity, tp / (tp + fn), where tn / (tn + fp) reaches a level."""

    def compute(self) -> Tensor:
        sensitivity, specificity, _ = self.rates()
        return self.best(sensitivity, specificity)


class SpecificityAtSensitivity(BestAtLevel):
    """The best specificity, tn / (tn + fp), where tp / (tp + fn) reaches a level."""

    def compute(self) -> Tensor:
        sensitivity, specificity, _ = self.rates()
        return self.best(specificity, sensitivity)


class PrecisionAtRecall(BestAtLevel):
    """The best precision, tp / (tp + fp), where tp / (tp + fn) reaches a level."""

    def compute(self) -> Tensor:
        recall, _, precision = self.rates()
        return self.best(precision, recall)


class RecallAtPrecision(BestAtLevel):
    """The best recall, tp / (tp + fn), where tp / (tp + fp) reaches a level."""

    def compute(self) -> Tensor:
        recall, _, precision = self.rates()
        return self.best(recall, precision)
