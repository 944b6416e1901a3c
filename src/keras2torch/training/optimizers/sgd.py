"""SGD with momentum as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.update_rule import UpdateRule


class SGD(UpdateRule):
    """Gradient descent whose velocity holds the learning rate.

    m = momentum m - lr g; w += m, or with nesterov w += momentum m - lr g. torch.optim.SGD keeps lr
    out of the velocity, so that a change of lr rescales the steps of the past: equal only while lr
    stays. Without momentum w -= lr g. Keras: ``keras/src/optimizers/sgd.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        lr, momentum = group["lr"], group["momentum"]
        if momentum == 0:
            param.add_(grad, alpha=-lr)
            return
        if not state:
            state["momentum_buffer"] = torch.zeros_like(param)
        velocity = state["momentum_buffer"].mul_(momentum).add_(grad, alpha=-lr)
        if group["nesterov"]:
            param.add_(velocity, alpha=momentum).add_(grad, alpha=-lr)
        else:
            param.add_(velocity)
