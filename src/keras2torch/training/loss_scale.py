"""Scaling of the loss while training in half precision, as Keras' ``LossScaleOptimizer``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.clipping import gradients_of


class LossScale:
    """A factor for the loss that grows while gradients are finite and halves when they are not.

    A step whose gradients overflow is left out: it advances neither the optimizer nor the
    learning-rate schedule. Keras: ``keras/src/optimizers/loss_scale_optimizer.py``.
    """

    def __init__(self, scale: float = 2.0**15, growth_interval: int = 2000) -> None:
        self.scale = scale
        self.growth_interval = growth_interval
        self.steps = 0  # finite ones since the scale changed

    @torch.no_grad()
    def unscale_(self, parameters: Iterable[Tensor]) -> bool:
        """Divide the gradients by the scale that the loss had; False if this step is left out."""
        gradients = gradients_of(parameters)
        first = gradients[0].device
        finite = torch.stack([gradient.isfinite().all().to(first) for gradient in gradients]).all()
        if not finite:
            self.scale /= 2
            self.steps = 0
            return False
        for gradient in gradients:
            gradient.div_(self.scale)
        self.steps += 1
        if self.steps == self.growth_interval:
            self.scale *= 2
            self.steps = 0
        return True

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"scale": self.scale, "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.scale, self.steps = state["scale"], state["steps"]
