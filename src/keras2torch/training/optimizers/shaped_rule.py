"""Rules that see a variable in Keras' shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from keras2torch.training.optimizers.variable_rule import VariableRule


class ShapedRule(VariableRule):
    """An optimizer to which the axes of a variable matter.

    ``shaped`` has a function for each parameter that has other axes in Keras, which shows it with
    those, such as ``lambda w: w.permute(2, 3, 1, 0)`` for the kernel of a convolution; ``joined``
    has the vectors that are the rows of one matrix there.
    """

    def __init__(
        self,
        params: Any,
        joined: Sequence[Sequence[Tensor]] = (),
        shaped: Mapping[Tensor, Callable[[Tensor], Tensor]] | None = None,
        **defaults: Any,
    ) -> None:
        super().__init__(params, joined, **defaults)
        self.shaped = {id(param): shape for param, shape in (shaped or {}).items()}

    def in_keras(self, variable: list[Tensor], parts: list[Tensor]) -> Tensor:
        """What belongs to the parameters of a variable, in the variable's shape; of one parameter
        it is a view."""
        if len(variable) > 1:
            return torch.stack(parts)
        own = self.shaped.get(id(variable[0]))
        return parts[0] if own is None else own(parts[0])

    def subtract(self, variable: list[Tensor], change: Tensor, size: float = 1.0) -> None:
        """Change the parameters; ``change`` has the variable's shape."""
        if len(variable) == 1:
            self.in_keras(variable, variable).sub_(change, alpha=size)
        else:
            for param, part in zip(variable, change, strict=True):
                param.sub_(part, alpha=size)
