"""Adafactor as in Keras."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.shaped_rule import ShapedRule
from keras2torch.training.optimizers.sparse_gradients import add_square_, with_values
from keras2torch.training.optimizers.update_rule import power_in


class Adafactor(ShapedRule):
    """Adam without momentum, whose second moment is kept as the means of its rows and columns.

    q = g^2 + eps1; r and c are averages of its means over the last and the last but one axis, with
    b = 1 - t^beta2_decay; v = r c / mean(r). Of vectors v is the average of q itself.
    u = g / sqrt(v); w -= max(eps2, rms(w)) min(lr, 1 / sqrt(t)) u / max(1, rms(u) / d).

    The axes are Keras'; a transposed matrix comes to the same. r and c of joined vectors are in the
    state of the first. Keras: ``keras/src/optimizers/adafactor.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        beta2_decay: float = -0.8,
        eps: tuple[float, float] = (1e-30, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        joined: Sequence[Sequence[Tensor]] = (),
        shaped: Mapping[Tensor, Callable[[Tensor], Tensor]] | None = None,
    ) -> None:
        super().__init__(
            params,
            joined,
            shaped,
            lr=lr,
            beta2_decay=beta2_decay,
            eps=eps,
            d=d,
            weight_decay=weight_decay,
        )

    def update_variable(
        self, variable: list[Tensor], grads: list[Tensor], group: dict[str, Any]
    ) -> None:
        squares = [torch.zeros_like(param) for param in variable]
        for square, grad in zip(squares, grads, strict=True):
            add_square_(square, grad)
        square = self.in_keras(variable, squares).add_(group["eps"][0])
        root = self.variance(square, self.state[variable[0]], group).sqrt_()
        weight = self.in_keras(variable, variable)
        size = root_mean_square(weight).clamp(min=group["eps"][1])
        size = size * min(group["lr"], 1 / power_in(weight.dtype, group["step"], 0.5))
        if grads[0].is_sparse:
            (grad,) = grads
            rows = root[grad._indices()[0]]
            values = grad._values() / rows
            size = size / (root_mean_square(values, weight.numel()) / group["d"]).clamp(min=1)
            weight.sub_(with_values(grad, values.mul_(size)))
            return
        change = self.in_keras(variable, grads) / root
        change.mul_(size / (root_mean_square(change) / group["d"]).clamp(min=1))
        self.subtract(variable, change)

    def variance(self, square: Tensor, state: dict[str, Tensor], group: dict[str, Any]) -> Tensor:
        """The second moment, from the squared gradient in Keras' shape; a new tensor."""
        kept = 1 - power_in(square.dtype, group["step"], group["beta2_decay"])
        if square.dim() < 2:
            if not state:
                state["variance"] = torch.zeros_like(square)
            return state["variance"].mul_(kept).add_(square, alpha=1 - kept).clone()
        if not state:
            state["row_var"] = torch.zeros_like(square[..., 0])
            state["col_var"] = torch.zeros_like(square[..., 0, :])
        rows = state["row_var"].mul_(kept).add_(square.mean(-1), alpha=1 - kept)
        columns = state["col_var"].mul_(kept).add_(square.mean(-2), alpha=1 - kept)
        share = rows / rows.mean(-1, keepdim=True)
        return share.unsqueeze(-1) * columns.unsqueeze(-2)


def root_mean_square(values: Tensor, count: int | None = None) -> Tensor:
    """Of all values, or of ``count`` of which the others are 0."""
    root: Tensor = torch.linalg.vector_norm(values) / (count or values.numel()) ** 0.5
    return root
