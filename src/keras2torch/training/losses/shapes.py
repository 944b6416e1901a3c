"""Outputs and targets made comparable."""

from __future__ import annotations

from torch import Tensor

from keras2torch.training.ranks import same_rank


def matched_exactly(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs and targets of one shape, the targets in the outputs' dtype.

    Keras' crossentropies refuse other shapes instead of broadcasting them.
    """
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    if outputs.shape != targets.shape:
        raise ValueError(
            f"outputs of shape {tuple(outputs.shape)} need targets of that shape, "
            f"found {tuple(targets.shape)}"
        )
    return outputs, targets
