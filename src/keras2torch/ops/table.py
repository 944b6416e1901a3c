"""The words in which the table from ``keras.ops`` to PyTorch is written.

An elementwise operation is one line, ``elementwise("Sin", "torch.sin({0})", floating, ...)``: the
class as Keras saves it, the expression, what becomes of the dtype, and calls that the tests make.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.ops.calls import OpCall
from keras2torch.ops.operands import axes_option, cast, together
from keras2torch.ops.promotion import kind
from keras2torch.registry import op

Rule = Callable[[OpStep, Tensor], tuple[Tensor, str]]


def same(step: OpStep, x: Tensor) -> tuple[Tensor, str]:
    """The result has the operand's dtype."""
    return x, x.dtype


def floating(step: OpStep, x: Tensor) -> tuple[Tensor, str]:
    """Integers become floats; PyTorch's function does so itself."""
    return x, "float32" if kind(x.dtype) < 2 else x.dtype


def only_floating(step: OpStep, x: Tensor) -> tuple[Tensor, str]:
    """Integers become floats; PyTorch's function takes only those."""
    x = step.floating(x)
    return x, x.dtype


def wide(step: OpStep, x: Tensor) -> tuple[Tensor, str]:
    """Integers become floats, of 64 bits if they had 64."""
    x = cast(step, x, "float64") if x.dtype == "int64" else step.floating(x)
    return x, x.dtype


def truth(step: OpStep, x: Tensor) -> tuple[Tensor, str]:
    """The result is true or false."""
    return x, "bool"


def counted(step: OpStep, x: Tensor) -> tuple[Tensor, str]:
    """The operand's dtype; booleans count as int32."""
    if x.dtype == "bool":
        x = cast(step, x, "int32")
    return x, x.dtype


def elementwise(name: str, expression: str, rule: Rule, *calls: OpCall, helper: str = "") -> None:
    """An operation on each element of one tensor, however it lies in memory."""

    def lower(step: OpStep, x: Tensor) -> Tensor:
        x, dtype = rule(step, x)
        if helper:
            step.helper(helper)
        if expression == "{0}":
            return x
        return step.compute(expression, x, like=x, dtype=dtype)

    op(name, any_order=True, calls=calls)(lower)


def binary(
    name: str,
    expression: str,
    *calls: OpCall,
    result: str = "",
    extra: tuple[str, ...] = (),
    floating: bool = False,
    number: str = "{}",
    same: bool = True,
    helper: str = "",
) -> None:
    """An operation on two tensors, or a tensor and a number, with NumPy's broadcasting.

    ``result`` is the result's dtype if it is not the common one (with ``extra``); ``floating``:
    PyTorch makes floats of integers itself; ``number`` is how a number is written; ``same``: the
    operands are brought to the common dtype.
    """

    def lower(step: OpStep, x1: Any, x2: Any) -> Tensor:
        both = together(step, (x1, x2), *extra, floating=floating)
        if helper:
            step.helper(helper)
        return step.compute(
            both.filled(expression, number),
            *both.tensors,
            like=both.like,
            shape=both.shape,
            dtype=result or both.dtype,
        )

    op(name, any_order=True, calls=calls)(lower)


def reduction(name: str, expression: str, rule: Rule, *calls: OpCall, alone: str = "") -> None:
    """An operation over some axes, or all; ``{dims}`` in the expression stands for the arguments
    that say over which. ``alone`` is the expression over all axes, if it is another."""

    def lower(step: OpStep, x: Tensor) -> Tensor:
        axes = axes_option(step, x)
        keepdims = step.config.bool("keepdims", False)
        x, dtype = rule(step, x)
        whole = alone and axes is None and not keepdims
        return reduced(step, x, alone if whole else expression, axes, keepdims, dtype)

    op(name, any_order=True, calls=calls)(lower)


def reduced(
    step: OpStep,
    x: Tensor,
    expression: str,
    axes: tuple[int, ...] | None,
    keepdims: bool,
    dtype: str,
) -> Tensor:
    """``expression`` over Keras' axes, wherever they lie."""
    if x.flat is not None:
        x = step.keras_order(x)
    if axes is None or len(axes) == x.rank:  # in which order they lie makes no difference
        axes = tuple(range(x.rank))
        x = replace(x, order=None, shape=x.memory_shape)
    given = dims_text(x, axes, keepdims)
    if not given:
        expression = expression.replace(", {dims}", "").replace("{dims}, ", "")
    shape, order = without_axes(x, axes, keepdims)
    return step.compute(
        expression.replace("{dims}", given), x, like=x, shape=shape, order=order, dtype=dtype
    )


def dims_text(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> str:
    """``dim=1``, ``dim=(1, 2), keepdim=True``; nothing where all axes go."""
    dims = sorted(x.dim(axis) for axis in axes)
    if not keepdims and len(dims) == x.rank:
        return ""
    text = str(dims[0]) if len(dims) == 1 else f"({', '.join(map(str, dims))})"
    if len(dims) == 1 and dims[0] == x.rank - 1:
        text = "-1"
    return f"dim={text}" + (", keepdim=True" if keepdims else "")


def without_axes(
    x: Tensor, axes: tuple[int, ...], keepdims: bool
) -> tuple[Shape, tuple[int, ...] | None]:
    """Shape and order after these axes have gone, or have become 1."""
    if keepdims:
        return tuple(1 if a in axes else size for a, size in enumerate(x.shape)), x.order
    kept = [axis for axis in range(x.rank) if axis not in axes]
    order = tuple(kept.index(axis) for axis in x.order or () if axis in kept)
    natural = order == tuple(sorted(order))
    return tuple(x.shape[axis] for axis in kept), None if natural else order


def is_integer(x: Tensor) -> bool:
    """Whether a tensor holds whole numbers or booleans."""
    return x.dtype in INTEGER_DTYPES
