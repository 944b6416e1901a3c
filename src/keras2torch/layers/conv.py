"""Keras' Conv1D, Conv2D and Conv3D."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import quantization
from keras2torch.layers.window import Window, completed, padded, resized, short, spatial
from keras2torch.registry import example, layer


@layer(
    "Conv1D",
    any_order=True,
    examples=[
        example({"filters": 3, "kernel_size": 3}, (6, 2)),
        example(
            {"filters": 3, "kernel_size": 3, "padding": "causal", "activation": "relu"}, (6, 2)
        ),
        example(
            {"filters": 2, "kernel_size": 2, "padding": "causal", "dilation_rate": 3}, (None, 2)
        ),
        example({"filters": 2, "kernel_size": 3, "padding": "causal", "strides": 2}, (7, 2)),
        example({"filters": 3, "kernel_size": 5, "padding": "same"}, (None, 2)),
        example({"filters": 3, "kernel_size": 4, "padding": "same"}, (None, 2)),
        example({"filters": 3, "kernel_size": 3, "padding": "same", "dilation_rate": 2}, (8, 2)),
        example({"filters": 3, "kernel_size": 2, "padding": "same", "dilation_rate": 3}, (8, 2)),
        example({"filters": 3, "kernel_size": 5, "padding": "same", "strides": 4}, (None, 2)),
        example({"filters": 4, "kernel_size": 2, "groups": 2, "use_bias": False}, (5, 4)),
        example(
            {"filters": 4, "kernel_size": 3, "groups": 2, "data_format": "channels_first"}, (4, 5)
        ),
        example({"filters": 3, "kernel_size": 2, "activation": "softmax"}, (5, 4), masked=True),
        example({"filters": 3, "kernel_size": 2, "trainable": False}, (5, 2)),
    ],
)
def conv1d(step: Step, x: Tensor) -> Tensor:
    """``nn.Conv1d`` over channels-first memory, padded as Keras does."""
    return _conv(step, x, 1)


@layer(
    "Conv2D",
    any_order=True,
    examples=[
        example({"filters": 3, "kernel_size": 3, "activation": "relu"}, (6, 5, 2)),
        example({"filters": 3, "kernel_size": [3, 5], "padding": "same"}, (6, 5, 2)),
        example({"filters": 3, "kernel_size": [2, 3], "padding": "same"}, (4, 5, 2)),
        example({"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}, (6, 4, 1)),
        example({"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}, (5, 7, 1)),
        example({"filters": 3, "kernel_size": 1, "padding": "same", "strides": 2}, (None, 7, 1)),
        example({"filters": 2, "kernel_size": 3, "padding": "same", "strides": 2}, (None, None, 1)),
        example(
            {"filters": 2, "kernel_size": [3, 2], "padding": "same", "strides": [1, 4]},
            (None, None, 1),
        ),
        example({"filters": 2, "kernel_size": 2, "strides": [2, 3]}, (5, 8, 2)),
        example({"filters": 2, "kernel_size": 3, "dilation_rate": 2, "padding": "same"}, (7, 6, 2)),
        example({"filters": 2, "kernel_size": 2, "dilation_rate": [1, 2]}, (4, 6, 2)),
        example({"filters": 6, "kernel_size": 2, "groups": 3, "activation": "softmax"}, (4, 4, 3)),
        example(
            {
                "filters": 4,
                "kernel_size": [2, 3],
                "groups": 2,
                "strides": 2,
                "padding": "same",
                "data_format": "channels_first",
            },
            (2, 4, 5),
        ),
        example(
            {
                "filters": 3,
                "kernel_size": 2,
                "kernel_initializer": "he_uniform",
                "bias_initializer": "ones",
                "kernel_regularizer": "l2",
            },
            (4, 4, 2),
        ),
        example(
            {"filters": 2, "kernel_size": 2, "kernel_initializer": "lecun_normal"}, (None, 4, 2)
        ),
    ],
)
def conv2d(step: Step, x: Tensor) -> Tensor:
    """``nn.Conv2d`` over channels-first memory, padded as Keras does."""
    return _conv(step, x, 2)


@layer(
    "Conv3D",
    any_order=True,
    examples=[
        example({"filters": 2, "kernel_size": 2}, (3, 4, 5, 2)),
        example({"filters": 2, "kernel_size": 3, "padding": "same"}, (4, 4, 5, 1)),
        example({"filters": 2, "kernel_size": 2, "padding": "same", "strides": 2}, (4, 5, 6, 1)),
        example(
            {"filters": 2, "kernel_size": [3, 1, 2], "padding": "same", "strides": [2, 1, 3]},
            (None, 3, 4, 1),
        ),
        example(
            {"filters": 2, "kernel_size": 2, "dilation_rate": [1, 2, 1], "use_bias": False},
            (3, 4, 3, 2),
        ),
        example({"filters": 2, "kernel_size": 2, "data_format": "channels_first"}, (2, 3, 3, 4)),
    ],
)
def conv3d(step: Step, x: Tensor) -> Tensor:
    """``nn.Conv3d`` over channels-first memory, padded as Keras does."""
    return _conv(step, x, 3)


def _conv(step: Step, x: Tensor, rank: int) -> Tensor:
    """A convolution over channels-first memory.

    On TensorFlow's CPU, Keras runs ``data_format="channels_first"`` only with groups or in 3D.
    """
    config = step.config
    filters = config.int("filters", low=1)
    groups = config.int("groups", 1, low=1)
    window = Window(
        config.window("kernel_size", rank),
        config.window("strides", rank, 1),
        config.window("dilation_rate", rank, 1),
    )
    x = spatial(step, step.floating(x), rank)
    channels = x.memory_shape[1]
    if channels is None or channels % groups or filters % groups:
        raise step.unsupported(f"{groups} groups of {channels} channels and {filters} filters")

    paddings = ("valid", "same", "causal") if rank == 1 else ("valid", "same")
    padding = config.choice("padding", paddings, "valid")
    sizes = x.memory_shape[2:]
    output = resized(x, (x.shape[0], filters, *window.output(step, sizes, padding)))
    pad, inner = padded(step, window, sizes, padding)
    options: dict[str, Any] = {
        "stride": short(window.stride),
        "padding": inner,
        "dilation": short(window.dilation),
        "groups": groups,
        "bias": config.bool("use_bias", True),
    }
    usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
    options = {key: value for key, value in options.items() if value != usual[key]}
    kernel_size = short(window.size)
    conv = step.module(f"nn.Conv{rank}d", channels, filters, kernel_size=kernel_size, **options)

    kernel = step.weights.take("kernel", (*window.size, channels // groups, filters))
    kernel = kernel.permute(rank + 1, rank, *range(rank))
    adapters = quantization.merged_adapters(step)
    step.parameter(conv, "weight", kernel, "kernel_initializer", frozen=adapters)
    y = step.compute(f"{{0}}({pad})", conv, x, like=x, shape=output.shape)
    return completed(step, conv, y)
