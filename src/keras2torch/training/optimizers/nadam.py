"""Nadam as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.moments import moments_
from keras2torch.training.optimizers.sparse_gradients import root_of_rows
from keras2torch.training.optimizers.update_rule import UpdateRule, power_in


class Nadam(UpdateRule):
    """Adam with Nesterov's momentum, whose share grows: u_t = b1 (1 - 0.96^t / 2).

    m += (1 - b1) (g - m); v += (1 - b2) (g^2 - v); with U the product of all u so far,
    n = u_(t+1) m / (1 - U u_(t+1)) + (1 - u_t) g / (1 - U);
    w -= lr n / (sqrt(v / (1 - b2^t)) + eps).
    torch.optim.NAdam(momentum_decay=1.0) is the same, for dense gradients and but for rounding.
    Keras: ``keras/src/optimizers/nadam.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(
            params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, mu_product=1.0
        )

    def update_group(self, group: dict[str, Any]) -> None:
        group["mu_product"] *= self.share(group, group["step"], group["params"][0].dtype)
        super().update_group(group)

    def share(self, group: dict[str, Any], step: int, dtype: torch.dtype) -> float:
        """Of the momentum in a step: b1 (1 - 0.96^t / 2)."""
        share: float = group["betas"][0] * (1 - 0.5 * power_in(dtype, 0.96, step))
        return share

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        mean, square = moments_(self.state[param], param, grad, group["betas"])
        now = self.share(group, group["step"], param.dtype)
        following = self.share(group, group["step"] + 1, param.dtype)
        product = group["mu_product"]
        ahead = mean * (following / (1 - product * following))
        ahead.add_(grad, alpha=(1 - now) / (1 - product))
        correction = 1 - power_in(param.dtype, group["betas"][1], group["step"])
        root = root_of_rows(square) if grad.is_sparse else square.sqrt()
        root.div_(correction**0.5).add_(group["eps"])
        param.addcdiv_(ahead, root, value=-group["lr"])
