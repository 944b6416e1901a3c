"""Lion as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.update_rule import UpdateRule


class Lion(UpdateRule):
    """The sign of a momentum: w -= lr sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g.

    Keras: ``keras/src/optimizers/lion.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, weight_decay=weight_decay)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        beta1, beta2 = group["betas"]
        if not state:
            state["exp_avg"] = torch.zeros_like(param)
        mean = state["exp_avg"]
        direction = (mean * beta1).add_(grad, alpha=1 - beta1).sign_()
        param.add_(direction, alpha=-group["lr"])
        mean.mul_(beta2).add_(grad, alpha=1 - beta2)
