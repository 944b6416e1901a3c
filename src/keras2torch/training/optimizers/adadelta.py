"""Adadelta as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import add_square_, with_values
from keras2torch.training.optimizers.update_rule import UpdateRule


class Adadelta(UpdateRule):
    """Adadelta, for sparse gradients and with decoupled weight decay.

    a = rho a + (1 - rho) g^2; u = sqrt(d + eps) / sqrt(a + eps) g; d = rho d + (1 - rho) u^2;
    w -= lr u. Without either, torch.optim.Adadelta does the same.
    Keras: ``keras/src/optimizers/adadelta.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        rho: float = 0.95,
        eps: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        rho, eps = group["rho"], group["eps"]
        if not state:
            state["square_avg"] = torch.zeros_like(param)
            state["acc_delta"] = torch.zeros_like(param)
        square, moved = state["square_avg"], state["acc_delta"]
        add_square_(square.mul_(rho), grad, 1 - rho)
        ratio = moved.add(eps).div_(square.add(eps)).sqrt_()
        if grad.is_sparse:
            values = ratio[grad._indices()[0]].mul_(grad._values())
            change = with_values(grad, values)
        else:
            change = ratio.mul_(grad)
        add_square_(moved.mul_(rho), change, 1 - rho)
        param.add_(change, alpha=-group["lr"])
