"""Intersection over union of predicted and target classes.

Source: keras/src/metrics/iou_metrics.py.
"""

import torch
from torch import Tensor

from keras2torch.training.metrics.metric import Metric


class IoU(Metric):
    """The mean over some classes of tp / (tp + fp + fn), from one confusion matrix.

    ``target_class_ids`` are the classes that count, all of them by default; pixels whose target is
    ``ignore_class``, or whose target or prediction is none of the classes, don't. Outputs and
    targets are numbers of classes, or (..., classes) where ``sparse_outputs`` or ``sparse_targets``
    is false. Weights have a number per pixel; ``whole_weights`` cuts them to whole numbers, which
    is what Keras does unless the metric has a floating dtype. Classes that are nowhere don't count.
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: list[int] | None = None,
        ignore_class: int | None = None,
        sparse_targets: bool = True,
        sparse_outputs: bool = True,
        whole_weights: bool = True,
    ) -> None:
        self.num_classes = num_classes
        self.target_class_ids = target_class_ids
        self.ignore_class = ignore_class
        self.sparse_targets = sparse_targets
        self.sparse_outputs = sparse_outputs
        self.whole_weights = whole_weights
        self.reset()

    def reset(self) -> None:
        # Targets by predictions.
        self.matrix = torch.zeros(self.num_classes, self.num_classes)

    @torch.no_grad()
    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        found = (outputs if self.sparse_outputs else outputs.argmax(dim=-1)).reshape(-1).long()
        true = (targets if self.sparse_targets else targets.argmax(dim=-1)).reshape(-1).long()
        if weights is None:
            weights = torch.ones_like(true)
        weights = weights.reshape(-1).expand_as(true)
        weights = weights.long() if self.whole_weights else weights.float()
        known = (true >= 0) & (true < self.num_classes) & (found >= 0) & (found < self.num_classes)
        if self.ignore_class is not None:
            known = known & (true != self.ignore_class)
        cells = torch.where(known, true * self.num_classes + found, 0)
        counts = weights.new_zeros(self.num_classes**2)
        counts = counts.scatter_add(0, cells, torch.where(known, weights, 0))
        counts = counts.reshape(self.num_classes, self.num_classes)
        self.matrix = self.matrix.to(counts) + counts

    def compute(self) -> Tensor:
        both = self.matrix.diagonal()
        either = self.matrix.sum(dim=0) + self.matrix.sum(dim=1) - both
        if self.target_class_ids is not None:
            both, either = both[self.target_class_ids], either[self.target_class_ids]
        both, either = both.to(torch.float), either.to(torch.float)  # in any precision
        there = either > 1e-9
        shares = torch.where(there, both / (either + 1e-7), 0.0)
        return shares.sum() / (there.to(torch.float).sum() + 1e-7)


class BinaryIoU(IoU):
    """The same of two classes: an output from the threshold on is class 1."""

    def __init__(
        self,
        target_class_ids: list[int] | None = None,
        threshold: float = 0.5,
        whole_weights: bool = True,
    ) -> None:
        super().__init__(2, target_class_ids, whole_weights=whole_weights)
        self.threshold = threshold

    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        super().update(outputs.float() >= self.threshold, targets, weights)
