"""Lamb as in Keras."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.clipping import norm_of
from keras2torch.training.optimizers.moments import moments_
from keras2torch.training.optimizers.sparse_gradients import root_of_rows
from keras2torch.training.optimizers.update_rule import power_in
from keras2torch.training.optimizers.variable_rule import VariableRule


class Lamb(VariableRule):
    """Adam whose steps are as long as the variable, times lr.

    m and v as in Adam; u = m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps);
    w -= lr |w| / |u| u, or lr u where a norm is 0. The norms are those of Keras' variables:
    ``joined`` has the parameters that are one together. Keras: ``keras/src/optimizers/lamb.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-7,
        weight_decay: float = 0.0,
        joined: Sequence[Sequence[Tensor]] = (),
    ) -> None:
        super().__init__(params, joined, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def update_variable(
        self, variable: list[Tensor], grads: list[Tensor], group: dict[str, Any]
    ) -> None:
        directions = [
            self.direction(param, grad, group) for param, grad in zip(variable, grads, strict=True)
        ]
        length, norm = norm_of(variable), norm_of(directions)
        ratio = torch.where((length > 0) & (norm > 0), length / norm, 1.0)
        for param, direction in zip(variable, directions, strict=True):
            param.sub_(direction.mul_(ratio * group["lr"]))

    def direction(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> Tensor:
        """Adam's, with both moments corrected."""
        beta1, beta2 = group["betas"]
        mean, square = moments_(self.state[param], param, grad, group["betas"])
        correction1 = 1 - power_in(param.dtype, beta1, group["step"])
        correction2 = 1 - power_in(param.dtype, beta2, group["step"])
        root = root_of_rows(square) if grad.is_sparse else square.sqrt()
        root.div_(correction2**0.5).add_(group["eps"])
        return torch.div(mean, root.mul_(correction1), out=root)
