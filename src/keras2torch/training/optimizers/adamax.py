"""Adamax as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import magnitude
from keras2torch.training.optimizers.update_rule import UpdateRule, power_in


class Adamax(UpdateRule):
    """Adamax with epsilon beside the norm.

    m += (1 - b1) (g - m); u = max(b2 u, |g|); w -= lr m / ((1 - b1^t) (u + eps)).
    torch.optim.Adamax adds eps to |g|. Keras: ``keras/src/optimizers/adamax.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        beta1, beta2 = group["betas"]
        if not state:
            state["exp_avg"] = torch.zeros_like(param)
            state["exp_inf"] = torch.zeros_like(param)
        mean, norm = state["exp_avg"], state["exp_inf"]
        mean.mul_(beta1).add_(grad, alpha=1 - beta1)
        size = magnitude(grad)
        torch.maximum(norm.mul_(beta2), size, out=norm)
        correction = 1 - power_in(param.dtype, beta1, group["step"])
        denominator = torch.add(norm, group["eps"], out=size)
        param.addcdiv_(mean, denominator, value=-group["lr"] / correction)
