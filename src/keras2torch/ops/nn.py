"""Losses, encodings and attention of ``keras.ops.nn``. Source: keras/src/ops/nn.py."""

from __future__ import annotations

import math
from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.permute import renamed
from keras2torch.ops.calls import booleans, call, floats, ints, without_gradients
from keras2torch.ops.operands import axis_in, axis_option, dtype_option, torch_dtype
from keras2torch.ops.promotion import kind
from keras2torch.registry import op

LARGEST = 1 << 31


@op("OneHot", calls=[
    call("one_hot", ints(4, low=-1, high=5), 5), call("one_hot", ints(4, low=0, high=2), 3, axis=1),
    call("one_hot", ints(4, low=0, high=2), 3, dtype="int32"),
])  # fmt: skip
def one_hot(step: OpStep, x: Tensor) -> Tensor:
    """A 1 at the place that a number names; none where it names no place."""
    y, dtype = _places(step, x)
    rank = x.rank + 1
    axis = axis_in(step, step.config.int("axis", -1), rank)
    if axis != rank - 1:
        shape = (*x.shape[:axis], y.shape[-1], *x.shape[axis:])
        y = step.compute(f"{{0}}.movedim(-1, {axis})", y, like=y, shape=shape)
    return _as(step, y, dtype)


@op("MultiHot", calls=[
    call("multi_hot", ints(4, low=0, high=5), 6),
    call("multi_hot", ints(4, low=-1, high=9), 5, dtype="bool"),
    call("multi_hot", ints(2, 4, low=0, high=5), 6),
])  # fmt: skip
def multi_hot(step: OpStep, inputs: Tensor) -> Tensor:
    """A 1 at every place that a row of numbers names."""
    y, dtype = _places(step, inputs)
    if axis_in(step, step.config.int("axis", -1), inputs.rank + 1) != inputs.rank:
        raise step.unsupported("another axis than the last")
    dim = 1 if inputs.rank > 1 else 0
    shape = (*y.shape[:dim], *y.shape[dim + 1 :])
    return _as(step, step.compute(f"{{0}}.any(dim={dim})", y, like=y, shape=shape), dtype)


def _places(step: OpStep, x: Tensor) -> tuple[Tensor, str]:
    """Booleans (…, classes), and the dtype that is wanted of them."""
    count = step.config.int("num_classes", low=1)
    if count >= LARGEST:
        raise step.config.wrong("num_classes", "a number of classes", count)
    step.config.require("sparse", False, False)
    text = f"{{0}}.unsqueeze(-1) == torch.arange({count}, device={{0}}.device)"
    if kind(x.dtype) == 2:
        x = step.compute("{0}.long()", x, like=x, dtype="int64")
    shape = (*x.shape, count)
    return step.compute(text, x, like=x, shape=shape, dtype="bool"), dtype_option(step) or "float32"


def _as(step: OpStep, x: Tensor, dtype: str) -> Tensor:
    if dtype == "bool":
        return x
    return step.compute(f"{{0}}.to({torch_dtype(dtype)})", x, like=x, dtype=dtype)


def _pair(step: OpStep, target: Any, output: Any) -> tuple[Tensor, Tensor]:
    pair = [step.constant(t) if isinstance(t, Constant) else t for t in (target, output)]
    if not all(isinstance(t, Tensor) for t in pair):
        raise step.unsupported("a call on what is no tensor")
    return pair[0], pair[1]


_SHARES = floats(3, 4, low=0.05, high=0.95)


@op("BinaryCrossentropy", calls=[
    call("binary_crossentropy", _SHARES, _SHARES),
    call("binary_crossentropy", _SHARES, (3, 4), from_logits=True),
])  # fmt: skip
def binary_crossentropy(step: OpStep, target: Any, output: Any) -> Tensor:
    """The loss of each element."""
    target, output = _pair(step, target, output)
    if step.config.bool("from_logits", False):
        text = 'F.binary_cross_entropy_with_logits({1}, {0}, reduction="none")'
    else:
        text = f"{step.helper('binary_crossentropies')}({{0}}, {{1}})"
    return step.compute(text, target, output, like=output)


