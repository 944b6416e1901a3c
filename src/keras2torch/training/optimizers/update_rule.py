"""What all optimizers share: decoupled weight decay, the count of updates, sparse gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class UpdateRule(torch.optim.Optimizer):
    """An optimizer that looks at one parameter at a time, with decoupled weight decay.

    ``group["step"]`` counts the updates, this one included, for all parameters alike: one that
    had no gradient in a step is not behind. Keras: ``keras/src/optimizers/base_optimizer.py``.
    """

    def __init__(self, params: Any, **defaults: Any) -> None:
        super().__init__(params, {**defaults, "step": 0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update from the gradients that are there; the loss, if ``closure`` computes it."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            group["step"] += 1
            self.update_group(group)
        return loss

    def update_group(self, group: dict[str, Any]) -> None:
        """Decay and update the parameters of a group."""
        for param in group["params"]:
            if param.grad is not None:
                if group["weight_decay"]:
                    # In float32 1 - share would be off by up to a hundredth of the share.
                    param.sub_(param, alpha=group["lr"] * group["weight_decay"])
                self.update(param, param.grad, group)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        """Change a parameter and its state."""
        raise NotImplementedError


@functools.lru_cache(maxsize=64)
def power_in(dtype: torch.dtype, base: float, exponent: float) -> float:
    """``base ** exponent`` as it is in ``dtype``: 1 - 0.999 ** t loses five digits in float32,
    which Keras' first steps show."""
    power = torch.tensor(base, dtype=dtype) ** torch.tensor(exponent, dtype=dtype)
    return float(power)
