"""Counts of true and false positives and negatives at thresholds.

Source: update_confusion_matrix_variables in keras/src/metrics/metrics_utils.py.
"""

import torch
from torch import Tensor

from keras2torch.training.metrics.metric import Metric, at_least_float32
from keras2torch.training.ranks import same_rank


def evenly_spaced(thresholds: list[float]) -> bool:
    """Whether these are three or more thresholds from 0 to 1, all as far apart."""
    last = len(thresholds) - 1
    return last > 1 and all(
        abs(threshold - place / last) <= 1e-7 + 1e-5 * place / last
        for place, threshold in enumerate(thresholds)
    )


def only_top_k(outputs: Tensor, k: int) -> Tensor:
    """The outputs (..., classes) with all but the ``k`` largest set to -1e10; of ties the first."""
    places = outputs.argsort(dim=-1, descending=True, stable=True)[..., :k]
    kept = torch.zeros_like(outputs, dtype=torch.bool).scatter(-1, places, True)
    return torch.where(kept, outputs, -1e10)


def counts_at_thresholds(
    outputs: Tensor, targets: Tensor, weights: Tensor | None, thresholds: Tensor
) -> Tensor:
    """(4, thresholds, labels): true and false positives, true and false negatives.

    outputs, targets (0 or 1) and weights: (samples, labels). Above a threshold is positive.
    """
    weights = torch.ones_like(outputs) if weights is None else weights
    positive = outputs > thresholds[:, None, None]
    true = targets.bool()
    conditions = (positive & true, positive & ~true, ~positive & ~true, ~positive & true)
    return torch.stack([torch.where(met, weights, 0.0).sum(dim=1) for met in conditions])


def counts_in_buckets(
    outputs: Tensor, targets: Tensor, weights: Tensor | None, thresholds: int, below: bool
) -> Tensor:
    """The same for thresholds 0, 1 / (n - 1), ..., 1, in one pass: as many buckets as thresholds.

    Rounding is Keras': an output is in bucket ceil(output * (n - 1)) - 1 and above the thresholds
    up to that number; that of 0 is above none, or above the first one if that is ``below`` 0.
    """
    weights = torch.ones_like(outputs) if weights is None else weights
    true = targets.bool().to(weights.dtype)
    places = (outputs.clamp(0, 1) * (thresholds - 1)).ceil()
    places = places.clamp(min=1 if below else 0).nan_to_num(0).long()
    empty = weights.new_zeros(thresholds + 1, weights.shape[1])

    def above(values: Tensor) -> Tensor:
        buckets = empty.scatter_add(0, places, values)[1:]
        return buckets.flip(0).cumsum(dim=0).flip(0)

    trues, falses = true * weights, (1 - true) * weights
    positives = torch.stack([above(trues), above(falses)])
    totals = torch.stack([falses.sum(dim=0), trues.sum(dim=0)])
    return torch.cat([positives, totals.unsqueeze(1) - positives.flip(0)])


class ConfusionMetric(Metric):
    """Counts the true and false positives and negatives at each threshold.

    Above a threshold is positive, at it negative. ``top_k`` makes all but the largest outputs
    negative, ``class_id`` looks at one class alone. ``below`` says that there is a threshold below
    0 and one above 1, in the place of these two. ``counts``: (4, thresholds), or with
    ``multi_label`` (4, thresholds, labels).
    """

    def __init__(
        self,
        thresholds: list[float],
        top_k: int | None = None,
        class_id: int | None = None,
        multi_label: bool = False,
        label_weights: list[float] | None = None,
        below: bool = False,
    ) -> None:
        self.even = evenly_spaced(thresholds)
        if below:
            thresholds = [-1e-7, *thresholds[1:-1], 1 + 1e-7]
        self.thresholds = torch.tensor(thresholds, dtype=torch.float64)
        self.top_k = top_k
        self.class_id = class_id
        self.multi_label = multi_label
        self.label_weights = None if label_weights is None else torch.tensor(label_weights)
        self.below = below
        self.reset()

    def reset(self) -> None:
        self.counts = torch.zeros(4, len(self.thresholds), 1)
        self.counts = self.counts if self.multi_label else self.counts.squeeze(-1)

    @torch.no_grad()
    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        outputs, targets = same_rank(at_least_float32(outputs), targets)
        if weights is not None:
            weights = weights.to(outputs)
            if weights.dim() < targets.dim():
                weights = weights.unsqueeze(-1)  # a sample's weight stands for all of its labels
        if self.top_k is not None:
            outputs = only_top_k(outputs, self.top_k)
        if self.class_id is not None:
            outputs = outputs.select(-1, self.class_id).unsqueeze(-1)
            targets = targets.select(-1, self.class_id).unsqueeze(-1)
        if weights is not None:
            weights = weights.expand_as(outputs)
        if self.label_weights is not None and not self.multi_label:
            self.label_weights = self.label_weights.to(outputs)
            weights = self.label_weights * (1 if weights is None else weights)
            weights = weights.expand_as(outputs)
        self.add(outputs, targets, weights)

    def add(self, outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
        """Count a batch whose outputs, targets and weights have the same shape."""
        shape = outputs.shape if self.multi_label else (-1, 1)
        outputs, targets = outputs.reshape(shape), targets.reshape(shape)
        weights = None if weights is None else weights.reshape(shape)
        if self.even:
            number = len(self.thresholds)
            counts = counts_in_buckets(outputs, targets, weights, number, self.below)
        else:
            self.thresholds = self.thresholds.to(outputs)
            counts = counts_at_thresholds(outputs, targets, weights, self.thresholds)
        counts = counts if self.multi_label else counts.squeeze(-1)
        self.counts = self.counts.to(counts) + counts
