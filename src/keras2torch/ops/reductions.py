"""Reductions in ``keras.ops``: one line each where PyTorch reduces over several axes at once.

Source: keras/src/ops/numpy.py, keras/src/ops/math.py.
"""

from __future__ import annotations

from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import booleans, call, floats, ints
from keras2torch.ops.operands import axes_option, axis_option, cast, dtype_option, together
from keras2torch.ops.promotion import kind
from keras2torch.ops.table import is_integer, only_floating, reduced, reduction
from keras2torch.readers.strict_json import NonFinite
from keras2torch.registry import op

reduction("Mean", "{0}.mean({dims})", only_floating,
          call("mean", (3, 2)), call("mean", (3, 2), axis=1), call("mean", (3, 2), axis=-1),
          call("mean", (2, 3, 2), axis=(1, 2), keepdims=True), call("mean", ints(3, 2), axis=1),
          call("mean", booleans(3), axis=-1), call("mean", (3, 2), axis=0),
          call("mean", (None, 2), axis=1))  # fmt: skip
reduction("Var", "{0}.var({dims}, correction=0)", only_floating,
          call("var", (3, 2)), call("var", (3, 2), axis=1), call("var", ints(3, 2), axis=(1, 2)),
          call("var", (2, 3, 2), axis=-1, keepdims=True))  # fmt: skip
reduction(
    "Std",
    "{0}.std({dims}, correction=0)",
    only_floating,
    call("std", (3, 2)),
    call("std", (3, 2), axis=1),
    call("std", (2, 3, 2), axis=(1, 3)),
)
reduction("Logsumexp", "torch.logsumexp({0}, {dims})", only_floating,
          call("logsumexp", (3, 2), axis=1), call("logsumexp", (3, 2), axis=(1, 2), keepdims=True),
          call("logsumexp", (3, 2)), alone="torch.logsumexp({0}.flatten(), dim=0)")  # fmt: skip


def _accumulated(step: OpStep, x: Tensor) -> str:
    """The dtype in which Keras adds and multiplies: short integers become int32."""
    if x.dtype == "uint8":
        raise step.unsupported("a result of dtype uint32")
    return "int32" if x.dtype in ("bool", "int8", "int16") else x.dtype


@op("Sum", any_order=True, calls=[
    call("sum", (3, 2)), call("sum", (3, 2), axis=1), call("sum", ints(3, 2), axis=-1),
    call("sum", booleans(3, 2), axis=1), call("sum", (2, 3, 2), axis=(1, 2), keepdims=True),
    call("sum", ints(3, dtype="int8"), axis=1), call("sum", (3, 2), axis=0),
])  # fmt: skip
def sum_(step: OpStep, x: Tensor) -> Tensor:
    """The sum; PyTorch would make int64 of integers."""
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    return _sum(step, x, axes, keepdims)


def _sum(step: OpStep, x: Tensor, axes: tuple[int, ...] | None, keepdims: bool) -> Tensor:
    dtype = _accumulated(step, x)
    stated = f", dtype=torch.{dtype}" if dtype != "int64" and is_integer(x) else ""
    return reduced(step, x, f"{{0}}.sum({{dims}}{stated})", axes, keepdims, dtype)


@op("CountNonzero", any_order=True, calls=[
    call("count_nonzero", ints(3, 2, low=-1, high=1)),
    call("count_nonzero", ints(3, 2, low=-1, high=1), axis=1),
    call("count_nonzero", booleans(3, 2), axis=(1, 2)),
])  # fmt: skip
def count_nonzero(step: OpStep, x: Tensor) -> Tensor:
    """How many are not 0."""
    axes = axes_option(step, x)
    counted = x if x.dtype == "bool" else step.compute("{0} != 0", x, like=x, dtype="bool")
    return _sum(step, counted, axes, False)


