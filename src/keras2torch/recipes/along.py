"""A call that takes norms of a weight along some of its axes."""

from __future__ import annotations

from dataclasses import dataclass

from keras2torch.recipes.call import Call


@dataclass(frozen=True)
class AlongAxes(Call):
    """A call with an argument ``dim`` that is told once PyTorch's dimensions are known.

    ``axes`` are those of Keras' variable, None for all of them. ``rank`` is the number of axes that
    it must have, if only one will do.
    """

    axes: tuple[int, ...] | None = None
    rank: int | None = None
