"""Outputs and targets made comparable."""

from __future__ import annotations

from torch import Tensor

from keras2torch.training.ranks import same_rank


def matched(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs and targets with as many axes each, the targets in the outputs' dtype."""
    return same_rank(outputs, targets.to(outputs.dtype))


def matched_exactly(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The same for losses that broadcast nothing: Keras' crossentropies refuse other shapes."""
    outputs, targets = matched(outputs, targets)
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs of shape {tuple(outputs.shape)} need targets of that shape, "
            f"found {tuple(targets.shape)}"
        )
    return outputs, targets
