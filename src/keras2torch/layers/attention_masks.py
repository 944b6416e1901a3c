"""What the attention layers share: the masks of their inputs, and how masks are combined."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.merging import mask_like


def mask_of(step: Step, x: Tensor | None, explicit: Any = None) -> Tensor | None:
    """The mask that an argument ``<x>_mask`` gave, or the one that ``x`` carries."""
    if explicit is not None:
        if not isinstance(explicit, Tensor):
            raise step.unsupported("a mask that is no tensor")
        return step.boolean(explicit)
    if x is None or x.mask is None:
        return None
    return replace(mask_like(x), value=x.mask)


def rows(step: Step, mask: Tensor, heads: bool = False) -> Tensor:
    """A mask of queries for the scores (..., T, S), or those of several ``heads`` at once."""
    return _by_heads(step, mask, ":, None") if heads else _expanded(step, mask, -1)


def columns(step: Step, mask: Tensor, heads: bool = False) -> Tensor:
    """A mask of keys or values for the scores (..., T, S), or those of several ``heads``."""
    return _by_heads(step, mask, "None, :") if heads else _expanded(step, mask, -2)


def _by_heads(step: Step, mask: Tensor, places: str) -> Tensor:
    """A mask (batch, steps) for scores (batch, heads, T, S)."""
    shape = (mask.shape[0], 1, *((mask.shape[1], 1) if places[0] == ":" else (1, mask.shape[1])))
    places = places.removesuffix(", :")
    return step.compute(
        f"{{0}}[:, None, {places}]", mask, like=mask, shape=shape, dtype="bool", hint="mask"
    )


def raised(step: Step, mask: Tensor, axis: int, rank: int) -> Tensor:
    """The mask with axes of size 1 at ``axis`` (from the end) until it has ``rank`` axes. None is
    needed where PyTorch's broadcasting puts them there itself, in front."""
    while mask.rank < rank and mask.rank >= -axis:
        mask = _expanded(step, mask, axis)
    return mask


def _expanded(step: Step, mask: Tensor, axis: int) -> Tensor:
    place = axis + mask.rank + 1
    shape = (*mask.shape[:place], 1, *mask.shape[place:])
    written = axis if axis >= -2 else place
    return step.compute(
        f"{{0}}.unsqueeze({written})", mask, like=mask, shape=shape, dtype="bool", hint="mask"
    )


def all_of(step: Step, masks: list[Tensor | None]) -> Tensor | None:
    """True where every mask is; masks may be broadcast to each other."""
    given = [mask for mask in masks if mask is not None]
    unique = list({mask.value: mask for mask in given}.values())
    if len(unique) < 2:
        return unique[0] if unique else None
    parts = " & ".join(f"{{{place}}}" for place in range(len(unique)))
    like = max(unique, key=lambda mask: mask.rank)
    return step.compute(parts, *unique, like=like, dtype="bool", hint="mask")
