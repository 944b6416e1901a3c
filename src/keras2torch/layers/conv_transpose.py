"""Keras' Conv1DTranspose, Conv2DTranspose and Conv3DTranspose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers.window import Window, completed, resized, short, spatial
from keras2torch.registry import example, layer


@layer(
    "Conv1DTranspose",
    any_order=True,
    examples=[
        example({"filters": 3, "kernel_size": 3, "activation": "relu"}, (4, 2)),
        example({"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, (None, 2)),
        example({"filters": 2, "kernel_size": 4, "strides": 2, "padding": "same"}, (4, 2)),
        example({"filters": 2, "kernel_size": 5, "strides": 2, "padding": "same"}, (3, 2)),
        example({"filters": 2, "kernel_size": 2, "strides": 3, "padding": "same"}, (3, 2)),
        example({"filters": 2, "kernel_size": 2, "strides": 3, "use_bias": False}, (3, 2)),
        example({"filters": 2, "kernel_size": 4, "strides": 3, "output_padding": 1}, (None, 2)),
        example(
            {"filters": 2, "kernel_size": 3, "strides": 3, "padding": "same", "output_padding": 2},
            (3, 2),
        ),
        example({"filters": 2, "kernel_size": 3, "dilation_rate": 2}, (3, 2), on_jax=True),
        example(
            {"filters": 2, "kernel_size": 2, "strides": 2, "data_format": "channels_first"},
            (3, 4),
            on_jax=True,
        ),
        example({"filters": 2, "kernel_size": 2, "trainable": False}, (5, 4), masked=True),
    ],
)
def conv1d_transpose(step: Step, x: Tensor) -> Tensor:
    """``nn.ConvTranspose1d``, cut where Keras cuts."""
    return _transposed(step, x, 1)


@layer(
    "Conv2DTranspose",
    any_order=True,
    examples=[
        example({"filters": 3, "kernel_size": [2, 3], "activation": "softmax"}, (3, 4, 2)),
        example({"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, (3, None, 2)),
        example(
            {"filters": 2, "kernel_size": [3, 2], "strides": [1, 3], "padding": "same"}, (3, 2, 2)
        ),
        example(
            {"filters": 2, "kernel_size": 3, "strides": [2, 3], "output_padding": [1, 0]}, (2, 3, 1)
        ),
        example(
            {"filters": 2, "kernel_size": 2, "padding": "same", "dilation_rate": [2, 1]},
            (3, 4, 2),
            on_jax=True,
        ),
        example(
            {
                "filters": 3,
                "kernel_size": 3,
                "strides": 2,
                "padding": "same",
                "data_format": "channels_first",
                "kernel_initializer": "he_normal",
                "bias_initializer": "ones",
                "kernel_regularizer": "l2",
            },
            (2, 3, 4),
            on_jax=True,
        ),
    ],
)
def conv2d_transpose(step: Step, x: Tensor) -> Tensor:
    """``nn.ConvTranspose2d``, cut where Keras cuts."""
    return _transposed(step, x, 2)


@layer(
    "Conv3DTranspose",
    any_order=True,
    examples=[
        example({"filters": 2, "kernel_size": 2}, (2, 3, 2, 2)),
        example({"filters": 2, "kernel_size": 3, "strides": 2, "padding": "same"}, (2, None, 2, 1)),
        example(
            {
                "filters": 2,
                "kernel_size": [2, 3, 1],
                "strides": [3, 1, 2],
                "data_format": "channels_first",
            },
            (1, 2, 3, 2),
            on_jax=True,
        ),
    ],
)
def conv3d_transpose(step: Step, x: Tensor) -> Tensor:
    """``nn.ConvTranspose3d``, cut where Keras cuts."""
    return _transposed(step, x, 3)


@dataclass(frozen=True)
class _Cut:
    """What becomes of one axis: ``front`` steps go on both sides, ``more`` are added behind (or
    taken away, where negative)."""

    front: int
    more: int

    @staticmethod
    def of(extent: int, stride: int, padding: str, output_padding: int | None) -> _Cut:
        """A whole transposed convolution has (size - 1) * stride + extent steps; Keras tells how
        many it wants, and TensorFlow takes the smaller half of the surplus from the front.

        Sources: compute_conv_transpose_output_shape and _get_output_shape_given_tf_padding in
        keras/src/ops/operation_utils.py and keras/src/backend/common/backend_utils.py.
        """
        if padding == "valid":
            return _Cut(0, max(stride - extent, 0) if output_padding is None else output_padding)
        surplus = extent - stride
        if output_padding is not None:
            surplus = 2 * (extent // 2) - output_padding
        front = max(surplus, 0) // 2
        return _Cut(front, 2 * front - surplus)


def _transposed(step: Step, x: Tensor, rank: int) -> Tensor:
    config = step.config
    filters = config.int("filters", low=1)
    x = spatial(step, x, rank)
    channels, *sizes = x.memory_shape[1:]
    if channels is None or x.dtype in INTEGER_DTYPES:
        raise step.unsupported(f"an input of shape {x.shape} and dtype {x.dtype}")
    window = Window(
        config.window("kernel_size", rank),
        config.window("strides", rank, 1),
        config.window("dilation_rate", rank, 1),
    )
    cuts = _cuts(step, window)
    options: dict[str, Any] = {
        "stride": short(window.stride),
        "padding": short([cut.front for cut in cuts]),
        "output_padding": short([max(cut.more, 0) for cut in cuts]),
        "bias": config.bool("use_bias", True),
        "dilation": short(window.dilation),
    }
    usual = {"stride": 1, "padding": 0, "output_padding": 0, "bias": True, "dilation": 1}
    options = {key: value for key, value in options.items() if value != usual[key]}
    conv = step.module(
        f"nn.ConvTranspose{rank}d", channels, filters, kernel_size=short(window.size), **options
    )
    kernel = step.weights.take("kernel", (*window.size, filters, channels))
    kernel = kernel.permute(rank + 1, rank, *range(rank))
    step.parameter(conv, "weight", kernel, "kernel_initializer")
    output = resized(x, (x.shape[0], filters, *_sizes(step, window, cuts, tuple(sizes))))
    y = step.compute(f"{{0}}({{1}}){_behind(cuts)}", conv, x, like=x, shape=output.shape)
    return completed(step, conv, y)


def _cuts(step: Step, window: Window) -> list[_Cut]:
    config, rank = step.config, len(window.size)
    padding = config.choice("padding", ("valid", "same"), "valid")
    given = config.raw("output_padding", None)
    given = [given] * rank if given is None or type(given) is int else given
    whole = isinstance(given, list) and len(given) == rank
    if not whole or not all(
        amount is None or (type(amount) is int and 0 <= amount < stride)
        for amount, stride in zip(given, window.stride, strict=True)
    ):
        raise config.wrong("output_padding", "whole numbers below the strides", given)
    return [
        _Cut.of(extent, stride, padding, amount)
        for extent, stride, amount in zip(window.extent, window.stride, given, strict=True)
    ]


def _sizes(step: Step, window: Window, cuts: list[_Cut], sizes: Shape) -> Shape:
    made = tuple(
        None if size is None else (size - 1) * stride + extent - 2 * cut.front + cut.more
        for size, stride, extent, cut in zip(sizes, window.stride, window.extent, cuts, strict=True)
    )
    if any(size is not None and size < 1 for size in made):
        raise step.unsupported(f"a window of {window.size} over {sizes}, which leaves nothing")
    return made


def _behind(cuts: list[_Cut]) -> str:
    """The slice that leaves out the steps behind: PyTorch takes as many there as in front."""
    slices = [f":{cut.more}" if cut.more < 0 else ":" for cut in cuts]
    while slices and slices[-1] == ":":
        slices.pop()
    return f"[:, :, {', '.join(slices)}]" if slices else ""
