"""What all optimizers share: decoupled weight decay, the count of updates, sparse gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


class UpdateRule(torch.optim.Optimizer):
    """An optimizer that looks at one parameter at a time, or at one of Keras' variables.

    A step takes lr * weight_decay of the weights off them, then calls ``update``.
    ``group["step"]`` counts the updates, this one included, for all parameters alike: one that
    had no gradient in a step is not behind. ``joined`` has the parameters that are one variable in
    Keras, such as the two biases of a GRU. Keras: ``keras/src/optimizers/base_optimizer.py``.
    """

    def __init__(self, params: Any, joined: Sequence[Sequence[Tensor]] = (), **defaults: Any):
        super().__init__(params, {**defaults, "step": 0})
        self.joined = {id(parameter): list(group) for group in joined for parameter in group}

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update from the gradients that are there; the loss, if ``closure`` computes it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["step"] += 1
            self.begin(group)
            for parameter in group["params"]:
                variable = self.joined.get(id(parameter), [parameter])
                gradients = [p.grad for p in variable if p.grad is not None]
                if len(gradients) == len(variable) and variable[0] is parameter:
                    self.decay(variable, group)
                    self.update_variable(variable, gradients, group)
        return loss

    def begin(self, group: dict[str, Any]) -> None:
        """What a step does once, before it comes to the parameters."""

    def decay(self, variable: list[Tensor], group: dict[str, Any]) -> None:
        """Shrink the weights."""
        self.shrink(variable, group["lr"] * group["weight_decay"])

    def shrink(self, variable: list[Tensor], share: float) -> None:
        """Take a share off the weights: 1 - share is rounded in float32, to a hundredth of it."""
        if share:
            for parameter in variable:
                parameter.sub_(parameter, alpha=share)

    def update_variable(
        self, variable: list[Tensor], gradients: list[Tensor], group: dict[str, Any]
    ) -> None:
        """Change the parameters of one variable, here each by itself."""
        for parameter, gradient in zip(variable, gradients, strict=True):
            self.update(parameter, gradient, self.state[parameter], group)

    def update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Change a parameter and its state. The gradient may be sparse, with repeated rows."""
        raise NotImplementedError


@functools.lru_cache(maxsize=64)
def power_in(dtype: torch.dtype, base: float, exponent: float) -> float:
    """``base ** exponent`` as it is in ``dtype``: 1 - 0.999 ** t loses five digits in float32,
    which Keras' first steps show."""
    power = torch.tensor(base, dtype=dtype) ** torch.tensor(exponent, dtype=dtype)
    return float(power)