@op("Prod", any_order=True, calls=[
    call("prod", (3, 2)), call("prod", (3, 2), axis=1), call("prod", ints(3, 2), axis=-1),
    call("prod", (2, 3, 2), axis=(1, 3)), call("prod", (2, 3), axis=(1, 2), keepdims=True),
])  # fmt: skip
def prod(step: OpStep, x: Tensor) -> Tensor:
    """The product, over one axis after the other."""
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    wanted = dtype_option(step)
    dtype = _accumulated(step, x)
    if wanted not in (None, dtype):
        raise step.unsupported(f"dtype={wanted!r} of {x.dtype}")
    stated = f", dtype=torch.{dtype}" if dtype != "int64" and is_integer(x) else ""
    if axes is None and keepdims:
        axes = tuple(range(x.rank))
    if axes is None:
        return reduced(step, x, f"{{0}}.prod({{dims}}{stated})", None, False, dtype)
    for axis in sorted(axes, reverse=True):
        x = reduced(step, x, f"{{0}}.prod({{dims}}{stated})", (axis,), keepdims, dtype)
    return x


def _extreme(step: OpStep, x: Tensor, function: str, bound: str) -> Tensor:
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    initial = step.config.raw("initial", None)
    initial = initial.value if isinstance(initial, NonFinite) else initial
    if x.dtype == "bool":
        if initial is not None:
            raise step.unsupported("initial of booleans")
        function = {"amax": "any", "amin": "all"}[function]
    expression = f"{{0}}.{function}({{dims}})"
    if initial is not None:
        if type(initial) not in (int, float) or (is_integer(x) and type(initial) is float):
            raise step.config.wrong("initial", "a number", initial)
        expression += f".clamp({bound}={literal(initial)})"
    return reduced(step, x, expression, axes, keepdims, x.dtype)


@op("Max", "Amax", any_order=True, calls=[
    call("max", (3, 2)), call("max", (3, 2), axis=1), call("max", ints(3, 2), axis=(1, 2)),
    call("max", (2, 3, 2), axis=-1, keepdims=True), call("max", (3, 2), axis=1, initial=0.5),
    call("max", booleans(3, 2), axis=1), call("amax", (3, 2), axis=1),
])  # fmt: skip
def max_(step: OpStep, x: Tensor) -> Tensor:
    """The largest; equal ones share the gradient."""
    return _extreme(step, x, "amax", "min")


@op("Min", "Amin", any_order=True, calls=[
    call("min", (3, 2)), call("min", (3, 2), axis=1), call("min", ints(3, 2), axis=(1, 2)),
    call("min", (2, 3, 2), axis=-1, keepdims=True), call("min", (3, 2), axis=1, initial=-0.5),
    call("min", booleans(3, 2), axis=1), call("amin", (3, 2), axis=1),
])  # fmt: skip
def min_(step: OpStep, x: Tensor) -> Tensor:
    """The smallest; equal ones share the gradient."""
    return _extreme(step, x, "amin", "max")


@op("Ptp", any_order=True, calls=[
    call("ptp", (3, 2)), call("ptp", (3, 2), axis=1), call("ptp", (2, 3), axis=-1, keepdims=True),
])  # fmt: skip
def ptp(step: OpStep, x: Tensor) -> Tensor:
    """From the smallest to the largest."""
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    if x.dtype == "bool":
        raise step.unsupported("booleans")
    return reduced(step, x, "{0}.amax({dims}) - {0}.amin({dims})", axes, keepdims, x.dtype)


@op("Argmax", any_order=True, calls=[
    call("argmax", (3, 2)), call("argmax", (3, 2), axis=1),
    call("argmax", ints(9, high=2), axis=-1),
    call("argmax", (2, 3, 2), axis=-1, keepdims=True), call("argmax", booleans(9), axis=1),
])  # fmt: skip
def argmax(step: OpStep, x: Tensor) -> Tensor:
    """Where the largest stands, the first of several."""
    return _place(step, x, "argmax")


@op("Argmin", any_order=True, calls=[
    call("argmin", (3, 2)), call("argmin", (3, 2), axis=1),
    call("argmin", ints(9, low=-2), axis=-1),
    call("argmin", (2, 3, 2), axis=2, keepdims=True),
])  # fmt: skip
def argmin(step: OpStep, x: Tensor) -> Tensor:
    """Where the smallest stands, the first of several."""
    return _place(step, x, "argmin")


