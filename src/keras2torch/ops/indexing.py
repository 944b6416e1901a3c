"""Operations that pick elements: ``x[:, 0]``, take, where. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.errors import ConfigError
from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers import merging
from keras2torch.ops.calls import Array, booleans, call, ints
from keras2torch.ops.operands import array_of, axis_option, cast, together
from keras2torch.ops.reductions import flat
from keras2torch.registry import op

MOST_INDICES = 32  # that are written as a list; more become a buffer


@op("GetItem", any_order=True, calls=[
    call("get_item", (3, 2), (slice(None), 0)), call("get_item", (3, 2), (Ellipsis, slice(0, 1))),
    call("get_item", (5, 4), (slice(None), slice(1, 4, 2), slice(None, -1))),
    call("get_item", (5, 4), (slice(None), slice(None, None, -1))),
    call("get_item", (5, 4), (slice(None), slice(4, 1, -2), None, -1)),
    call("get_item", (5, 4), (slice(None), None)), call("get_item", (5, 4), 0),
    call("get_item", (5, 4), (slice(0, 1),)), call("get_item", (2, 3, 4), (Ellipsis, 1)),
    call("get_item", (2, 3, 4), (slice(None), slice(1, None), Ellipsis, -1)),
    call("get_item", (None, 4), (slice(None), -1)),
    call("get_item", (None, 4), (slice(None), slice(1, -1))),
])  # fmt: skip
def get_item(step: OpStep, x: Tensor, key: Any) -> Tensor:
    """``x[key]``: numbers, slices, None and an ellipsis, wherever the axes lie."""
    x = step.keras_order(x) if x.flat else x
    keys = _keys(step, x, key)
    if any(part is None for part in keys):
        x = step.keras_order(x)
    backwards = []
    texts: list[str] = [":"] * x.rank
    if x.order is None:
        texts = []
    shape: list[int | None] = []
    axis = 0
    gone = []
    for part in keys:
        if part is None:
            texts.append("None")
            shape.append(1)
            continue
        size = x.shape[axis]
        text = _text(part)
        if isinstance(part, slice):
            if part.step is not None and part.step < 0:
                backwards.append(axis)
                part = _turned(step, part, size)
                text = _text(part)
            shape.append(_length(part, size))
        else:
            if size is not None and not -size <= part < size:
                raise ConfigError(f"{step.where}: an axis of size {size} has no element {part}")
            gone.append(axis)
        if x.order is None:
            texts.append(text)
        else:
            texts[x.order.index(axis)] = text
        axis += 1
    order = None
    if x.order is not None:
        kept = [a for a in range(x.rank) if a not in gone]
        order = tuple(kept.index(a) for a in x.order if a in kept)
        order = None if order == tuple(sorted(order)) else order
    if backwards:
        dims = ", ".join(str(x.dim(a)) for a in backwards)
        x = step.compute(f"{{0}}.flip({dims})", x, like=x)
    return step.compute(_index(texts), x, like=x, shape=tuple(shape), order=order)


def _index(texts: list[str]) -> str:
    """``x[:, 0]``; axes at the end that are taken whole are not named."""
    while len(texts) > 1 and texts[-1] == ":":
        texts.pop()
    return "{0}" if texts == [":"] else f"{{0}}[{', '.join(texts)}]"


def _keys(step: OpStep, x: Tensor, key: Any) -> list[Any]:
    """One key for each axis, and None for new ones."""
    keys = list(key) if isinstance(key, (list, tuple)) else [key]
    for part in keys:
        if part is not None and part is not Ellipsis and type(part) not in (int, slice):
            raise step.unsupported("an index that is neither a number nor a slice")
    count = sum(part is not None and part is not Ellipsis for part in keys)
    if sum(part is Ellipsis for part in keys) > 1 or count > x.rank or len(keys) > 16:
        raise ConfigError(f"{step.where}: {len(keys)} indices for {x.rank} axes")
    if Ellipsis not in keys:
        keys.append(Ellipsis)
    place = keys.index(Ellipsis)
    keys[place : place + 1] = [slice(None)] * (x.rank - count)
    return keys


def _text(part: Any) -> str:
    if not isinstance(part, slice):
        return str(part)
    start, stop = ("" if v is None else str(v) for v in (part.start, part.stop))
    return f"{start}:{stop}" + ("" if part.step in (None, 1) else f":{part.step}")


def _turned(step: OpStep, part: slice, size: int | None) -> slice:
    """A slice from back to front as one of the flipped axis."""
    if part.start is None and part.stop is None:
        return slice(None, None, None if part.step == -1 else -part.step)
    if size is None:
        raise step.unsupported("a slice from back to front of an axis of unknown size")
    places = range(*part.indices(size))
    if not len(places):
        return slice(0, 0)
    return slice(size - 1 - places[0], size - 1 - places[-1] + 1, -part.step)


def _length(part: slice, size: int | None) -> int | None:
    if size is not None:
        return len(range(*part.indices(size)))
    return None


@op("Take", any_order=True, calls=[
    call("take", (3, 2), 1, axis=1), call("take", (3, 2), [0, 2], axis=1),
    call("take", (3, 2), Array([[0, 1], [2, -1]], "int64"), axis=1),
    call("take", (3, 2), ints(4, low=0, high=1), axis=-1), call("take", (3,), 0, axis=0),
    call("take", (3, 2), [0, 3, 5]),
    call("take", Array([[0.5, 1.0], [2.0, 3.0]]), ints(3, low=0, high=1), axis=0),
    call("take", (40,), Array(list(range(39, -1, -1)), "int32"), axis=1),
])  # fmt: skip
def take(step: OpStep, x: Any, indices: Any) -> Tensor:
    """Elements of one axis by their numbers; negative ones count from the end."""
    if isinstance(x, Constant):
        x = step.constant(x)
    if not isinstance(x, Tensor):
        raise step.unsupported("a call on what is no tensor")
    x = step.keras_order(x)
    if step.config.raw("axis", None) is None:
        x, axis = flat(step, x), 0
    else:
        axis = axis_option(step, x.rank)
    front = ":, " * axis
    before, after = x.shape[:axis], x.shape[axis + 1 :]
    if isinstance(indices, Tensor):
        if indices.dtype not in ("int32", "int64"):
            indices = cast(step, indices, "int32")
        indices = step.keras_order(indices)
        size = x.shape[axis]
        if size is not None:
            step.limit(indices, size)
        shape = (*before, *indices.shape, *after)
        return step.compute(f"{{0}}[{front}{{1}}]", x, indices, like=x, shape=shape)
    if type(indices) is int:
        return step.compute(f"{{0}}[{front}{indices}]", x, like=x, shape=(*before, *after))
    array = array_of(step, indices)
    shape = (*before, *array.shape, *after)
    if array.dtype.kind not in "iu":
        raise step.unsupported("indices that are no whole numbers")
    if array.size > MOST_INDICES or not array.ndim:
        whole = step.constant(Constant(array.astype(np.int64)))
        return step.compute(f"{{0}}[{front}{{1}}]", x, whole, like=x, shape=shape)
    return step.compute(f"{{0}}[{front}{literal(array.tolist())}]", x, like=x, shape=shape)


@op("TakeAlongAxis", calls=[
    call("take_along_axis", (3, 2), ints(3, 2, low=0, high=2), axis=1),
    call("take_along_axis", (3, 2), ints(3, 1, low=-2, high=1, dtype="int64"), axis=-1),
])  # fmt: skip
def take_along_axis(step: OpStep, x: Any, indices: Any) -> Tensor:
    """For each place, the element of an axis with the number given there."""
    axis = axis_option(step, x.rank)
    if not isinstance(x, Tensor) or not isinstance(indices, Tensor) or x.rank != indices.rank:
        raise step.unsupported("a call on anything but two tensors of one rank")
    size = x.shape[axis]
    if size is None:
        raise step.unsupported("an axis of unknown size")
    # Negative numbers count from the end.
    text = f"torch.take_along_dim({{0}}, {{1}}.long() % {size}, dim={axis})"
    rest = [(*t.shape[:axis], *t.shape[axis + 1 :]) for t in (x, indices)]
    shape = list(merging.broadcast(step, rest))
    shape.insert(axis, indices.shape[axis])
    return step.compute(text, x, indices, like=x, shape=tuple(shape))


@op("Where", any_order=True, calls=[
    call("where", booleans(3, 2), (3, 2), (3, 2)), call("where", booleans(3, 2), (2,), 0.0),
    call("where", booleans(3), 1, ints(3)), call("where", ints(3, low=0, high=1), (3,), ints(3)),
    call("where", booleans(3), (3,), -1e9), call("where", booleans(3), 1.0, 0.0),
    call("where", booleans(3), 1, 0),
])  # fmt: skip
def where(step: OpStep, condition: Any, x1: Any = None, x2: Any = None) -> Tensor:
    """One thing where something is true, another elsewhere."""
    if x1 is None or x2 is None:
        raise step.unsupported("finding what is not 0, whose count depends on the data,")
    if not isinstance(condition, Tensor):
        raise step.unsupported("a condition that is no tensor")
    condition = cast(step, condition, "bool")
    if not any(isinstance(x, (Tensor, Constant)) for x in (x1, x2)):
        return _of_numbers(step, condition, x1, x2)
    pair = together(step, (x1, x2))
    parts = list(pair.tensors)
    ranks = {t.rank for t in (condition, *parts)}
    if len(ranks) == 1:
        condition, *parts = merging.in_one_order(step, [condition, *parts])
    else:
        condition, *parts = [step.keras_order(t) for t in (condition, *parts)]
    shape = merging.broadcast(step, [condition.shape, *(t.shape for t in parts)])
    like = max([*parts, condition], key=lambda t: t.rank)
    texts = iter(range(1, 3))
    given = [
        f"{{{next(texts)}}}" if isinstance(item, Tensor) else literal(item) for item in pair.items
    ]
    text = f"torch.where({{0}}, {', '.join(given)})"
    return step.compute(text, condition, *parts, like=like, shape=shape, dtype=pair.dtype)


def _of_numbers(step: OpStep, condition: Tensor, x1: Any, x2: Any) -> Tensor:
    kinds = {type(x1), type(x2)}
    if not kinds <= {int, float, bool}:
        raise step.unsupported("a choice between what are no numbers")
    if float in kinds:
        text = f"torch.where({{0}}, {literal(float(x1))}, {literal(float(x2))})"
        return step.compute(text, condition, like=condition, dtype="float32")
    dtype = "bool" if kinds == {bool} else "int32"
    whole = step.compute(
        f"torch.where({{0}}, {literal(x1)}, {literal(x2)})",
        condition,
        like=condition,
        dtype="int64",
    )
    return whole if dtype == "bool" else cast(step, whole, dtype)
