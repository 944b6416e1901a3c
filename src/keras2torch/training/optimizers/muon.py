"""Muon as in Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.moments import adam_rate, moments_
from keras2torch.training.optimizers.shaped_rule import ShapedRule
from keras2torch.training.optimizers.sparse_gradients import dense, root_of_rows


class Muon(ShapedRule):
    """Momentum made orthogonal, for matrices; AdamW for everything else.

    m = momentum m + g; X = NS(g + momentum m), or NS(m) without nesterov;
    w -= lr rms_rate sqrt(max(rows, columns)) X. ``adam`` has the matrices that Adam updates
    nevertheless: embeddings, and what has other than two axes in Keras. torch.optim.Muon computes
    NS in bfloat16, Keras in the parameter's dtype. Keras: ``keras/src/optimizers/muon.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.775, 2.0315),
        ns_steps: int = 5,
        rms_rate: float | None = 0.2,
        adam_betas: tuple[float, float] = (0.9, 0.999),
        adam_eps: float = 1e-7,
        adam_weight_decay: float = 0.0,
        adam_lr_ratio: float = 1.0,
        adam: Iterable[Tensor] = (),
        joined: Sequence[Sequence[Tensor]] = (),
        shaped: Mapping[Tensor, Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        super().__init__(
            params,
            joined,
            shaped,
            lr=lr,
            weight_decay=weight_decay,
            momentum=momentum,
            nesterov=nesterov,
            ns_coefficients=ns_coefficients,
            ns_steps=ns_steps,
            rms_rate=rms_rate,
            adam_betas=adam_betas,
            adam_eps=adam_eps,
            adam_weight_decay=adam_weight_decay,
            adam_lr_ratio=adam_lr_ratio,
        )
        self.adam = {id(param) for param in adam}

    def by_adam(self, variable: list[Tensor]) -> bool:
        """Whether a variable is no matrix to be made orthogonal."""
        if len(variable) > 1:
            return False
        return self.in_keras(variable, variable).dim() != 2 or id(variable[0]) in self.adam

    def decay_of(self, variable: list[Tensor], group: dict[str, Any]) -> float:
        decay: float = group["adam_weight_decay" if self.by_adam(variable) else "weight_decay"]
        return decay

    def update_variable(
        self, variable: list[Tensor], grads: list[Tensor], group: dict[str, Any]
    ) -> None:
        if self.by_adam(variable):
            self.update(variable[0], grads[0], group)
        else:
            self.orthogonal_step(variable, grads, group)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        """Adam's step."""
        mean, square = moments_(self.state[param], param, grad, group["adam_betas"])
        root = root_of_rows(square) if grad.is_sparse else square.sqrt()
        lr = group["lr"] * group["adam_lr_ratio"]
        rate = adam_rate(lr, group["adam_betas"], group["step"], param.dtype)
        param.addcdiv_(mean, root.add_(group["adam_eps"]), value=-rate)

    def orthogonal_step(
        self, variable: list[Tensor], grads: list[Tensor], group: dict[str, Any]
    ) -> None:
        """Update a matrix, or the rows that are one together."""
        directions = []
        for param, grad in zip(variable, grads, strict=True):
            state = self.state[param]
            if not state:
                state["momentum_buffer"] = torch.zeros_like(param)
            velocity = state["momentum_buffer"].mul_(group["momentum"]).add_(grad)
            if group["nesterov"]:
                velocity = dense(grad).add(velocity, alpha=group["momentum"])
            directions.append(velocity)
        matrix = self.in_keras(variable, directions)
        change = orthogonalized(matrix, group["ns_coefficients"], group["ns_steps"])
        size = group["lr"]
        if group["rms_rate"] is not None:
            size *= group["rms_rate"] * max(matrix.shape) ** 0.5
        self.subtract(variable, change, size)


def orthogonalized(matrix: Tensor, coefficients: Sequence[float], steps: int) -> Tensor:
    """The nearest orthogonal matrix, roughly: Newton-Schulz iterations of fifth order.

    X = M / |M|; then in each step A = X X'; X = a X + (b A + c A A) X. Shape (rows, columns).
    """
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (torch.linalg.matrix_norm(x) + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = torch.addmm(x, torch.addmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
