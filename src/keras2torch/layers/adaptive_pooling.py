"""Keras' AdaptiveAveragePooling and AdaptiveMaxPooling, whose windows are PyTorch's."""

from __future__ import annotations

from functools import partial

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers.pooling import of_integers
from keras2torch.layers.window import resized, short, spatial
from keras2torch.registry import example, layer

_1D = [
    example({"output_size": 3}, (7, 2)),
    example({"output_size": 5}, (3, 2)),
    example({"output_size": 2, "data_format": "channels_first"}, (2, 5)),
]
_2D = [
    example({"output_size": 2}, (4, 6, 2)),
    example({"output_size": [3, 4]}, (5, 7, 2)),
    example({"output_size": [2, 3], "data_format": "channels_first"}, (2, 5, 4)),
]
_3D = [
    example({"output_size": [2, 3, 2]}, (5, 4, 3, 1)),
    example({"output_size": 2, "data_format": "channels_first"}, (1, 3, 4, 5)),
]


@layer("AdaptiveMaxPooling1D", any_order=True, examples=_1D)
def adaptive_max_pooling1d(step: Step, x: Tensor) -> Tensor:
    """``nn.AdaptiveMaxPool1d``."""
    return _pool(step, x, 1, "Max")


@layer("AdaptiveMaxPooling2D", any_order=True, examples=_2D)
def adaptive_max_pooling2d(step: Step, x: Tensor) -> Tensor:
    """``nn.AdaptiveMaxPool2d``."""
    return _pool(step, x, 2, "Max")


@layer("AdaptiveMaxPooling3D", any_order=True, examples=_3D)
def adaptive_max_pooling3d(step: Step, x: Tensor) -> Tensor:
    """``nn.AdaptiveMaxPool3d``."""
    return _pool(step, x, 3, "Max")


@layer("AdaptiveAveragePooling1D", any_order=True, examples=_1D)
def adaptive_average_pooling1d(step: Step, x: Tensor) -> Tensor:
    """``nn.AdaptiveAvgPool1d``."""
    return _pool(step, x, 1, "Avg")


@layer("AdaptiveAveragePooling2D", any_order=True, examples=_2D)
def adaptive_average_pooling2d(step: Step, x: Tensor) -> Tensor:
    """``nn.AdaptiveAvgPool2d``."""
    return _pool(step, x, 2, "Avg")


@layer("AdaptiveAveragePooling3D", any_order=True, examples=_3D)
def adaptive_average_pooling3d(step: Step, x: Tensor) -> Tensor:
    """``nn.AdaptiveAvgPool3d``."""
    return _pool(step, x, 3, "Avg")


def _pool(step: Step, x: Tensor, rank: int, kind: str) -> Tensor:
    """Window i of n covers floor(i * size / n) to ceil((i + 1) * size / n), in both."""
    sizes = step.config.window("output_size", rank)
    if x.dtype in INTEGER_DTYPES:
        return of_integers(step, x, kind, partial(_pool, rank=rank, kind=kind))
    x = spatial(step, x, rank)
    shape = resized(x, (*x.memory_shape[:2], *sizes)).shape
    pool = step.module(f"nn.Adaptive{kind}Pool{rank}d", short(sizes))
    return step.compute("{0}({1})", pool, x, like=x, shape=shape)
