"""RMSprop as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import add_over_root_, add_square_
from keras2torch.training.optimizers.update_rule import UpdateRule


class RMSprop(UpdateRule):
    """RMSprop with epsilon inside the root.

    v = alpha v + (1 - alpha) g^2; u = lr g / sqrt(v + eps), where centered subtracts the square of
    the average gradient from v; w -= u, or with momentum b = momentum b + u; w -= b.
    torch.optim.RMSprop adds eps to the root, and keeps lr out of b.
    Keras: ``keras/src/optimizers/rmsprop.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        alpha: float = 0.9,
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            alpha=alpha,
            eps=eps,
            weight_decay=weight_decay,
            momentum=momentum,
            centered=centered,
        )

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        alpha, eps, lr = group["alpha"], group["eps"], group["lr"]
        if not state:
            state["square_avg"] = torch.zeros_like(param)
            if group["momentum"] > 0:
                state["momentum_buffer"] = torch.zeros_like(param)
            if group["centered"]:
                state["grad_avg"] = torch.zeros_like(param)
        square = state["square_avg"]
        add_square_(square.mul_(alpha), grad, 1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].mul_(alpha).add_(grad, alpha=1 - alpha)
            square = square.addcmul(mean, mean, value=-1)
        if group["momentum"] > 0:
            velocity = state["momentum_buffer"].mul_(group["momentum"])
            add_over_root_(velocity, grad, square, eps, lr)
            param.sub_(velocity)
        else:
            add_over_root_(param, grad, square, eps, -lr)
