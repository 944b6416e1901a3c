"""Operations that move elements: other axes, other orders. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from keras2torch.errors import ConfigError
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers.permute import renamed
from keras2torch.ops.calls import call
from keras2torch.ops.operands import (
    axes_option,
    axis_in,
    axis_option,
)
from keras2torch.ops.reductions import flat
from keras2torch.ops.table import without_axes
from keras2torch.registry import op

LARGEST = 1 << 31  # elements that a size of the file may ask for


def permuted(step: OpStep, x: Tensor, axes: Sequence[int]) -> Tensor:
    """The axes in another order. Where they lie stays, while the batch stays first."""
    axes = tuple(axes)
    if axes == tuple(range(x.rank)):
        return x
    x = step.keras_order(x) if x.flat else x
    if axes[0] == 0:
        return renamed(x, axes)
    x = step.keras_order(x)
    shape = tuple(x.shape[axis] for axis in axes)
    moved = [place for place, axis in enumerate(axes) if place != axis]
    if len(moved) == 2:
        text = f"{{0}}.transpose({moved[0]}, {moved[1]})"
    else:
        text = f"{{0}}.permute({', '.join(map(str, axes))})"
    return step.compute(text, x, like=x, shape=shape)


@op("Transpose", any_order=True, calls=[
    call("transpose", (3, 2)), call("transpose", (3, 2), axes=(0, 2, 1)),
    call("transpose", (2, 3, 4), axes=(0, 3, 1, 2)), call("transpose", (3, 2), axes=(1, 0, 2)),
])  # fmt: skip
def transpose(step: OpStep, x: Tensor) -> Tensor:
    """The axes in another order, reversed by default."""
    given = step.config.raw("axes", None)
    if given is None:
        return permuted(step, x, range(x.rank)[::-1])
    axes = axes_option(step, x, "axes") or ()
    if sorted(axes) != list(range(x.rank)):
        raise ConfigError(f"{step.where}: axes {list(axes)} of a tensor of rank {x.rank}")
    return permuted(step, x, axes)


@op(
    "Swapaxes",
    any_order=True,
    calls=[call("swapaxes", (3, 2), 1, 2), call("swapaxes", (3, 2), 0, -1)],
)
def swapaxes(step: OpStep, x: Tensor) -> Tensor:
    """Two axes exchanged."""
    axes = list(range(x.rank))
    one, two = axis_option(step, x.rank, "axis1"), axis_option(step, x.rank, "axis2")
    axes[one], axes[two] = two, one
    return permuted(step, x, axes)


@op("Moveaxis", any_order=True, calls=[
    call("moveaxis", (3, 2), 1, -1), call("moveaxis", (2, 3, 4), source=(1, 2), destination=(3, 1)),
])  # fmt: skip
def moveaxis(step: OpStep, x: Tensor) -> Tensor:
    """Some axes elsewhere, the others in the order they had."""
    source, target = axes_option(step, x, "source") or (), axes_option(step, x, "destination") or ()
    if len(source) != len(target) or len(set(source)) < len(source) != len(set(target)):
        raise ConfigError(f"{step.where}: {len(source)} axes to {len(target)} places")
    axes = [axis for axis in range(x.rank) if axis not in source]
    for place, axis in sorted(zip(target, source, strict=True)):
        axes.insert(place, axis)
    return permuted(step, x, axes)


@op("ExpandDims", any_order=True, calls=[
    call("expand_dims", (3, 2), 1), call("expand_dims", (3, 2), -1), call("expand_dims", (3,), 0),
    call("expand_dims", (2, 3), axis=(1, 3)), call("expand_dims", (2, 3, 2), 2),
])  # fmt: skip
def expand_dims(step: OpStep, x: Tensor) -> Tensor:
    """New axes of size 1."""
    value = step.config.raw("axis")
    given = value if isinstance(value, list) else [value]
    rank = x.rank + len(given)
    if any(type(axis) is not int for axis in given):
        raise step.config.wrong("axis", "whole numbers", value)
    x = step.keras_order(x)
    for axis in sorted(axis_in(step, axis, rank) for axis in given):
        place = min(axis, x.rank)
        dim = -1 if place == x.rank else place
        shape = (*x.shape[:place], 1, *x.shape[place:])
        hint = "mask" if x.value.hint == "mask" else step.name
        x = step.compute(f"{{0}}.unsqueeze({dim})", x, like=x, shape=shape, hint=hint)
    return x


@op("Squeeze", any_order=True, calls=[
    call("squeeze", (3, 1), axis=-1), call("squeeze", (1, 3, 1)),
    call("squeeze", (1, 3, 1), axis=(1, 3)),
])  # fmt: skip
def squeeze(step: OpStep, x: Tensor) -> Tensor:
    """Without axes of size 1."""
    axes = axes_option(step, x)
    if axes is None:
        axes = tuple(axis for axis, size in enumerate(x.shape) if size == 1)
    if any(x.shape[axis] not in (1, None) for axis in axes):
        raise ConfigError(f"{step.where}: squeezes axes {list(axes)} of shape {x.shape}")
    x = step.keras_order(x) if x.flat else x
    if not axes:
        return x
    dims = sorted(x.dim(axis) for axis in axes)
    shape, order = without_axes(x, axes, False)
    text = str(-1 if dims[0] == x.rank - 1 else dims[0]) if len(dims) == 1 else literal(tuple(dims))
    return step.compute(f"{{0}}.squeeze({text})", x, like=x, shape=shape, order=order)


def sizes_option(step: OpStep, key: str) -> list[int]:
    """A shape in the options: None and -1 stand for what is left."""
    value = step.config.raw(key)
    sizes = [value] if type(value) is int else value
    if not isinstance(sizes, list) or len(sizes) > 8:
        raise step.config.wrong(key, "a shape", value)
    sizes = [-1 if size is None else size for size in sizes]
    if any(type(size) is not int or not -1 <= size < LARGEST for size in sizes):
        raise step.config.wrong(key, "a shape", value)
    return sizes


@op("Reshape", calls=[
    call("reshape", (3, 2), newshape=(-1, 6)), call("reshape", (3, 2), newshape=(-1, 2)),
    call("reshape", (6,), newshape=(-1, 2, 3)), call("reshape", (3, 2), newshape=(-1,)),
    call("reshape", (3, 4), newshape=(-1, 2, 2, 3)),
])  # fmt: skip
def reshape(step: OpStep, x: Tensor) -> Tensor:
    """Other axes for the same elements, the batch included."""
    target = sizes_option(step, "newshape")
    if target.count(-1) > 1:
        raise step.config.wrong("newshape", "a shape with one unknown size", target)
    shape: list[int | None] = [None if size == -1 else size for size in target]
    if None not in x.shape and -1 in target:
        whole, known = prod(s or 0 for s in x.shape), prod(s for s in target if s != -1)
        shape[target.index(-1)] = whole // max(known, 1)
    return step.compute(
        f"{{0}}.reshape({', '.join(map(str, target)) or '()'})", x, like=x, shape=tuple(shape)
    )


@op("Ravel", calls=[call("ravel", (3, 2))])
def ravel(step: OpStep, x: Tensor) -> Tensor:
    """All elements in a row."""
    return flat(step, x)


@op("Flip", any_order=True, calls=[
    call("flip", (3, 2), axis=1), call("flip", (3, 2)), call("flip", (2, 3), axis=(1, 2)),
])  # fmt: skip
def flip(step: OpStep, x: Tensor) -> Tensor:
    """Axes from back to front."""
    axes = axes_option(step, x)
    return flipped(step, x, tuple(range(x.rank)) if axes is None else axes)


@op("Fliplr", any_order=True, calls=[call("fliplr", (3, 2))])
def fliplr(step: OpStep, x: Tensor) -> Tensor:
    """The second axis from back to front."""
    return flipped(step, x, (1,))


@op("Flipud", any_order=True, calls=[call("flipud", (3, 2))])
def flipud(step: OpStep, x: Tensor) -> Tensor:
    """The first axis from back to front."""
    return flipped(step, x, (0,))


def flipped(step: OpStep, x: Tensor, axes: Sequence[int]) -> Tensor:
    """These of Keras' axes from back to front."""
    x = step.keras_order(x) if x.flat else x
    dims = ", ".join(map(str, sorted(x.dim(axis) for axis in axes)))
    return step.compute(f"{{0}}.flip({dims})", x, like=x)


