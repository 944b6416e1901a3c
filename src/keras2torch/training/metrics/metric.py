"""What all metrics have in common."""

import torch
from torch import Tensor


class Metric:
    """Something about all batches since the last reset.

    The state is tensors on the device of the outputs: float32, or float64 if the outputs are.
    Source: Metric in keras/src/metrics/metric.py.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget all batches."""
        raise NotImplementedError

    def update(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> None:
        """Take in a batch; ``weights`` has a weight per sample, or per sample and position."""
        raise NotImplementedError

    def compute(self) -> Tensor:
        """The metric of the batches so far."""
        raise NotImplementedError


def at_least_float32(values: Tensor) -> Tensor:
    """In the precision in which a metric counts: float32, or float64 if the values are of it."""
    return values.to(torch.promote_types(values.dtype, torch.float32))


def ratio(part: Tensor, whole: Tensor) -> Tensor:
    """``part / whole``, and 0 where that is of nothing."""
    return torch.where(whole == 0, torch.zeros_like(part), part / whole)
