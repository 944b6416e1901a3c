"""Keras' UpSampling1D, UpSampling2D and UpSampling3D."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers.resizing import INTERPOLATIONS, interpolated, rounded
from keras2torch.layers.window import resized, short, spatial
from keras2torch.registry import Integers, example, layer


@layer(
    "UpSampling1D",
    any_order=True,
    examples=[
        example({"size": 2}, (3, 2)),
        example({"size": 3}, (None, 2), masked=True),
        example({"size": 2}, Integers((3, 2), 9)),
    ],
)
def up_sampling1d(step: Step, x: Tensor) -> Tensor:
    """Every step several times."""
    if x.rank != 3:
        raise step.unsupported(f"an input of shape {x.shape}")
    size = step.config.int("size", 2, low=1)
    steps = None if x.shape[1] is None else x.shape[1] * size
    shape = (x.shape[0], steps, x.shape[2])
    expression = f"{{0}}.repeat_interleave({size}, dim={x.dim(1)})"
    return step.compute(expression, x, like=x, shape=shape)


@layer(
    "UpSampling2D",
    any_order=True,
    examples=[
        example({}, (3, 4, 2)),
        example({"size": [2, 3]}, (None, 2, 2)),
        example({"size": [1, 2], "data_format": "channels_first"}, (2, 3, None)),
        example({"size": 2}, Integers((3, 4, 2), 9)),
        example({"size": 2, "interpolation": "bilinear"}, (None, 4, 2)),
        example({"size": [3, 1], "interpolation": "bilinear"}, Integers((3, 4, 2), 9)),
        example({"size": [6, 2], "interpolation": "bilinear"}, Integers((None, 4, 2), 200)),
        example({"size": [3, 2], "interpolation": "bicubic"}, (3, 4, 2)),
        example({"interpolation": "lanczos3"}, (3, None, 2)),
        example({"interpolation": "lanczos5", "data_format": "channels_first"}, (2, 3, 4)),
    ],
)
def up_sampling2d(step: Step, x: Tensor) -> Tensor:
    """``F.interpolate``, or TensorFlow's own interpolation."""
    method = step.config.choice("interpolation", INTERPOLATIONS, "nearest")
    if method == "nearest":
        return _nearest(step, x, 2)
    given, x = x.dtype, spatial(step, x, 2)
    factors = step.config.window("size", 2, 2)
    sizes = [
        None if size is None else size * factor
        for size, factor in zip(x.memory_shape[2:], factors, strict=True)
    ]
    if method == "bilinear" and given not in INTEGER_DTYPES:
        call = f'F.interpolate({{0}}, scale_factor={short(factors)}, mode="bilinear")'
        shape = resized(x, (*x.memory_shape[:2], *sizes)).shape
        y = step.compute(call, x, like=x, shape=shape)
    else:
        y = interpolated(step, x, tuple(sizes), method, antialias=False, factors=factors)
    return rounded(step, y, given, method)


@layer(
    "UpSampling3D",
    any_order=True,
    examples=[
        example({}, (2, 3, 1, 2)),
        example({"size": [1, 3, 2]}, (2, None, 2, 1)),
        example({"size": 2, "data_format": "channels_first"}, (2, 2, 1, 3)),
    ],
)
def up_sampling3d(step: Step, x: Tensor) -> Tensor:
    """``F.interpolate``, which finds the voxel that Keras repeats."""
    return _nearest(step, x, 3)


def _nearest(step: Step, x: Tensor, rank: int) -> Tensor:
    """Every element several times along each axis."""
    factors = step.config.window("size", rank, 2)
    x = spatial(step, x, rank)
    sizes = [
        None if size is None else size * factor
        for size, factor in zip(x.memory_shape[2:], factors, strict=True)
    ]
    shape = resized(x, (*x.memory_shape[:2], *sizes)).shape
    if x.dtype in INTEGER_DTYPES:  # which F.interpolate refuses
        for dim, factor in enumerate(factors, 2):
            x = step.compute(
                f"{{0}}.repeat_interleave({factor}, dim={dim})", x, like=x, shape=shape
            )
        return x
    # A factor of 3 is no exact quotient: "nearest" could be one off, "nearest-exact" is not.
    powers = all(factor & (factor - 1) == 0 for factor in factors)
    mode = "" if powers else ', mode="nearest-exact"'
    expression = f"F.interpolate({{0}}, scale_factor={short(factors)}{mode})"
    return step.compute(expression, x, like=x, shape=shape)
