"""Keras' DepthwiseConv1D and DepthwiseConv2D: every channel has filters of its own."""

from __future__ import annotations

from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers.window import Window, completed, padded, resized, short, spatial
from keras2torch.registry import example, layer


@layer(
    "DepthwiseConv1D",
    any_order=True,
    examples=[
        example({"kernel_size": 3}, (6, 2)),
        example(
            {"kernel_size": 2, "depth_multiplier": 3, "strides": 2, "activation": "relu"}, (5, 4)
        ),
        example({"kernel_size": 3, "padding": "same", "dilation_rate": 2}, (None, 3)),
        example({"kernel_size": 4, "padding": "same", "strides": 3, "use_bias": False}, (None, 3)),
        example({"kernel_size": 3, "padding": "same", "strides": 2, "dilation_rate": 2}, (7, 2)),
        example({"kernel_size": 2, "depth_multiplier": 2, "data_format": "channels_first"}, (4, 7)),
        example({"kernel_size": 3, "trainable": False}, (5, 2), masked=True),
    ],
)
def depthwise_conv1d(step: Step, x: Tensor) -> Tensor:
    """``nn.Conv1d`` with as many groups as channels."""
    return _depthwise(step, x, 1)


@layer(
    "DepthwiseConv2D",
    any_order=True,
    examples=[
        example({"kernel_size": 3}, (6, 5, 2)),
        example({"kernel_size": [2, 3], "depth_multiplier": 2, "activation": "softmax"}, (4, 5, 3)),
        example({"kernel_size": 3, "padding": "same", "strides": 2}, (6, 7, 2)),
        example({"kernel_size": 3, "padding": "same", "strides": [1, 2]}, (6, 7, 2), on_jax=True),
        example({"kernel_size": [4, 2], "padding": "same", "strides": 3}, (None, None, 2)),
        example({"kernel_size": 2, "dilation_rate": [1, 2], "use_bias": False}, (5, 6, 2)),
        example({"kernel_size": 3, "padding": "same", "dilation_rate": 2, "strides": 2}, (7, 8, 2)),
        example(
            {
                "kernel_size": 3,
                "padding": "same",
                "depth_multiplier": 2,
                "data_format": "channels_first",
                "depthwise_initializer": "he_normal",
                "bias_initializer": "ones",
                "depthwise_regularizer": "l2",
            },
            (2, 4, 6),
        ),
    ],
)
def depthwise_conv2d(step: Step, x: Tensor) -> Tensor:
    """``nn.Conv2d`` with as many groups as channels."""
    return _depthwise(step, x, 2)


def _depthwise(step: Step, x: Tensor, rank: int) -> Tensor:
    x = spatial(step, x, rank)
    return completed(step, *convolved(step, x, rank, bias=step.config.bool("use_bias", True)))


def convolved(
    step: Step, x: Tensor, rank: int, *, bias: bool, name: str = "kernel", part: str = ""
) -> tuple[Module, Tensor]:
    """The depthwise convolution of channels-first memory, and its module; a bias it has must still
    be loaded. ``name`` is the kernel's in Keras.

    Keras' output channel ``c * depth_multiplier + m`` is filter m of channel c, as in PyTorch.
    """
    config = step.config
    multiplier = config.int("depth_multiplier", 1, low=1)
    window = Window(
        config.window("kernel_size", rank),
        config.window("strides", rank, 1),
        config.window("dilation_rate", rank, 1),
    )
    padding = config.choice("padding", ("valid", "same"), "valid")
    channels, *sizes = x.memory_shape[1:]
    if channels is None or x.dtype in INTEGER_DTYPES:  # Keras runs it on no backend
        raise step.unsupported(f"an input of shape {x.shape} and dtype {x.dtype}")
    filters = channels * multiplier
    pad, inner = padded(step, window, tuple(sizes), padding)
    options = {
        "stride": short(window.stride),
        "padding": inner,
        "dilation": short(window.dilation),
        "groups": channels,
        "bias": bias,
    }
    usual = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1, "bias": True}
    options = {key: value for key, value in options.items() if value != usual[key]}
    kernel_size = short(window.size)
    conv = step.module(
        f"nn.Conv{rank}d", channels, filters, part=part, kernel_size=kernel_size, **options
    )
    kernel = step.weights.take(name, (*window.size, channels, multiplier))
    kernel = kernel.permute(rank, rank + 1, *range(rank)).reshape(filters, 1, *window.size)
    step.parameter(conv, "weight", kernel, "depthwise_initializer")
    output = resized(x, (x.shape[0], filters, *window.output(step, tuple(sizes), padding)))
    return conv, step.compute(f"{{0}}({pad})", conv, x, like=x, shape=output.shape)
