"""What a layer's outputs cost in training."""

from typing import Any

import torch
from torch import Tensor, nn


class ActivityPenalty(nn.Module):
    """The identity, which keeps a penalty of what it sees: Keras' ``activity_regularizer``.

    ``l1 * sum(|x|) + l2 * sum(x**2)`` over the size of the batch. ``calls`` is how often one pass
    through the model gets here; ``penalty()`` is the sum over the last pass.
    Source: ``Layer.__call__`` in keras/src/layers/layer.py, keras/src/regularizers/regularizers.py.
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, calls: int = 1) -> None:
        super().__init__()
        self.l1 = l1
        self.l2 = l2
        self.calls = calls
        self.seen: list[Tensor] = []

    def forward(self, *outputs: Tensor) -> Any:
        """The outputs as they are: one, or a tuple of several."""
        cost = torch.stack([self.cost(x) for x in outputs]).sum()
        self.seen = [*self.seen, cost][-self.calls :]
        return outputs[0] if len(outputs) == 1 else outputs

    def cost(self, x: Tensor) -> Tensor:
        """The penalty of one output, a scalar."""
        cost = x.new_zeros(())
        if self.l1:
            cost = cost + self.l1 * x.abs().sum()
        if self.l2:
            cost = cost + self.l2 * x.square().sum()
        return cost / max(1, len(x))

    def penalty(self) -> Tensor:
        """What the last pass through the model costs."""
        return torch.stack(self.seen).sum()

    def __deepcopy__(self, memo: dict[int, Any]) -> "ActivityPenalty":
        """A copy has seen nothing; what this one saw hangs on its graph and can't be copied."""
        return ActivityPenalty(self.l1, self.l2, self.calls).train(self.training)
