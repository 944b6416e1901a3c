"""The area under a curve over thresholds.

Source: AUC in keras/src/metrics/confusion_metrics.py.
"""

import torch
from torch import Tensor

from keras2torch.training.metrics.confusion import ConfusionMetric
from keras2torch.training.metrics.metric import ratio


def precision_recall_area(true: Tensor, false: Tensor, missed: Tensor) -> Tensor:
    """The pieces of the area under the curve of precision over recall, between thresholds.

    Between two thresholds true positives grow linearly with positives, and precision does not:
    the integral of the true share of positives, as by Davis and Goadrich, 2006.
    """
    called = true + false
    slope = ratio(true[:-1] - true[1:], (called[:-1] - called[1:]).clamp(min=0))
    intercept = true[1:] - slope * called[1:]
    both = (called[:-1] > 0) & (called[1:] > 0)
    growth = torch.where(both, ratio(called[:-1], called[1:].clamp(min=0)), 1.0)
    area = slope * (true[:-1] - true[1:] + intercept * growth.log())
    return ratio(area, (true[1:] + missed[1:]).clamp(min=0))


class AUC(ConfusionMetric):
    """The area under the ROC, PR or PRGAIN curve, from its points at some thresholds.

    That is an approximation: by default 200 thresholds, two of them just outside of [0, 1], and
    those in ``thresholds`` instead if given. The area between two points is that of a trapezoid
    ("interpolation"), or of a rectangle as high as the lower ("minoring") or the higher one
    ("majoring"). With ``multi_label`` it is the mean of the labels' own areas, by
    ``label_weights``; else these weight the labels' predictions. ``from_logits``: the outputs are
    logits.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        thresholds: list[float] | None = None,
        multi_label: bool = False,
        label_weights: list[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        if thresholds is None:
            levels = [place / (num_thresholds - 1) for place in range(num_thresholds)]
        else:
            levels = [0.0, *sorted(thresholds), 1.0]
        super().__init__(levels, multi_label=multi_label, label_weights=label_weights, below=True)
        self.even = self.even or thresholds is None
        self.curve = curve
        self.summation_method = summation_method
        self.from_logits = from_logits

    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        super().update(outputs.sigmoid() if self.from_logits else outputs, targets, weights)

    def compute(self) -> Tensor:
        true, false, right, missed = self.counts.unbind()
        if self.curve == "PR" and self.summation_method == "interpolation":
            return self.over_labels(precision_recall_area(true, false, missed))
        x, y = self.points(true, false, right, missed)
        if self.summation_method == "interpolation":
            heights = (y[:-1] + y[1:]) / 2
        elif self.summation_method == "minoring":
            heights = torch.minimum(y[:-1], y[1:])
        else:
            heights = torch.maximum(y[:-1], y[1:])
        return self.over_labels((x[:-1] - x[1:]) * heights)

    def points(
        self, true: Tensor, false: Tensor, right: Tensor, missed: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The curve's points at each threshold: recall over false positives' share, precision over
        recall, or the gain of precision over that of recall (Flach and Kull, 2015)."""
        if self.curve == "ROC":
            return ratio(false, false + right), ratio(true, true + missed)
        if self.curve == "PR":
            return ratio(true, true + missed), ratio(true, true + false)
        odds = ratio(true + missed, right + false)
        recall = torch.where(true == 0, 0.0, 1 - odds * ratio(missed, true))
        precision = torch.where(true == 0, 1.0, 1 - odds * ratio(false, true))
        return recall.clamp(min=0), precision

    def over_labels(self, pieces: Tensor) -> Tensor:
        """The area, or the mean of the labels' areas, of its pieces (thresholds - 1[, labels])."""
        areas = pieces.sum(dim=0)
        if not self.multi_label:
            return areas
        if self.label_weights is None:
            return areas.mean()
        weights = self.label_weights.to(areas)
        return ratio((areas * weights).sum(), weights.sum())
