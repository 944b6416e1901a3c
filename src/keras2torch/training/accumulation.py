"""Gradients of several batches for one update, as Keras' ``gradient_accumulation_steps``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor


class GradientAccumulator:
    """Collects the gradients of ``steps`` batches and hands on their mean.

    Keras counts batches over the whole training: what is left at the end of an epoch is carried
    into the next. The optimizer counts updates, learning-rate schedules count batches. Clipping
    and weight decay come after the mean is taken. Repeated rows of a sparse gradient are summed up.
    Keras: ``_backend_apply_gradients`` in ``keras/src/optimizers/base_optimizer.py``.
    """

    def __init__(self, parameters: Iterable[Tensor], steps: int) -> None:
        self.parameters = list(parameters)
        self.steps = steps
        self.count = 0  # batches since the last update
        self.sums = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def add(self) -> bool:
        """Take up the gradients. True where an update is due: then they are the mean."""
        self.count += 1
        for parameter, total in zip(self.parameters, self.sums, strict=True):
            if parameter.grad is not None:
                total.add_(parameter.grad)
        if self.count < self.steps:
            return False
        self.count = 0
        for parameter, total in zip(self.parameters, self.sums, strict=True):
            if parameter.grad is not None:
                parameter.grad = total / self.steps
            total.zero_()
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"count": self.count, "sums": self.sums}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.count = state["count"]
        for total, stored in zip(self.sums, state["sums"], strict=True):
            total.copy_(stored)