@op("CategoricalCrossentropy", calls=[
    call("categorical_crossentropy", _SHARES, _SHARES),
    # TensorFlow's gradient takes it for granted that the targets sum to 1.
    without_gradients(call("categorical_crossentropy", _SHARES, (3, 4), from_logits=True, axis=1)),
])  # fmt: skip
def categorical_crossentropy(step: OpStep, target: Any, output: Any) -> Tensor:
    """The loss of each distribution along an axis."""
    target, output = _pair(step, target, output)
    axis = axis_option(step, output.rank, default=-1)
    shape = (*output.shape[:axis], *output.shape[axis + 1 :])
    if step.config.bool("from_logits", False):
        text = f"-({{0}} * torch.log_softmax({{1}}, dim={axis})).sum(dim={axis})"
    else:
        text = f"{step.helper('categorical_crossentropies')}({{0}}, {{1}}, dim={axis})"
    return step.compute(text, target, output, like=output, shape=shape)


@op("SparseCategoricalCrossentropy", calls=[
    call("sparse_categorical_crossentropy", ints(3, low=0, high=3), _SHARES),
    call("sparse_categorical_crossentropy", ints(3, 1, low=0, high=3), (3, 4), from_logits=True),
])  # fmt: skip
def sparse_categorical_crossentropy(step: OpStep, target: Any, output: Any) -> Tensor:
    """The loss of each distribution along the last axis; the target is a number."""
    target, output = _pair(step, target, output)
    if axis_option(step, output.rank, default=-1) != output.rank - 1:
        raise step.unsupported("another axis than the last")
    logits = "{1}" if step.config.bool("from_logits", False) else "{1}.clamp(1e-7, 1 - 1e-7).log()"
    number = "{0}.long()"
    if target.rank != output.rank:
        number += ".unsqueeze(-1)"
    text = f"-torch.log_softmax({logits}, dim=-1).gather(-1, {number}).squeeze(-1)"
    return step.compute(text, target, output, like=output, shape=output.shape[:-1])


