"""Rules that see each of Keras' variables as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from keras2torch.training.optimizers.update_rule import UpdateRule


class VariableRule(UpdateRule):
    """An optimizer that looks at one of Keras' variables at a time.

    ``joined`` has the parameters that are one variable in Keras, such as the two biases of a GRU.
    """

    def __init__(
        self, params: Any, joined: Sequence[Sequence[Tensor]] = (), **defaults: Any
    ) -> None:
        super().__init__(params, **defaults)
        self.joined = {id(param): list(group) for group in joined for param in group}

    def update_group(self, group: dict[str, Any]) -> None:
        for param in group["params"]:
            variable = self.joined.get(id(param), [param])
            grads = [p.grad for p in variable if p.grad is not None]
            if len(grads) == len(variable) and variable[0] is param:
                decay = self.decay_of(variable, group)
                if decay:
                    for part in variable:
                        part.sub_(part, alpha=group["lr"] * decay)
                self.update_variable(variable, grads, group)

    def decay_of(self, variable: list[Tensor], group: dict[str, Any]) -> float:
        """The weight decay of a variable."""
        decay: float = group["weight_decay"]
        return decay

    def update_variable(
        self, variable: list[Tensor], grads: list[Tensor], group: dict[str, Any]
    ) -> None:
        """Change the parameters of one variable, and their state."""
        raise NotImplementedError
