"""Keras' SeparableConv1D and SeparableConv2D."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.depthwise_conv import convolved
from keras2torch.layers.window import completed, resized, spatial
from keras2torch.registry import example, layer


@layer(
    "SeparableConv1D",
    any_order=True,
    examples=[
        example({"filters": 3, "kernel_size": 3}, (6, 2)),
        example(
            {
                "filters": 3,
                "kernel_size": 2,
                "depth_multiplier": 2,
                "strides": 2,
                "activation": "relu",
            },
            (5, 4),
        ),
        example(
            {
                "filters": 2,
                "kernel_size": 3,
                "padding": "same",
                "dilation_rate": 2,
                "use_bias": False,
            },
            (None, 3),
        ),
        example(
            {"filters": 2, "kernel_size": 3, "padding": "same", "dilation_rate": 2, "strides": 2},
            (7, 2),
        ),
        example({"filters": 3, "kernel_size": 2, "data_format": "channels_first"}, (4, 7)),
        example({"filters": 3, "kernel_size": 2, "trainable": False}, (5, 4), masked=True),
    ],
)
def separable_conv1d(step: Step, x: Tensor) -> Tensor:
    """Two ``nn.Conv1d``, first of each channel, then across the channels."""
    return _separable(step, x, 1)


@layer(
    "SeparableConv2D",
    any_order=True,
    examples=[
        example({"filters": 3, "kernel_size": [3, 2], "activation": "softmax"}, (6, 5, 2)),
        example({"filters": 3, "kernel_size": 3, "padding": "same", "strides": 2}, (None, 6, 2)),
        example(
            {"filters": 2, "kernel_size": 2, "depth_multiplier": 3, "dilation_rate": 2},
            (5, 4, 2),
        ),
        example(
            {
                "filters": 5,
                "kernel_size": 3,
                "padding": "same",
                "use_bias": False,
                "data_format": "channels_first",
                "depthwise_initializer": "he_uniform",
                "pointwise_initializer": "lecun_normal",
                "pointwise_constraint": "max_norm",
            },
            (2, 4, 3),
        ),
    ],
)
def separable_conv2d(step: Step, x: Tensor) -> Tensor:
    """Two ``nn.Conv2d``, first of each channel, then across the channels."""
    return _separable(step, x, 2)


def _separable(step: Step, x: Tensor, rank: int) -> Tensor:
    config = step.config
    filters = config.int("filters", low=1)
    x = spatial(step, x, rank)
    _, x = convolved(step, x, rank, bias=False, name="depthwise_kernel", part="depthwise")
    channels = x.memory_shape[1]
    options = {} if config.bool("use_bias", True) else {"bias": False}
    conv = step.module(
        f"nn.Conv{rank}d", channels, filters, part="pointwise", kernel_size=1, **options
    )
    kernel = step.weights.take("pointwise_kernel", (*(1,) * rank, channels or 0, filters))
    kernel = kernel.permute(rank + 1, rank, *range(rank))
    step.parameter(conv, "weight", kernel, "pointwise_initializer")
    output = resized(x, (x.shape[0], filters, *x.memory_shape[2:]))
    y = step.compute("{0}({1})", conv, x, like=x, shape=output.shape)
    return completed(step, conv, y)
