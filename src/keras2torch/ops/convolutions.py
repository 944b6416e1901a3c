"""Convolutions of ``keras.ops.nn``. Source: keras/src/ops/nn.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.graph import Constant, Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.window import Window, padded, resized, short, spatial
from keras2torch.ops.calls import Array, call
from keras2torch.registry import op

_KERNEL1 = Array([[[0.5, -1.0, 0.2], [1.5, 0.3, 0.1]], [[-0.5, 0.7, 0.9], [0.4, 0.6, -0.8]]])
_KERNEL2 = Array([[[[0.5, -1.0], [1.5, 0.3]]], [[[0.7, 0.9], [0.4, -0.8]]]])


@op("Conv", any_order=True, calls=[
    call("conv", (6, 2), _KERNEL1), call("conv", (6, 2), _KERNEL1, strides=2, padding="same"),
    call("conv", (5, 6, 2), _KERNEL2, padding="same"),
    call("conv", (5, 6, 2), _KERNEL2, dilation_rate=2),
])  # fmt: skip
def conv(step: OpStep, inputs: Tensor, kernel: Any) -> Tensor:
    """A convolution with a kernel that is an array or a tensor."""
    rank = inputs.rank - 2
    weight, sizes = _weight(step, kernel, rank, (rank + 1, rank, *range(rank)))
    step.config = step.config.without_none("data_format")
    x = spatial(step, inputs, rank)
    channels, own, filters = x.memory_shape[1], sizes[rank], sizes[rank + 1]
    if channels is None or own is None or filters is None or channels % own:
        raise step.unsupported(f"a kernel {sizes} for {channels} channels")
    return _convolved(step, x, weight, sizes[:rank], filters, channels // own)


@op("DepthwiseConv", any_order=True, calls=[
    call("depthwise_conv", (6, 2), _KERNEL1, padding="same"),
    call("depthwise_conv", (5, 6, 2), _KERNEL2),
])  # fmt: skip
def depthwise_conv(step: OpStep, inputs: Tensor, kernel: Any) -> Tensor:
    """Each channel with kernels of its own."""
    return _depthwise(step, inputs, kernel)


def _depthwise(step: OpStep, inputs: Tensor, kernel: Any) -> Tensor:
    rank = inputs.rank - 2
    if not isinstance(kernel, Constant) or kernel.array.ndim != rank + 2:
        raise step.unsupported("a kernel that is no array")
    array = kernel.array
    channels, filters = array.shape[-2:]
    array = array.reshape(*array.shape[:rank], 1, channels * filters)
    step.config = step.config.without_none("data_format")
    x = spatial(step, inputs, rank)
    if x.memory_shape[1] != channels:
        raise step.unsupported(f"a kernel for {channels} of {x.memory_shape[1]} channels")
    weight, sizes = _weight(step, Constant(array), rank, (rank + 1, rank, *range(rank)))
    return _convolved(step, x, weight, sizes[:rank], channels * filters, channels)


def _weight(
    step: OpStep, kernel: Any, rank: int, axes: tuple[int, ...]
) -> tuple[Tensor, tuple[int | None, ...]]:
    """The kernel as PyTorch has it, and its shape in Keras."""
    if isinstance(kernel, Constant) and kernel.array.ndim == rank + 2:
        return step.constant(Constant(kernel.array.transpose(axes))), kernel.array.shape
    if not isinstance(kernel, Tensor) or kernel.rank != rank + 2 or None in kernel.shape:
        raise step.unsupported("a kernel of another rank")
    kernel = step.keras_order(kernel)
    text = f"{{0}}.permute({', '.join(map(str, axes))})"
    shape = tuple(kernel.shape[axis] for axis in axes)
    return step.compute(text, kernel, like=kernel, shape=shape), kernel.shape


def _convolved(
    step: OpStep, x: Tensor, weight: Tensor, size: Shape, filters: int, groups: int
) -> Tensor:
    rank = len(size)
    window = Window(
        tuple(s or 1 for s in size),
        step.config.window("strides", rank, 1),
        step.config.window("dilation_rate", rank, 1),
    )
    paddings = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
    padding = step.config.choice("padding", paddings, "valid")
    sizes = x.memory_shape[2:]
    output = resized(x, (x.shape[0], filters, *window.output(step, sizes, padding)))
    pad, inner = padded(step, window, sizes, padding)
    options = {
        "stride": (short(window.stride), 1),
        "padding": (inner, 0),
        "dilation": (short(window.dilation), 1),
        "groups": (groups, 1),
    }
    given = [f", {key}={literal(v)}" for key, (v, usual) in options.items() if v != usual]
    text = f"F.conv{rank}d({pad}, {{0}}{''.join(given)})"
    return step.compute(text, weight, x, like=x, shape=output.shape, dtype=x.dtype)


_POINTWISE1 = Array([[[0.5, -1.0, 0.3], [1.5, 0.2, 0.7], [0.1, 0.4, 0.9], [-0.5, 1.1, 0.6]]])
_DEPTHWISE1 = Array([[[0.5, -1.0], [0.2, 1.5]], [[0.3, 0.1], [-0.5, 0.7]]])
_DEPTHWISE2 = Array([[[[0.5], [-1.0]], [[1.5], [0.3]]], [[[0.7], [0.9]], [[0.4], [-0.8]]]])
_POINTWISE2 = Array([[[[0.5, -1.0, 0.3], [1.5, 0.2, 0.7]]]])


@op("SeparableConv", any_order=True, calls=[
    call("separable_conv", (6, 2), _DEPTHWISE1, _POINTWISE1, strides=2, padding="same"),
    call("separable_conv", (5, 6, 2), _DEPTHWISE2, _POINTWISE2),
])  # fmt: skip
def separable_conv(
    step: OpStep, inputs: Tensor, depthwise_kernel: Any, pointwise_kernel: Any
) -> Tensor:
    """A convolution of each channel, then one across the channels."""
    rank = inputs.rank - 2
    x = _depthwise(step, inputs, depthwise_kernel)
    weight, sizes = _weight(step, pointwise_kernel, rank, (rank + 1, rank, *range(rank)))
    filters = sizes[rank + 1]
    if filters is None or sizes[: rank + 1] != (*[1] * rank, x.memory_shape[1]):
        raise step.unsupported(f"a kernel {sizes} for {x.memory_shape[1]} channels")
    output = resized(x, (x.shape[0], filters, *x.memory_shape[2:]))
    text = f"F.conv{rank}d({{1}}, {{0}})"
    return step.compute(text, weight, x, like=x, shape=output.shape)
