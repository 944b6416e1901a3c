"""Operations that fill tensors: one number, or numbers from one to another.

Source: keras/src/ops/numpy.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import Array, OpCall, call, floats, ints, line
from keras2torch.ops.operands import axis_in, cast, dtype_option, together, torch_dtype
from keras2torch.ops.promotion import OF_NUMBERS, kind
from keras2torch.registry import op

MOST = 1 << 16  # numbers from one to another


@op("FullLike", any_order=True, calls=[
    call("full_like", (3, 2), 2.5), call("full_like", ints(3), 7), call("full_like", (3,), 1),
    call("full_like", (3, 2), 3, dtype="int32"), call("full_like", (3, 2), floats(3, 1)),
    call("full_like", (3, 2), Array([1.5, -2.0])),
])  # fmt: skip
def full_like(step: OpStep, x: Tensor, fill_value: Any) -> Tensor:
    """One number in all places, or a tensor that is broadcast to them."""
    dtype = dtype_option(step) or x.dtype
    if type(fill_value) in OF_NUMBERS:
        if kind(OF_NUMBERS[type(fill_value)]) > kind(dtype):
            raise step.unsupported(f"{fill_value!r} as {dtype}")
        given = "" if dtype == x.dtype else f", dtype={torch_dtype(dtype)}"
        text = f"torch.full_like({{0}}, {literal(fill_value)}{given})"
        return step.compute(text, x, like=x, dtype=dtype)
    filler = step.constant(fill_value) if isinstance(fill_value, Constant) else fill_value
    if not isinstance(filler, Tensor) or filler.rank > x.rank:
        raise step.unsupported("filling with what is no number")
    x, filler = step.keras_order(x), cast(step, step.keras_order(filler), dtype)
    return step.compute("{1}.expand_as({0})", x, filler, like=x, dtype=dtype)


def _series(name: str, formula: str, *calls: OpCall) -> None:
    """So many numbers from one to another, along a new axis."""

    def lower(step: OpStep, start: Any, stop: Any) -> Any:
        count = step.config.int("num", 50, low=1)
        if count > MOST:
            raise step.config.wrong("num", f"at most {MOST}", count)
        dtype = dtype_option(step)
        both = together(step, (start, stop), "float")
        if kind(dtype or both.dtype) != 2:
            raise step.unsupported(f"numbers of dtype {dtype}")
        ends = _tensors(step, both.items, dtype or both.dtype)
        axis = axis_in(step, step.config.int("axis", 0), both.like.rank + 1)
        inner = [str(count)]
        if axis and name == "Geomspace":  # Keras on TensorFlow can't
            raise step.unsupported(f"axis {axis}")
        if axis:
            inner.append(f"dim={axis}")
        if not step.config.bool("endpoint", True):
            inner.append("endpoint=False")
        if name == "Logspace":
            inner.insert(0, literal(step.config.float("base", 10.0)))
        shape = (*both.shape[:axis], count, *both.shape[axis:])
        text = f"{step.helper(formula)}({{0}}, {{1}}, {', '.join(inner)})"
        made = step.compute(text, *ends, like=ends[0], shape=shape)
        if name == "Linspace":
            step.config.require("retstep", False, False)
        return made

    op(name, calls=calls)(lower)


def _tensors(step: OpStep, items: tuple[Any, ...], dtype: str) -> list[Tensor]:
    """Both ends as tensors of one dtype."""
    first = next(item for item in items if isinstance(item, Tensor))
    first = cast(step, first, dtype)
    ends = []
    for item in items:
        if isinstance(item, Tensor):
            ends.append(cast(step, item, dtype))
        else:
            text = f"torch.full_like({{0}}, {literal(float(item))})"
            ends.append(step.compute(text, first, like=replace(first, mask=None)))
    return ends


_series("Linspace", "linspace",
        call("linspace", (3,), (3,), 5), call("linspace", (3,), 2.0, num=4, axis=-1),
        call("linspace", 0, (3, 2), num=4, endpoint=False, axis=1),
        call("linspace", ints(3), (3,), num=1))  # fmt: skip
_series("Logspace", "logspace",
        call("logspace", (3,), (3,), num=5), call("logspace", 0.0, (3,), num=4, base=2, axis=-1),
        call("logspace", (3,), (3,), num=4, endpoint=False))  # fmt: skip
_series("Geomspace", "geomspace",
        call("geomspace", floats(3, low=0.5), floats(3, low=0.5), num=5),
        call("geomspace", floats(3, high=-0.5), floats(3, high=-0.5), num=4,
             endpoint=False))  # fmt: skip


@op("Vander", calls=[
    call("vander", line(4)), call("vander", line(4), N=3, increasing=True), call("vander", ()),
])  # fmt: skip
def vander(step: OpStep, x: Tensor) -> Tensor:
    """The powers of each number, the highest first by default."""
    count = step.config.int_or_none("N", low=1)
    if x.rank != 1 or kind(x.dtype) != 2 or (count or 0) > MOST:
        raise step.unsupported(f"a tensor of rank {x.rank} and dtype {x.dtype}")
    size = count or "{0}.shape[0]"
    powers = f"torch.arange({size}, device={{0}}.device)"
    if not step.config.bool("increasing", False):
        powers += ".flip(0)"
    shape = (x.shape[0], count or x.shape[0])  # torch.vander has no gradient
    return step.compute(f"{{0}}.unsqueeze(1) ** {powers}", x, like=x, shape=shape)
