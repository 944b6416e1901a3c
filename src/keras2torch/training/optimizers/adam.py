"""Adam and AdamW as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import add_square_, root_of
from keras2torch.training.optimizers.update_rule import UpdateRule, power_in


class Adam(UpdateRule):
    """Adam with epsilon beside the uncorrected root, and decoupled weight decay (AdamW).

    m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v); with amsgrad the largest v so far in v's place;
    w -= lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps). torch.optim.Adam corrects v before
    eps is added: where gradients are small its first steps are many times larger.
    Keras: ``keras/src/optimizers/adam.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=amsgrad
        )

    def update(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Tensor], group: dict[str, Any]
    ) -> None:
        adam_(
            parameter,
            gradient,
            state,
            lr=group["lr"],
            betas=group["betas"],
            eps=group["eps"],
            step=group["step"],
            amsgrad=group["amsgrad"],
        )


def adam_(
    parameter: Tensor,
    gradient: Tensor,
    state: dict[str, Tensor],
    *,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
    amsgrad: bool = False,
) -> None:
    """One update of a parameter and its moments."""
    beta1, beta2 = betas
    if not state:
        state["exp_avg"] = torch.zeros_like(parameter)
        state["exp_avg_sq"] = torch.zeros_like(parameter)
        if amsgrad:
            state["max_exp_avg_sq"] = torch.zeros_like(parameter)
    mean, variance = state["exp_avg"], state["exp_avg_sq"]
    mean.mul_(beta1).add_(gradient, alpha=1 - beta1)
    add_square_(variance.mul_(beta2), gradient, 1 - beta2)
    if amsgrad:
        largest = state["max_exp_avg_sq"]
        variance = torch.maximum(largest, variance, out=largest)
    correction1 = 1 - power_in(parameter.dtype, beta1, step)
    correction2 = 1 - power_in(parameter.dtype, beta2, step)
    size = lr * correction2**0.5 / correction1
    parameter.addcdiv_(mean, root_of(variance, gradient).add_(eps), value=-size)
