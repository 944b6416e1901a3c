"""Ftrl as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import add_square_
from keras2torch.training.optimizers.update_rule import UpdateRule


class Ftrl(UpdateRule):
    """Follow the regularised leader.

    With n' = n + g^2 and p = -lr_power: z += g + 2 l2_shrinkage w - (n'^p - n^p) / lr w;
    w = (clip(z, -l1, l1) - z) / (n'^p / lr + 2 l2 + beta / lr).
    Keras: ``keras/src/optimizers/ftrl.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        lr_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1: float = 0.0,
        l2: float = 0.0,
        l2_shrinkage: float = 0.0,
        beta: float = 0.0,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            lr_power=lr_power,
            initial_accumulator_value=initial_accumulator_value,
            l1=l1,
            l2=l2,
            l2_shrinkage=l2_shrinkage,
            beta=beta,
            weight_decay=weight_decay,
        )

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        lr, power, l1 = group["lr"], -group["lr_power"], group["l1"]
        if not state:
            state["sum"] = torch.full_like(param, group["initial_accumulator_value"])
            state["linear"] = torch.zeros_like(param)
        total, linear = state["sum"], state["linear"]
        old = total.pow(power)
        add_square_(total, grad)
        new = total.pow(power)
        linear.add_(grad).add_(param, alpha=2 * group["l2_shrinkage"])
        linear.addcmul_(new - old, param, value=-1 / lr)
        quadratic = new.div_(lr).add_(2 * group["l2"] + group["beta"] / lr)
        torch.div(linear.clamp(-l1, l1).sub_(linear), quadratic, out=param)
