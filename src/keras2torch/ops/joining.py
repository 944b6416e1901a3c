"""Operations that join tensors or take them apart. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from keras2torch.ir.graph import Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers import merging
from keras2torch.layers.concatenate import axis_of, joined
from keras2torch.ops.calls import call, ints, line
from keras2torch.ops.operands import axis_in, axis_option, cast, dtype_of, items_of
from keras2torch.ops.promotion import result_type
from keras2torch.ops.reductions import flat
from keras2torch.registry import op

MOST_PARTS = 4096


def tensors_of(step: OpStep, xs: Any) -> list[Tensor]:
    """A list of tensors and arrays, all of one dtype."""
    if not isinstance(xs, (list, tuple)) or not xs:
        raise step.unsupported("a call on anything but a list of tensors")
    items = items_of(step, list(xs))
    dtype = result_type(*map(dtype_of, items))
    tensors = [x for x in items if isinstance(x, Tensor)]
    if len(tensors) != len(items):
        raise step.unsupported("numbers among tensors")
    return [cast(step, x, dtype) for x in tensors]


@op("Concatenate", any_order=True, calls=[
    call("concatenate", [(3, 2), (3, 4)], axis=-1), call("concatenate", [(3, 2), (1, 2)], axis=1),
    call("concatenate", [(3,), ints(3)], axis=0),
    call("concatenate", [ints(3, dtype="int64"), ints(2)], axis=1),
])  # fmt: skip
def concatenate(step: OpStep, xs: Any) -> Tensor:
    """Tensors, or the masks of tensors, side by side on one axis."""
    tensors = tensors_of(step, xs)
    return joined(step, tensors, axis_of(step, tensors), None)


def _along(step: OpStep, xs: Any, axis: int) -> Tensor:
    tensors = tensors_of(step, xs)
    if {x.rank for x in tensors} != {tensors[0].rank}:
        raise step.unsupported("tensors of different ranks")
    return joined(step, tensors, axis, None)


@op("Hstack", any_order=True, calls=[call("hstack", [(3, 2), (1, 2)])])
def hstack(step: OpStep, xs: Any) -> Tensor:
    """Side by side on the second axis."""
    return _along(step, xs, min(1, tensors_of(step, xs)[0].rank - 1))


@op("Vstack", any_order=True, calls=[call("vstack", [(3, 2), (3, 2)])])
def vstack(step: OpStep, xs: Any) -> Tensor:
    """One above the other, on the first axis."""
    if tensors_of(step, xs)[0].rank < 2:
        raise step.unsupported("vectors")
    return _along(step, xs, 0)


@op("Dstack", calls=[call("dstack", [(3, 2), (3, 1)]), call("dstack", [(3,), (3,)])])
def dstack(step: OpStep, xs: Any) -> Tensor:
    """One behind the other, on the third axis."""
    tensors = tensors_of(step, xs)
    if tensors[0].rank < 2:
        raise step.unsupported("vectors")
    deep = [
        x if x.rank > 2 else step.compute("{0}.unsqueeze(-1)", x, like=x, shape=(*x.shape, 1))
        for x in tensors
    ]
    return _along(step, deep, 2)


@op("Append", calls=[call("append", (3, 2), (3, 1), axis=-1), call("append", (3,), (2,))])
def append(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """One tensor behind another; without an axis, both in a row."""
    tensors = tensors_of(step, [x1, x2])
    if step.config.raw("axis", None) is None:
        return joined(step, [flat(step, x) for x in tensors], 0, None)
    return joined(step, tensors, axis_of(step, tensors), None)


@op("Stack", any_order=True, calls=[
    call("stack", [(3, 2), (3, 2)], axis=1), call("stack", [(3,), (3,)], axis=-1),
    call("stack", [(3,), ints(3)]),
])  # fmt: skip
def stack(step: OpStep, x: Any) -> Tensor:
    """Tensors beside each other on a new axis."""
    tensors = [step.keras_order(t) for t in tensors_of(step, x)]
    rank = tensors[0].rank
    axis = axis_option(step, rank + 1, default=0)
    shape = list(merging.broadcast(step, [t.shape for t in tensors]))
    shape.insert(axis, len(tensors))
    parts = ", ".join(f"{{{place}}}" for place in range(len(tensors)))
    dim = -1 if axis == rank else axis
    return step.compute(
        f"torch.stack([{parts}], dim={dim})", *tensors, like=tensors[0], shape=tuple(shape)
    )


@op("Meshgrid", calls=[
    call("meshgrid", line(3), line(2)), call("meshgrid", line(3), line(2), indexing="ij"),
])  # fmt: skip
def meshgrid(step: OpStep, *x: Any) -> list[Tensor]:
    """Coordinates of a grid, from those of its axes; the batch is a part of an axis."""
    given = items_of(step, x)
    dtype = result_type(*map(dtype_of, given))
    rows = [flat(step, cast(step, t, dtype)) for t in given if isinstance(t, Tensor)]
    if len(rows) != len(given):
        raise step.unsupported("numbers among tensors")
    indexing = step.config.choice("indexing", ("xy", "ij"), "xy")
    sizes: list[int | None] = [row.shape[0] for row in rows]
    if indexing == "xy" and len(sizes) > 1:
        sizes[:2] = sizes[1], sizes[0]
    parts = ", ".join(f"{{{place}}}" for place in range(len(rows)))
    return several(
        step, f'torch.meshgrid({parts}, indexing="{indexing}")', [tuple(sizes)] * len(rows), *rows
    )


def several(
    step: OpStep, expression: str, shapes: Sequence[Shape], *operands: Tensor
) -> list[Tensor]:
    """The tensors of one statement that makes several."""
    if not 0 < len(shapes) <= MOST_PARTS:
        raise step.unsupported(f"{len(shapes)} results")
    pattern = ", ".join(f"{{{place}}}" for place in range(len(shapes)))
    if len(shapes) == 1:
        pattern = "({0},)"
    values = step.unpack(
        pattern, (step.name,) * len(shapes), expression, *operands, shape=shapes[0]
    )
    like = replace(operands[0], order=None, flat=None)
    return [
        replace(like, value=value, shape=shape) for value, shape in zip(values, shapes, strict=True)
    ]


@op("Split", calls=[
    call("split", (4, 2), 2, axis=1), call("split", (3, 4), 2, axis=-1),
    call("split", (4,), 1, axis=1),
    call("split", (5, 2), indices_or_sections=(1, 3), axis=1),
    call("split", (4,), indices_or_sections=[2], axis=1),
])  # fmt: skip
def split(step: OpStep, x: Tensor) -> list[Tensor]:
    """Parts of an axis: so many equal ones, or cut at these places."""
    return _split(step, x, axis_option(step, x.rank, default=0), even=True)


@op("ArraySplit", calls=[
    call("array_split", (5, 2), 3, axis=1),
])  # fmt: skip
def array_split(step: OpStep, x: Tensor) -> list[Tensor]:
    """Parts of an axis, the first ones longer where they can't be equal."""
    return _split(step, x, axis_option(step, x.rank, default=0), even=False)


