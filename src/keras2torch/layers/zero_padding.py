"""Keras' ZeroPadding1D, ZeroPadding2D and ZeroPadding3D."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.window import resized, spatial, torch_pad
from keras2torch.registry import Integers, example, layer


@layer(
    "ZeroPadding1D",
    any_order=True,
    examples=[
        example({"padding": 2}, (3, 2)),
        example({"padding": [0, 3]}, (None, 2), masked=True),
        example({"padding": [2, 1], "data_format": "channels_first"}, (2, 3)),
        example({"padding": 1}, Integers((3, 2), 9)),
        example({"padding": 0}, (3, 2)),
    ],
)
def zero_padding1d(step: Step, x: Tensor) -> Tensor:
    """Zeros around the steps."""
    return _zero_padding(step, x, 1)


@layer(
    "ZeroPadding2D",
    any_order=True,
    examples=[
        example({"padding": 2}, (3, 4, 2)),
        example({"padding": [[0, 1], [2, 3]]}, (None, 4, 2)),
        example({"padding": [1, 2], "data_format": "channels_first"}, (2, 3, None)),
        example({"padding": [[1, 0], [0, 0]]}, Integers((3, 3, 2), 9)),
    ],
)
def zero_padding2d(step: Step, x: Tensor) -> Tensor:
    """Zeros around images."""
    return _zero_padding(step, x, 2)


@layer(
    "ZeroPadding3D",
    any_order=True,
    examples=[
        example({"padding": 1}, (2, 3, 2, 2)),
        example({"padding": [[0, 1], [2, 0], [1, 3]]}, (2, None, 2, 2)),
        example({"padding": [1, 0, 2], "data_format": "channels_first"}, (1, 2, 3, 2)),
    ],
)
def zero_padding3d(step: Step, x: Tensor) -> Tensor:
    """Zeros around volumes."""
    return _zero_padding(step, x, 3)


def _zero_padding(step: Step, x: Tensor, rank: int) -> Tensor:
    """``F.pad``; what is padded counts for Keras' later layers as any other zero."""
    pairs = step.config.pairs("padding", rank)
    x = spatial(step, x, rank)
    sizes = [
        None if size is None else size + before + after
        for size, (before, after) in zip(x.memory_shape[2:], pairs, strict=True)
    ]
    shape = resized(x, (*x.memory_shape[:2], *sizes)).shape
    return step.compute(f"F.pad({{0}}, {torch_pad(pairs)})", x, like=x, shape=shape)
