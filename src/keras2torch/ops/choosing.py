"""Operations that choose by conditions, and places by numbers.

Source: keras/src/ops/numpy.py, keras/src/ops/core.py, keras/src/ops/math.py.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers import merging
from keras2torch.ops.calls import (
    Array,
    Drawn,
    booleans,
    call,
    floats,
    in_float32,
)
from keras2torch.ops.joining import several
from keras2torch.ops.operands import cast
from keras2torch.ops.promotion import OF_NUMBERS, kind
from keras2torch.ops.shaping import sizes_option
from keras2torch.ops.table import is_integer
from keras2torch.registry import op


@op("Select", calls=[
    call("select", [booleans(3, 2), booleans(3, 2)], [floats(3, 2), floats(3, 2)], 0.5),
    call("select", [booleans(3)], [floats(3)]),
])  # fmt: skip
def select(step: OpStep, condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """At each place the choice of the first condition that is true there."""
    lists = [list(v) if isinstance(v, (list, tuple)) else [] for v in (condlist, choicelist)]
    conditions, choices = (
        [step.constant(v) if isinstance(v, Constant) else v for v in part] for part in lists
    )
    if not 0 < len(conditions) == len(choices) <= 64:
        raise step.unsupported(f"{len(conditions)} conditions for {len(choices)} choices")
    if not all(isinstance(v, Tensor) for v in (*conditions, *choices)):
        raise step.unsupported("choices that are no tensors")
    dtype = choices[0].dtype
    if kind(dtype) != 2 or any(choice.dtype != dtype for choice in choices):
        raise step.unsupported("choices of anything but floats of one dtype")
    if type(default) not in OF_NUMBERS:
        raise step.unsupported("a default that is no number")
    otherwise: Tensor | None = None
    for condition, choice in zip(conditions[::-1], choices[::-1], strict=True):
        parts = [cast(step, condition, "bool"), choice]
        last = literal(float(default))
        if otherwise is not None:
            parts, last = [*parts, otherwise], "{2}"
        shape = merging.broadcast(step, [part.shape for part in parts])
        like = max(parts, key=lambda part: part.rank)
        text = f"torch.where({{0}}, {{1}}, {last})"
        otherwise = step.compute(text, *parts, like=like, shape=shape, dtype=dtype)
    return otherwise or choices[0]


@op("InTopK", calls=[
    in_float32(call("in_top_k", Drawn((), "int32", 0, 4), (5,), k=2)),
    in_float32(call("in_top_k", Array([1, 4, 0], "int32"), Drawn((3, 5), batched=False), k=3)),
])  # fmt: skip
def in_top_k(step: OpStep, targets: Any, predictions: Any) -> Tensor:
    """Whether fewer than k predictions are above that of the target."""
    k = step.config.int("k", low=1)
    both = [step.constant(v) if isinstance(v, Constant) else v for v in (targets, predictions)]
    if [isinstance(v, Tensor) and v.rank for v in both] != [1, 2] or not is_integer(both[0]):
        raise step.unsupported("a call on anything but a row of targets and a table")
    if both[1].shape[1] is not None:
        step.limit(both[0], both[1].shape[1])
    own = "{1}.gather(1, {0}.long().unsqueeze(1))"
    text = f"({{1}} > {own}).sum(1) < {k}"
    return step.compute(text, *both, like=both[0], shape=both[1].shape[:1], dtype="bool")


@op("UnravelIndex", calls=[
    call("unravel_index", Drawn((), "int32", 0, 23), shape=(2, 3, 4)),
    call("unravel_index", Drawn((), "int64", 0, 5), shape=(3, 2)),
])  # fmt: skip
def unravel_index(step: OpStep, indices: Tensor) -> list[Tensor]:
    """The indices, along each axis of a shape, of elements that are counted in one row."""
    sizes = sizes_option(step, "shape")
    if -1 in sizes or indices.rank != 1 or indices.dtype not in ("int32", "int64"):
        # Keras on TensorFlow takes the axes of more than a row from back to front.
        raise step.unsupported(f"indices of rank {indices.rank} and dtype {indices.dtype}")
    step.limit(indices, prod(sizes))
    text = f"torch.unravel_index({{0}}, {literal(tuple(sizes))})"
    found = several(step, text, [indices.shape] * len(sizes), indices)
    found = [replace(part, dtype="int64") for part in found]
    return [cast(step, part, indices.dtype) for part in found]
