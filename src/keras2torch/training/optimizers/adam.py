"""Adam and AdamW as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.moments import adam_rate, moments_
from keras2torch.training.optimizers.sparse_gradients import root_of_rows
from keras2torch.training.optimizers.update_rule import UpdateRule


class Adam(UpdateRule):
    """Adam with epsilon beside the uncorrected root, and decoupled weight decay (AdamW).

    m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v);
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
    ) -> None:
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        mean, square = moments_(self.state[param], param, grad, group["betas"])
        root = root_of_rows(square) if grad.is_sparse else square.sqrt()
        rate = adam_rate(group["lr"], group["betas"], group["step"], param.dtype)
        param.addcdiv_(mean, root.add_(group["eps"]), value=-rate)


class AMSGrad(Adam):
    """Adam with the largest v so far in v's place: Keras' and torch's ``amsgrad``."""

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        mean, square = moments_(state, param, grad, group["betas"])
        if "max_exp_avg_sq" not in state:
            state["max_exp_avg_sq"] = torch.zeros_like(param)
        largest = state["max_exp_avg_sq"]
        torch.maximum(largest, square, out=largest)
        root = root_of_rows(largest) if grad.is_sparse else largest.sqrt()
        rate = adam_rate(group["lr"], group["betas"], group["step"], param.dtype)
        param.addcdiv_(mean, root.add_(group["eps"]), value=-rate)
