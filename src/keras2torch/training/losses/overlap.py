"""Keras' losses of overlapping regions: one value, or one for each place outside of ``axis``.

Source: keras/src/losses/losses.py.
"""

from __future__ import annotations

from torch import Tensor

from keras2torch.training.ranks import same_rank


def dice(
    outputs: Tensor,
    targets: Tensor,
    axis: int | tuple[int, ...] | None = None,
    epsilon: float = 1e-7,
) -> Tensor:
    """1 - 2 sum(y p) / (sum(y) + sum(p)) over ``axis``, or over everything, the batch too."""
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    both = (targets * outputs).sum(axis)
    return 1 - 2 * both / (targets.sum(axis) + outputs.sum(axis) + epsilon)


def tversky(
    outputs: Tensor,
    targets: Tensor,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | tuple[int, ...] | None = None,
    epsilon: float = 1e-7,
) -> Tensor:
    """1 - t / (t + alpha m + beta f), with t = sum(y p), m = sum(y (1 - p)), f = sum((1 - y) p).

    So ``alpha`` weighs what the outputs miss, though Keras' documentation says the reverse.
    """
    outputs, targets = same_rank(outputs, targets.to(outputs.dtype))
    both = (targets * outputs).sum(axis)
    missed = ((1 - outputs) * targets).sum(axis)
    false = (outputs * (1 - targets)).sum(axis)
    return 1 - both / (both + alpha * missed + beta * false + epsilon)
