"""Schedule-free AdamW as in Keras."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.sparse_gradients import add_square_, dense, root_of_rows
from keras2torch.training.optimizers.update_rule import UpdateRule, power_in


class ScheduleFreeAdamW(UpdateRule):
    """AdamW with an average of its own iterates in the place of a schedule.

    v as in Adam; z -= lr g / (sqrt(v / (1 - b2^t)) + eps), z starts as the weights w; the average
    x = (w - (1 - b1) z) / b1 before the step becomes (1 - 1/t) x + z / t; w = (1 - b1) z + b1 x.
    lr grows in the first ``warmup_steps``. Keras: ``keras/src/optimizers/schedule_free_adamw.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 2.5e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        warmup_steps: int = 0,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            warmup_steps=warmup_steps,
        )

    def update_group(self, group: dict[str, Any]) -> None:
        for param in group["params"]:
            if param.grad is not None and not self.state[param]:
                self.state[param]["z"] = param.clone()  # as the weights are, not yet decayed
                self.state[param]["exp_avg_sq"] = torch.zeros_like(param)
        super().update_group(group)

    def update(self, param: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        state = self.state[param]
        beta1, beta2 = group["betas"]
        step, warmup = group["step"], group["warmup_steps"]
        z, variance = state["z"], state["exp_avg_sq"]
        lr = group["lr"] * min(step / warmup, 1.0) if warmup else group["lr"]
        add_square_(variance.mul_(beta2), grad, 1 - beta2)
        average = param.sub(z, alpha=1 - beta1).div_(beta1)
        correction = 1 - power_in(param.dtype, beta2, step)
        root = root_of_rows(variance) if grad.is_sparse else variance.sqrt()
        root.div_(correction**0.5).add_(group["eps"])
        z.addcdiv_(dense(grad), root, value=-lr)
        average.lerp_(z, 1 / step)
        torch.lerp(z, average, beta1, out=param)