def _place(step: OpStep, x: Tensor, function: str) -> Tensor:
    axes, keepdims = axes_option(step, x), step.config.bool("keepdims", False)
    if axes is not None and len(axes) > 1:
        raise step.unsupported(f"axes {axes}")
    if x.dtype == "bool":
        x = cast(step, x, "uint8")
    if axes is None and keepdims:
        raise step.unsupported("keepdims over all axes")
    if axes is None:  # a place among all is counted in Keras' order
        x = step.keras_order(x)
    return reduced(step, x, f"{{0}}.{function}({{dims}}).int()", axes, keepdims, "int32")


@op("Average", any_order=True, calls=[
    call("average", (3, 2)), call("average", (3, 2), axis=1), call("average", ints(3, 2), axis=1),
    call("average", (3, 2), weights=floats(3, 2, low=0.1), axis=1),
    call("average", (3, 2), weights=floats(3, 2, low=0.1)),
])  # fmt: skip
def average(step: OpStep, x: Tensor, weights: Any = None) -> Tensor:
    """A mean, with weights or without."""
    axes = axes_option(step, x)
    if weights is None:
        x = step.floating(x)
        return reduced(step, x, "{0}.mean({dims})", axes, False, x.dtype)
    both = together(step, (x, weights), "float")
    x, weights = both.tensors
    if x.rank != weights.rank:
        raise step.unsupported("weights of another rank")
    total = reduced(step, weights, "{0}.sum({dims})", axes, False, both.dtype)
    weighted = step.compute(
        "{0} * {1}", x, weights, like=both.like, shape=both.shape, dtype=both.dtype
    )
    summed = reduced(step, weighted, "{0}.sum({dims})", axes, False, both.dtype)
    return step.compute("{0} / {1}", summed, total, like=summed)


@op("Cumsum", any_order=True, calls=[
    call("cumsum", (3, 2), axis=1), call("cumsum", ints(3, 2), axis=-1), call("cumsum", (3, 2)),
    call("cumsum", booleans(3), axis=1), call("cumsum", ints(3), axis=1, dtype="float32"),
])  # fmt: skip
def cumsum(step: OpStep, x: Tensor) -> Tensor:
    """The sum so far."""
    return running(step, x, "cumsum")


@op("Cumprod", any_order=True, calls=[
    call("cumprod", (3, 2), axis=1), call("cumprod", ints(3, 2), axis=-1), call("cumprod", (3, 2)),
])  # fmt: skip
def cumprod(step: OpStep, x: Tensor) -> Tensor:
    """The product so far."""
    return running(step, x, "cumprod")


def running(step: OpStep, x: Tensor, function: str) -> Tensor:
    """A sum or product of what came before on an axis, or of all elements in Keras' order."""
    dtype = dtype_option(step) or x.dtype
    dtype = "int32" if dtype == "bool" else dtype
    if step.config.raw("axis", None) is None:
        x = flat(step, x)
        step.config.ignore("axis")
        axis = 0
    else:
        axis = axis_option(step, x.rank)
        x = step.keras_order(x) if x.flat else x
    stated = ""
    if kind(x.dtype) < 2 and dtype != "int64" and kind(dtype) < 2:
        stated = f", dtype=torch.{dtype}"
    elif dtype != x.dtype:
        x = cast(step, x, dtype)
    return step.compute(f"{{0}}.{function}({x.dim(axis)}{stated})", x, like=x, dtype=dtype)


def flat(step: OpStep, x: Tensor) -> Tensor:
    """All elements in a row, in Keras' order, the batch included."""
    x = step.keras_order(x)
    size: int | None = 1
    for axis in x.shape:
        size = None if size is None or axis is None else size * axis
    if x.rank == 1:
        return x
    return step.compute("{0}.flatten()", x, like=x, shape=(size,))
