"""Metrics of numbers that are not the mean of a loss.

Source: keras/src/metrics/regression_metrics.py, keras/src/metrics/correlation_metrics.py.
"""

import torch
from torch import Tensor

from keras2torch.training.losses.regression import cosine_similarity
from keras2torch.training.metrics.metric import Metric, at_least_float32
from keras2torch.training.metrics.weighted_mean import Mean
from keras2torch.training.ranks import same_rank


class RootMeanSquaredError(Metric):
    """The root of the mean of (y - p)^2 over all samples."""

    def reset(self) -> None:
        self.mean = Mean()

    @torch.no_grad()
    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        outputs = at_least_float32(outputs)
        targets, outputs = same_rank(targets.to(outputs.dtype), outputs)
        self.mean.update((outputs - targets).square(), weights)

    def compute(self) -> Tensor:
        return self.mean.compute().sqrt()


class R2Score(Metric):
    """1 - sum((y - p)^2) / sum((y - mean y)^2), of each column of outputs (batch, columns).

    ``class_aggregation``: "uniform_average" for the columns' mean, "variance_weighted_average" for
    that weighted by their variances, None for all. With ``num_regressors`` the adjusted score,
    1 - (1 - R^2) (n - 1) / (n - regressors - 1) for n numbers, once there are enough of them.
    """

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0
    ) -> None:
        super().__init__()
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors

    def reset(self) -> None:
        # Of targets the sum and the sum of squares, of errors that of squares, of weights the sum.
        self.sums = torch.zeros(4, 1)
        self.numbers = 0

    @torch.no_grad()
    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        outputs = at_least_float32(outputs)
        targets, outputs = same_rank(targets.to(outputs.dtype), outputs)
        weights = torch.ones_like(targets) if weights is None else weights.to(outputs)
        weights = (weights.unsqueeze(1) if weights.dim() == 1 else weights).expand_as(targets)
        weighted = targets * weights
        errors = (targets - outputs).square() * weights
        sums = torch.stack([weighted, targets * weighted, errors, weights]).sum(dim=1)
        self.sums = self.sums.to(sums) + sums
        self.numbers += targets.numel()

    def compute(self) -> Tensor:
        total, squares, errors, count = self.sums.unbind()
        variances = squares - total * (total / count)
        scores = 1 - errors / variances
        scores = torch.where(scores.isinf(), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (variances * scores).sum() / variances.sum()
        left = self.numbers - self.num_regressors - 1
        if self.num_regressors and left > 0:
            scores = 1 - (1 - scores) * (self.numbers - 1) / left
        return scores


def cosine_closeness(outputs: Tensor, targets: Tensor, axis: int = -1) -> Tensor:
    """The cosine of the angle between outputs and targets: 1 where they agree.

    Keras' metric ``CosineSimilarity``; the loss of that name is the negative.
    """
    return -cosine_similarity(outputs, targets, axis)


def pearson_correlation(outputs: Tensor, targets: Tensor, axis: int = -1) -> Tensor:
    """Pearson's correlation along an axis, per sample. NaN where either side is constant."""
    targets, outputs = same_rank(targets.to(outputs.dtype), outputs)
    targets = targets - targets.mean(axis, keepdim=True)
    outputs = outputs - outputs.mean(axis, keepdim=True)
    targets = targets / targets.std(axis, correction=0, keepdim=True)
    outputs = outputs / outputs.std(axis, correction=0, keepdim=True)
    return (targets * outputs).mean(axis)


def concordance_correlation(
    outputs: Tensor, targets: Tensor, axis: int = -1, epsilon: float = 1e-7
) -> Tensor:
    """Lin's concordance, 2 cov(y, p) / (var y + var p + (mean y - mean p)^2), per sample."""
    targets, outputs = same_rank(targets.to(outputs.dtype), outputs)
    mean_target = targets.mean(axis, keepdim=True)
    mean = outputs.mean(axis, keepdim=True)
    spread = targets.var(axis, correction=0, keepdim=True)
    spread = spread + outputs.var(axis, correction=0, keepdim=True)
    # Keras takes the mean output from the targets: the sum is the same.
    together = (targets - mean) * (outputs - mean)
    return (2 * together / (spread + (mean_target - mean).square() + epsilon)).mean(axis)
