from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from keras2torch.errors import ConfigError
from keras2torch.ir.program import Tensor, Value
from keras2torch.ir.step import Step
from keras2torch.layers import merging
from keras2torch.registry import Integers, example, layer


@layer(
    "Concatenate",
    masks="own",
    any_order=True,
    examples=[
        example({}, [(4,), (3,), (4,)]),
        example({"axis": 1}, [(5, 4), (3, 4)]),
        example({"axis": -2}, [(5, 2, 4), (5, 3, 4)]),
        example({}, [(None, 4), (None, 2)]),
        example({"axis": 1}, [(None, 4), (3, 4)]),
        example({"axis": 0}, [(4,), (4,)]),
        example({}, [Integers((4,), 9), (3,)]),
    ],
)
def concatenate(step: Step, inputs: Any) -> Tensor:
    """The inputs side by side on one axis."""
    tensors = merging.inputs_of(step, inputs)
    axis = axis_of(step, tensors)
    return joined(step, tensors, axis, _mask(step, tensors, axis))


def axis_of(step: Step, inputs: Sequence[Tensor]) -> int:
    """The option ``axis``, counted from the front."""
    axis, rank = step.config.int("axis", -1), inputs[0].rank
    if not -rank <= axis < rank or {x.rank for x in inputs} != {rank}:
        shapes = [x.shape for x in inputs]
        raise ConfigError(f"{step.where}: shapes {shapes} have no axis {axis} in common")
    return axis % rank


def joined(step: Step, inputs: Sequence[Tensor], axis: int, mask: Value | None) -> Tensor:
    """``torch.cat`` along Keras' ``axis``."""
    if axis == 1 and len(inputs) > 1:
        inputs = [step.keras_order(x) if x.flat else x for x in inputs]
    tensors = merging.in_one_order(step, inputs)
    first = tensors[0]
    if len(tensors) == 1:
        return first
    along = [x.shape[axis] for x in tensors]
    shape = list(merging.broadcast(step, [(*x.shape[:axis], *x.shape[axis + 1 :]) for x in inputs]))
    shape.insert(axis, None if None in along else sum(size or 0 for size in along))
    dim = first.dim(axis)
    last = dim == first.rank - 1 and first.order is None
    parts = ", ".join(f"{{{place}}}" for place in range(len(tensors)))
    return step.compute(
        f"torch.cat([{parts}], dim={-1 if last else dim})",
        *tensors,
        like=first,
        shape=tuple(shape),
        dtype=merging.common_dtype(tensors),
        mask=mask,
    )


def _mask(step: Step, inputs: Sequence[Tensor], axis: int) -> Value | None:
    """A step counts if it counts in any part; parts without a mask count everywhere.

    Keras' mask of ones for such parts is left out where nothing would be masked.
    """
    if len(inputs) == 1 or all(x.mask is None for x in inputs):
        return inputs[0].mask
    if axis == inputs[0].rank - 1:
        return merging.either_mask(step, inputs)
    masks = [merging.mask_like(x) for x in inputs]
    parts = [
        step.compute("{0}", x.mask, like=like, hint="mask") if x.mask else _ones(step, x)
        for x, like in zip(inputs, masks, strict=True)
    ]
    return joined(step, parts, axis, None).value


def _ones(step: Step, x: Tensor) -> Tensor:
    x = step.keras_order(x)
    expression = "torch.ones_like({0}[..., 0], dtype=torch.bool)"
    return step.compute(expression, x, like=merging.mask_like(x), hint="mask")