@op("PSNR", calls=[call("psnr", (3, 2), (3, 2), max_val=2.0)])
def psnr(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """The ratio of peak signal to noise, in decibels."""
    x1, x2 = _pair(step, x1, x2)
    peak = step.config.float("max_val")
    if peak <= 0:
        raise step.config.wrong("max_val", "a positive number", peak)
    text = f"{literal(20 * math.log10(peak))} - 10 * torch.log10(({{0}} - {{1}}).square().mean())"
    return step.compute(text, x1, x2, like=x1, shape=(), order=None)


@op("DotProductAttention", calls=[
    call("dot_product_attention", (3, 2, 4), (5, 2, 4), (5, 2, 4)),
    call("dot_product_attention", (3, 2, 4), (3, 2, 4), (3, 2, 4), is_causal=True, scale=0.3),
    call("dot_product_attention", (3, 4, 4), (5, 2, 4), (5, 2, 4), mask=booleans(1, 3, 5)),
    call("dot_product_attention", (3, 2, 4), (5, 2, 4), (5, 2, 4), bias=floats(2, 3, 5)),
])  # fmt: skip
def dot_product_attention(
    step: OpStep,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Any = None,
    mask: Any = None,
    scale: Any = None,
) -> Tensor:
    """Values weighed by how queries and keys agree: (batch, time, heads, size)."""
    causal = step.config.bool("is_causal", False)
    step.config.require("attn_logits_soft_cap", None, None)
    if step.config.raw("flash_attention", None) not in (None, False):
        raise step.unsupported("flash attention")
    if any(t.rank != 4 for t in (query, key, value)) or None in (query.shape[2], key.shape[2]):
        raise step.unsupported("a call on anything but tensors of four axes")
    if scale is not None and type(scale) not in (int, float):
        raise step.unsupported("a scale that is no number")
    function = step.helper("dot_product_attention")
    extra = [("bias", bias), ("mask", mask)]
    operands = [query, key, value]
    texts = ["{0}", "{1}", "{2}"]
    for name, part in extra:
        if part is not None:
            if not isinstance(part, Tensor):
                raise step.unsupported(f"a {name} that is no tensor")
            texts.append(f"{name}={{{len(operands)}}}")
            operands.append(part)
    if scale is not None:
        texts.append(f"scale={literal(scale)}")
    if causal:
        texts.append("is_causal=True")
    shape = (*query.shape[:3], value.shape[3])
    return step.compute(f"{function}({', '.join(texts)})", *operands, like=query, shape=shape)


def _sizes(step: OpStep, key: str, default: int | None = None, low: int = 1) -> str:
    """One number or two, as ``F.unfold`` takes them."""
    value = step.config.raw(key) if default is None else step.config.raw(key, default)
    sizes = [value, value] if type(value) is int else value
    if not isinstance(sizes, list) or len(sizes) != 2 or any(type(s) is not int for s in sizes):
        raise step.config.wrong(key, "one or two whole numbers", value)
    if not all(low <= size < 1 << 20 for size in sizes):
        raise step.config.wrong(key, "one or two whole numbers", value)
    return literal(sizes[0] if sizes[0] == sizes[1] else tuple(sizes))


def _window_options(step: OpStep) -> str:
    given = [("dilation", 1, 1), ("padding", 0, 0), ("stride", 1, 1)]
    found = [(key, _sizes(step, key, usual, low), str(usual)) for key, usual, low in given]
    return "".join(f", {key}={text}" for key, text, usual in found if text != usual)


@op("Unfold", calls=[
    call("unfold", (2, 5, 6), 2),
    call("unfold", (2, 5, 6), kernel_size=(2, 3), dilation=2, padding=1, stride=2),
])  # fmt: skip
def unfold(step: OpStep, x: Tensor) -> Tensor:
    """Windows of an image (batch, channels, height, width) as columns."""
    size, options = _sizes(step, "kernel_size"), _window_options(step)
    shape = (x.shape[0], None, None)
    return step.compute(f"F.unfold({{0}}, {size}{options})", x, like=x, shape=shape)


@op("Fold", calls=[
    call("fold", (8, 20), output_size=(5, 6), kernel_size=2),
    call("fold", (8, 16), 6, 2, stride=2, padding=1),
])  # fmt: skip
def fold(step: OpStep, x: Tensor) -> Tensor:
    """Columns added up to an image (batch, channels, height, width)."""
    output, size = _sizes(step, "output_size"), _sizes(step, "kernel_size")
    text = f"F.fold({{0}}, {output}, {size}{_window_options(step)})"
    return step.compute(text, x, like=x, shape=(x.shape[0], None, None, None))


@op("DepthToSpace", calls=[
    call("depth_to_space", (2, 3, 8), 2),
    call("depth_to_space", (8, 2, 3), 2, data_format="channels_first"),
])  # fmt: skip
def depth_to_space(step: OpStep, x: Tensor) -> Tensor:
    """Channels spread over blocks of pixels."""
    return _blocks(step, x, "depth_to_space", 1)


@op("SpaceToDepth", calls=[
    call("space_to_depth", (4, 6, 2), 2),
    call("space_to_depth", (2, 4, 6), 2, data_format="channels_first"),
])  # fmt: skip
def space_to_depth(step: OpStep, x: Tensor) -> Tensor:
    """Blocks of pixels as channels."""
    return _blocks(step, x, "space_to_depth", -1)


def _blocks(step: OpStep, x: Tensor, function: str, sign: int) -> Tensor:
    size = step.config.int("block_size", low=2)
    formats = ("channels_last", "channels_first")
    first = step.config.choice("data_format", formats, "channels_last") == "channels_first"
    if x.rank != 4:
        raise step.unsupported(f"an input of shape {x.shape}")
    if first:
        x = step.keras_order(renamed(x, (0, 2, 3, 1)))
    batch, height, width, channels = x.shape
    if channels is None or (sign > 0 and channels % size**2):
        raise step.unsupported(f"{channels} channels in blocks of {size}")

    def scaled(value: int | None) -> int | None:
        return None if value is None else value * size if sign > 0 else value // size

    depth = channels // size**2 if sign > 0 else channels * size**2
    shape = (batch, scaled(height), scaled(width), depth)
    y = step.compute(f"{step.helper(function)}({{0}}, {size})", x, like=x, shape=shape)
    return renamed(y, (0, 3, 1, 2)) if first else y
