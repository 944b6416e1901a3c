"""What all optimizers share: decoupled weight decay, the count of updates, sparse gradients."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class UpdateRule(torch.optim.Optimizer):
    """An optimizer that looks at one parameter at a time.

    A step multiplies the weights by 1 - lr * weight_decay, then calls ``update``.
    ``group["step"]`` counts the updates, this one included, for all parameters alike: one that
    had no gradient in a step is not behind. Keras: ``keras/src/optimizers/base_optimizer.py``.
    """

    def __init__(self, params: Any, **defaults: Any) -> None:
        super().__init__(params, {**defaults, "step": 0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One update from the gradients that are there; the loss, if ``closure`` computes it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["step"] += 1
            for parameter in group["params"]:
                if parameter.grad is not None:
                    if group["weight_decay"]:
                        parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    self.update(parameter, parameter.grad, self.state[parameter], group)
        return loss

    def update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        """Change the parameter and its state. The gradient may be sparse, with repeated rows."""
        raise NotImplementedError


@functools.lru_cache(maxsize=64)
def power_in(dtype: torch.dtype, base: float, exponent: int) -> float:
    """``base ** exponent`` as it is in ``dtype``: 1 - 0.999 ** t loses five digits in float32,
    which Keras' first steps show."""
    return (torch.tensor(base, dtype=dtype) ** torch.tensor(exponent, dtype=dtype)).item()


def add_square_(total: Tensor, gradient: Tensor, weight: float = 1.0) -> None:
    """``total += weight * gradient ** 2``. In a sparse gradient each occurrence of a row is
    squared by itself, then added up, as Keras on TensorFlow does."""
    if gradient.is_sparse:
        total.add_(with_values(gradient, gradient._values().square()), alpha=weight)
    else:
        total.addcmul_(gradient, gradient, value=weight)


def with_values(gradient: Tensor, values: Tensor) -> Tensor:
    """A sparse gradient with other values for the same occurrences of rows."""
    return torch.sparse_coo_tensor(
        gradient._indices(), values, gradient.shape, check_invariants=False
    )
