"""Adagrad as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import add_over_root_, add_square_
from keras2torch.training.optimizers.update_rule import UpdateRule


class Adagrad(UpdateRule):
    """Adagrad with epsilon inside the root: a += g^2; w -= lr g / sqrt(a + eps).

    torch.optim.Adagrad adds eps to the root. Keras: ``keras/src/optimizers/adagrad.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        initial_accumulator_value: float = 0.1,
        eps: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
            weight_decay=weight_decay,
        )

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        if not state:
            state["sum"] = torch.full_like(param, group["initial_accumulator_value"])
        add_square_(state["sum"], grad)
        add_over_root_(param, grad, state["sum"], group["eps"], -group["lr"])
