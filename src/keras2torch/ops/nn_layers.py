"""Poolings and normalisations of ``keras.ops.nn``. Source: keras/src/ops/nn.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers import pooling
from keras2torch.ops.calls import Array, call
from keras2torch.ops.operands import axes_option, axis_option
from keras2torch.ops.table import dims_text, reduced
from keras2torch.registry import op

EPSILON = 1e-7  # keras.backend.epsilon(), which no file tells


def _pool(step: OpStep, inputs: Tensor, kind: str) -> Tensor:
    step.config = step.config.without_none("data_format")
    return pooling.pool(step, inputs, inputs.rank - 2, kind)


@op("MaxPool", any_order=True, calls=[
    call("max_pool", (6, 2), 2, strides=2),
    call("max_pool", (5, 6, 2), 3, strides=2, padding="same"),
    call("max_pool", (5, 6, 2), 2, strides=1),
])  # fmt: skip
def max_pool(step: OpStep, inputs: Tensor) -> Tensor:
    """The layer's module."""
    return _pool(step, inputs, "Max")


@op("AveragePool", any_order=True, calls=[
    call("average_pool", (6, 2), 2, strides=2),
    call("average_pool", (5, 6, 2), 3, strides=2, padding="same"),
])  # fmt: skip
def average_pool(step: OpStep, inputs: Tensor) -> Tensor:
    """The layer's module."""
    return _pool(step, inputs, "Avg")


@op("Moments", any_order=True, calls=[
    call("moments", (3, 2), axes=(1,)), call("moments", (2, 3, 2), axes=(1, 2), keepdims=True),
])  # fmt: skip
def moments(step: OpStep, x: Tensor) -> list[Tensor]:
    """Mean and variance."""
    axes, keepdims = axes_option(step, x, "axes"), step.config.bool("keepdims", False)
    step.config.require("synchronized", False, False)
    mean = reduced(step, x, "{0}.mean({dims})", axes, keepdims, x.dtype)
    return [mean, reduced(step, x, "{0}.var({dims}, correction=0)", axes, keepdims, x.dtype)]


@op("Normalize", any_order=True, calls=[
    call("normalize", (3, 2)), call("normalize", (3, 2), axis=1, order=1),
    call("normalize", (3, 2), order=3, epsilon=0.1),
])  # fmt: skip
def normalize(step: OpStep, x: Tensor) -> Tensor:
    """Divided by its norm along an axis."""
    axis = axis_option(step, x.rank, default=-1)
    order = step.config.int("order", 2, low=1)
    epsilon = step.config.float_or_none("epsilon")
    x = step.keras_order(x) if x.flat else x
    given = dims_text(x, (axis,), False) or "dim=-1"
    p = "" if order == 2 else f"p={order}, "
    eps = literal(EPSILON if epsilon is None else epsilon)
    return step.compute(f"F.normalize({{0}}, {p}{given}, eps={eps})", x, like=x)


def _optional(step: OpStep, value: Any) -> Tensor | None:
    if value is None or isinstance(value, Tensor):
        return value
    if isinstance(value, Constant):
        return step.constant(value)
    raise step.unsupported("a factor that is no tensor")


def _last_axes(step: OpStep, x: Tensor) -> str:
    """The sizes of the axes that are normalised, which must be the last ones."""
    axes = axes_option(step, x) or (x.rank - 1,)
    if sorted(axes) != list(range(x.rank - len(axes), x.rank)):
        raise step.unsupported(f"normalising over axes {list(axes)}")
    sizes = x.shape[-len(axes) :]
    if None in sizes:
        raise step.unsupported("normalising over an axis of unknown size")
    return literal(tuple(sizes))


@op("LayerNorm", calls=[
    call("layer_normalization", (3, 6)), call("layer_normalization", (3, 2), axis=(1, 2)),
    call("layer_normalization", (3, 4), gamma=Array([0.5, 2.0, 1.0, 3.0]),
         beta=Array([0.1, -1.0, 0.5, 0.0])),
    call("layer_normalization", (3, 2), gamma=Array([0.5, 2.0]), epsilon=0.1),
])  # fmt: skip
def layer_norm(step: OpStep, x: Tensor, gamma: Any = None, beta: Any = None) -> Tensor:
    """To mean 0 and variance 1, then scaled and shifted."""
    epsilon = step.config.float_or_none("epsilon")
    step.config.require("rms_scaling", False, False)
    given = [_optional(step, gamma), _optional(step, beta)]
    operands = [x, *(t for t in given if t is not None)]
    texts = [f"{{{operands.index(t)}}}" if t is not None else "None" for t in given]
    if any(t is not None and t.rank > 1 for t in given):
        raise step.unsupported("factors of more than one axis")
    eps = literal(EPSILON if epsilon is None else epsilon)
    text = f"F.layer_norm({{0}}, {_last_axes(step, x)}, {', '.join(texts)}, eps={eps})"
    text = text.replace(", None, None", "").replace(", None, eps", ", eps")
    return step.compute(text, *operands, like=x)


@op("RMSNorm", calls=[
    call("rms_normalization", (3, 2)), call("rms_normalization", (3, 2), scale=Array([0.5, 2.0])),
    call("rms_normalization", (3, 2), epsilon=0.1),
])  # fmt: skip
def rms_norm(step: OpStep, x: Tensor, scale: Any = None) -> Tensor:
    """Divided by the root of the mean square, then scaled."""
    epsilon = step.config.float_or_none("epsilon")
    factor = _optional(step, scale)
    eps = literal(EPSILON if epsilon is None else epsilon)
    weight = "" if factor is None else "{1}, "
    operands = [x] if factor is None else [x, factor]
    text = f"F.rms_norm({{0}}, {_last_axes(step, x)}, {weight}eps={eps})"
    return step.compute(text, *operands, like=x)


@op("BatchNorm", calls=[
    call("batch_normalization", (3, 2), Array([0.5, 1.0]), Array([0.5, 2.0]), axis=-1),
    call("batch_normalization", (3, 2), Array([0.5, 1.0, 2.0]), Array([0.5, 2.0, 0.1]), axis=1,
         offset=Array([0.1, 0.2, 0.3]), scale=Array([1.5, 2.0, 0.7]), epsilon=0.01),
])  # fmt: skip
def batch_norm(
    step: OpStep, x: Tensor, mean: Any, variance: Any, offset: Any = None, scale: Any = None
) -> Tensor:
    """To mean 0 and variance 1 by moments that are given."""
    axis = axis_option(step, x.rank)
    epsilon = step.config.float("epsilon", 1e-3)
    given = [_optional(step, t) for t in (mean, variance, scale, offset)]
    tensors = [_spread(step, t, x.rank - 1 - axis) for t in given if t is not None]
    text = f"({{0}} - {{1}}) * torch.rsqrt({{2}} + {literal(epsilon)})"
    place = 3
    for part, sign in ((given[2], "*"), (given[3], "+")):
        if part is not None:
            text += f" {sign} {{{place}}}"
            place += 1
    return step.compute(text, x, *tensors, like=x)


def _spread(step: OpStep, x: Tensor, behind: int) -> Tensor:
    """A vector with so many axes of size 1 behind it."""
    if not behind or x.rank > 1:
        return x
    index = ", ".join([":", *["None"] * behind])
    return step.compute(f"{{0}}[{index}]", x, like=x, shape=(*x.shape, *[1] * behind))
