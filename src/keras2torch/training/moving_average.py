"""The average of the weights that Keras' optimizers keep, as ``train.py`` has it."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


class MovingAverage:
    """The exponential moving average of weights: Keras' ``use_ema``.

    ``update()`` is called in every step, behind the optimizer and before the constraints:
    ``average = momentum * average + (1 - momentum) * weight``, and in the first step the weight
    itself. Every ``overwrite_frequency`` updates the weights become their averages. Where gradients
    are accumulated over several steps, all these count as one update here. ``finish()`` leaves the
    averages in the weights, as ``fit()`` does in the end.
    Source: keras/src/optimizers/base_optimizer.py.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        momentum: float = 0.99,
        overwrite_frequency: int | None = None,
        accumulation: int = 1,
    ) -> None:
        self.parameters = list(parameters)
        self.averages = [p.detach().clone() for p in self.parameters]
        self.momentum = momentum
        self.overwrite_frequency = overwrite_frequency
        self.accumulation = accumulation
        self.steps = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights of one more step."""
        updates = self.steps // self.accumulation
        self.steps += 1
        for average, weight in zip(self.averages, self.parameters, strict=True):
            if updates == 0:
                average.copy_(weight)
            else:
                # Rounded as the weights are: Keras takes 1 - momentum in their dtype.
                momentum = torch.tensor(self.momentum, dtype=weight.dtype)
                average.mul_(momentum).add_(weight * (1 - momentum))
        if self.overwrite_frequency and (updates + 1) % self.overwrite_frequency == 0:
            self.finish()

    @torch.no_grad()
    def finish(self) -> None:
        """Make the weights their averages."""
        for average, weight in zip(self.averages, self.parameters, strict=True):
            weight.copy_(average)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the weights with their averages."""
        for average, weight in zip(self.averages, self.parameters, strict=True):
            kept = weight.clone()
            weight.copy_(average)
            average.copy_(kept)

    @torch.no_grad()
    def restart(self) -> None:
        """Make the averages what the weights are."""
        for average, weight in zip(self.averages, self.parameters, strict=True):
            average.copy_(weight)

    def state_dict(self) -> dict[str, Any]:
        return {"averages": self.averages, "steps": self.steps}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        for average, saved in zip(self.averages, state["averages"], strict=True):
            average.copy_(saved)
        self.steps = state["steps"]