@op("Hsplit", calls=[call("hsplit", (4, 2), 2)])
def hsplit(step: OpStep, x: Tensor) -> list[Tensor]:
    """Parts of the second axis."""
    return _split(step, x, min(1, x.rank - 1), even=True)


@op("Vsplit", calls=[call("vsplit", ints(1), 1)])
def vsplit(step: OpStep, x: Tensor) -> list[Tensor]:
    """Parts of the first axis."""
    return _split(step, x, 0, even=True)


@op("Dsplit", calls=[call("dsplit", (3, 4), 2)])
def dsplit(step: OpStep, x: Tensor) -> list[Tensor]:
    """Parts of the third axis."""
    return _split(step, x, axis_in(step, 2, x.rank), even=True)


def _split(step: OpStep, x: Tensor, axis: int, even: bool) -> list[Tensor]:
    value, size = step.config.raw("indices_or_sections"), x.shape[axis]
    dim = -1 if axis == x.rank - 1 else axis

    def shapes(sizes: Sequence[int | None]) -> list[Shape]:
        return [(*x.shape[:axis], part, *x.shape[axis + 1 :]) for part in sizes]

    if type(value) is int:
        if not 0 < value <= MOST_PARTS:
            raise step.config.wrong("indices_or_sections", "a number of parts", value)
        if size is None:
            return several(step, f"{{0}}.chunk({value}, dim={dim})", shapes([None] * value), x)
        if size % value and even:
            raise step.unsupported(f"{value} equal parts of {size}")
        sizes = [size // value + (part < size % value) for part in range(value)]
        text = f"{{0}}.tensor_split({value}, dim={dim})"
        if size % value == 0:
            text = f"{{0}}.chunk({value}, dim={dim})"
        return several(step, text, shapes(sizes), x)
    if not isinstance(value, list) or any(type(v) is not int for v in value):
        raise step.config.wrong("indices_or_sections", "whole numbers", value)
    text = f"{{0}}.tensor_split({literal(tuple(value))}, dim={dim})"
    if size is None:
        return several(step, text, shapes([None] * (len(value) + 1)), x)
    places = [0, *(slice(place).indices(size)[1] for place in value), size]
    if sorted(places) != places:
        raise step.unsupported(f"parts cut at {value[:8]}")
    return several(step, text, shapes([b - a for a, b in pairwise(places)]), x)


@op("Unstack", calls=[call("unstack", (3, 2), axis=1), call("unstack", (3, 2), num=2, axis=-1)])
def unstack(step: OpStep, x: Tensor) -> list[Tensor]:
    """The tensors of which an axis is made."""
    axis = axis_option(step, x.rank, default=0)
    size = x.shape[axis]
    number = step.config.int_or_none("num")
    if size is None or number not in (None, size):
        raise step.unsupported(f"{number} tensors from an axis of size {size}")
    shape = (*x.shape[:axis], *x.shape[axis + 1 :])
    return several(step, f"{{0}}.unbind({axis})", [shape] * size, x)