@op("Roll", any_order=True, calls=[
    call("roll", (3, 2), 1, axis=1), call("roll", (3, 2), 2),
    call("roll", (2, 3), shift=(1, -1), axis=(1, 2)),
])  # fmt: skip
def roll(step: OpStep, x: Tensor) -> Tensor:
    """Elements moved along axes; what falls off comes in again."""
    axes = axes_option(step, x)
    shift = step.config.raw("shift")
    shifts = [shift] if type(shift) is int else shift
    if not isinstance(shifts, list) or any(type(s) is not int for s in shifts):
        raise step.config.wrong("shift", "whole numbers", shift)
    if axes is None:
        x = step.keras_order(x)
        return step.compute(f"{{0}}.roll({sum(shifts)})", x, like=x)
    if len(shifts) != len(axes):
        shifts = shifts * len(axes)
    x = step.keras_order(x) if x.flat else x
    dims = [x.dim(axis) for axis in axes]
    single = len(dims) == 1
    given = (
        f"{shifts[0]}, {dims[0]}" if single else f"{literal(tuple(shifts))}, {literal(tuple(dims))}"
    )
    return step.compute(f"{{0}}.roll({given})", x, like=x)


@op("Rot90", calls=[
    call("rot90", (3, 2), k=1, axes=(1, 2)), call("rot90", (3, 3, 2), k=2, axes=(1, 2)),
    call("rot90", (3, 3), k=-1, axes=(2, 1)), call("rot90", (3, 2)),
])  # fmt: skip
def rot90(step: OpStep, x: Tensor) -> Tensor:
    """A plane turned by right angles."""
    k = step.config.int("k", 1)
    axes = axes_option(step, x, "axes") or (0, 1)
    if len(axes) != 2:
        raise step.config.wrong("axes", "two axes", list(axes))
    if k % 4 == 0:
        return x
    shape = list(x.shape)
    if k % 4 != 1 and (shape[axes[0]] != shape[axes[1]] or shape[axes[0]] is None):
        # Keras on TensorFlow mixes up the rows of what is not square.
        raise step.unsupported("turning a plane that is not square twice or more")
    if k % 2:
        shape[axes[0]], shape[axes[1]] = shape[axes[1]], shape[axes[0]]
    text = f"torch.rot90({{0}}, {k % 4}, dims={literal(axes)})"
    return step.compute(text, x, like=x, shape=tuple(shape))
