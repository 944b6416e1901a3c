"""F scores of several classes.

Source: keras/src/metrics/f_score_metrics.py.
"""

import torch
from torch import Tensor

from keras2torch.training.metrics.metric import Metric, at_least_float32


class FBetaScore(Metric):
    """(1 + beta^2) precision recall / (beta^2 precision + recall), of each class.

    outputs and targets: (batch, classes). Without a threshold the largest output is positive,
    with one all above it. ``average``: None for one score per class, "macro" for their mean,
    "weighted" for their mean by the number of targets, "micro" for one score of all together.
    """

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None
    ) -> None:
        super().__init__()
        self.average = average
        self.beta = beta
        self.threshold = threshold

    def reset(self) -> None:
        # True positives, false positives, false negatives, targets: (4, classes).
        self.counts = torch.zeros(4, 1)

    @torch.no_grad()
    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        outputs = at_least_float32(outputs)
        true = targets.to(outputs.dtype)
        if self.threshold is None:
            largest = outputs.amax(dim=-1, keepdim=True)
            positive = (outputs >= largest) & (outputs.abs() > 1e-9)
        else:
            positive = outputs > self.threshold
        found = positive.to(outputs.dtype)
        counts = torch.stack([found * true, found * (1 - true), (1 - found) * true, true])
        if weights is not None:
            counts = counts * weights.to(outputs).unsqueeze(1)
        counts = counts.sum(dim=1)
        if self.average == "micro":
            counts = counts.sum(dim=1, keepdim=True)
        self.counts = self.counts.to(counts) + counts

    def compute(self) -> Tensor:
        true, false, missed, targets = self.counts.unbind()
        precision = true / (true + false + 1e-7)
        recall = true / (true + missed + 1e-7)
        mean = precision * recall / (self.beta**2 * precision + recall + 1e-7)
        scores = mean * (1 + self.beta**2)
        if self.average == "weighted":
            return (scores * (targets / (targets.sum() + 1e-7))).sum()
        return scores if self.average is None else scores.mean()


class F1Score(FBetaScore):
    """2 precision recall / (precision + recall), see ``FBetaScore``."""

    def __init__(self, average: str | None = None, threshold: float | None = None) -> None:
        super().__init__(average, 1.0, threshold)
