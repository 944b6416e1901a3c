"""Padding, slices at places and scattering in ``keras.ops``.

Source: keras/src/ops/numpy.py, keras/src/ops/core.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.ir.graph import Constant, Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.window import torch_pad
from keras2torch.ops.calls import Array, call, ints
from keras2torch.ops.operands import array_of, cast, dtype_option
from keras2torch.ops.promotion import kind
from keras2torch.ops.shaping import LARGEST, sizes_option
from keras2torch.registry import op


@op("Pad", any_order=True, calls=[
    call("pad", (3, 2), [[0, 0], [1, 2], [0, 0]]),
    call("pad", (3, 2), [[0, 0], [1, 2], [2, 0]], constant_values=1.5),
    call("pad", (4, 3), [[0, 0], [2, 1], [1, 1]], mode="reflect"),
    call("pad", (4, 3), [[0, 0], [2, 1], [1, 1]], mode="symmetric"),
    call("pad", ints(3), [[0, 0], [1, 1]]),
    call("pad", (2, 3, 2), [[0, 0], [1, 1], [0, 2], [0, 0]]),
])  # fmt: skip
def pad(step: OpStep, x: Tensor, constant_values: Any = None) -> Tensor:
    """Elements around, of one value or mirrored."""
    pairs = _pairs(step, x)
    mode = step.config.choice("mode", ("constant", "reflect", "symmetric"), "constant")
    x = step.keras_order(x) if x.flat else x
    shape: Shape = tuple(
        None if size is None else size + before + after
        for size, (before, after) in zip(x.shape, pairs, strict=True)
    )
    moved = [pairs[axis] for axis in x.order or range(x.rank)]
    if mode != "constant":
        if x.dtype == "bool":
            raise step.unsupported("mirrored booleans")
        text = f"{step.helper('mirror_pad')}({{0}}, {literal(tuple(moved))}, {literal(mode)})"
        return step.compute(text, x, like=x, shape=shape)
    while len(moved) > 1 and moved[0] == (0, 0):
        moved.pop(0)
    value = "" if constant_values is None else f", value={literal(_number(step, constant_values))}"
    text = f"F.pad({{0}}, {literal(torch_pad(moved))}{value})"
    return step.compute(text, x, like=x, shape=shape)


def _number(step: OpStep, value: Any) -> bool | int | float:
    if isinstance(value, Constant) and value.array.ndim == 0:
        value = value.array.item()
    if type(value) not in (bool, int, float):
        raise step.unsupported("a padding that is no number")
    number: bool | int | float = value
    return number


def _pairs(step: OpStep, x: Tensor) -> list[tuple[int, int]]:
    """How much in front and behind, for each of Keras' axes."""
    value = step.config.raw("pad_width")
    if type(value) is int:
        value = [[value, value]]
    if isinstance(value, list) and [type(v) for v in value] == [int, int]:
        value = [value]
    if isinstance(value, list) and len(value) == 1:
        value = value * x.rank
    pairs = value if isinstance(value, list) and len(value) == x.rank else [None]
    if not all(isinstance(p, list) and [type(v) for v in p] == [int, int] for p in pairs):
        raise step.config.wrong("pad_width", "two numbers for each axis", value)
    if any(not 0 <= v < LARGEST for pair in value for v in pair):
        raise step.config.wrong("pad_width", "two numbers for each axis", value)
    return [(before, after) for before, after in value]


@op("Slice", calls=[
    call("slice", (4, 3), Array([0, 1, 0], "int32"), shape=(2, 2, 3)),
    call("slice", (4, 3), [1, 0, 1], shape=(1, 4, 2)),
])  # fmt: skip
def slice_(step: OpStep, inputs: Tensor, start_indices: Any) -> Tensor:
    """A box from a place on, as large as is said."""
    starts, sizes = _starts(step, inputs, start_indices), sizes_option(step, "shape")
    if len(sizes) != inputs.rank or any(size < 0 for size in sizes):
        raise step.config.wrong("shape", "a size for each axis", sizes)
    _inside(step, inputs, starts, sizes)
    return step.compute(f"{{0}}[{_box(starts, sizes)}]", inputs, like=inputs, shape=tuple(sizes))


@op("SliceUpdate", calls=[
    # TensorFlow has no gradient of it.
    call("slice_update", ints(4, 3), [0, 1, 0], Array([[[9, 8], [7, 6]]], "int32")),
])  # fmt: skip
def slice_update(step: OpStep, inputs: Tensor, start_indices: Any, updates: Any) -> Tensor:
    """A tensor with a box of it replaced."""
    if isinstance(updates, Constant):
        updates = step.constant(updates)
    if not isinstance(updates, Tensor) or updates.rank != inputs.rank or None in updates.shape:
        raise step.unsupported("an update of unknown size")
    updates = step.keras_order(updates)
    starts, sizes = _starts(step, inputs, start_indices), [size or 0 for size in updates.shape]
    _inside(step, inputs, starts, sizes)
    function = step.helper("slice_update")
    text = f"{function}({{0}}, {literal(tuple(starts))}, {{1}})"
    return step.compute(text, inputs, cast(step, updates, inputs.dtype), like=inputs)


def _starts(step: OpStep, x: Tensor, value: Any) -> list[int]:
    if isinstance(value, Tensor):
        raise step.unsupported("places that are computed")
    array = array_of(step, value)
    if array.dtype.kind not in "iu" or array.shape != (x.rank,) or (array < 0).any():
        raise step.unsupported("places that are no whole numbers from 0 on")
    return [int(v) for v in array]


def _inside(step: OpStep, x: Tensor, starts: list[int], sizes: list[int]) -> None:
    for start, size, whole in zip(starts, sizes, x.shape, strict=True):
        if whole is not None and start + size > whole:
            raise step.unsupported(f"a box of {sizes} at {starts} in {x.shape}")


def _box(starts: list[int], sizes: list[int]) -> str:
    return ", ".join(f"{a or ''}:{a + n}" for a, n in zip(starts, sizes, strict=True))


@op("SaturateCast", any_order=True, calls=[
    call("saturate_cast", ints(9, low=-300, high=300), "int8"),
    call("saturate_cast", (4,), "int32"),
    call("saturate_cast", ints(9, low=-300, high=300), "uint8"),
])  # fmt: skip
def saturate_cast(step: OpStep, x: Tensor) -> Tensor:
    """The same numbers of another dtype; what does not fit becomes the nearest that does."""
    dtype = dtype_option(step) or x.dtype
    if kind(dtype) == 1 and kind(x.dtype) >= 1 and dtype not in ("int32", "int64"):
        limits = np.iinfo(dtype)
        x = step.compute(f"{{0}}.clamp({limits.min}, {limits.max})", x, like=x)
    elif kind(x.dtype) and dtype not in (x.dtype, "float32") and x.dtype != "float32":
        raise step.unsupported(f"{x.dtype} as {dtype}")
    return cast(step, x, dtype)
