"""Operands of operations: tensors, numbers and arrays, brought to one dtype and one order."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras2torch.errors import ConfigError
from keras2torch.ir.graph import Constant, Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers import merging
from keras2torch.ops.promotion import OF_NUMBERS, kind, result_type, torch_result

UNKNOWN_DTYPES = ("uint16", "uint32", "uint64", "string")  # PyTorch hardly computes with them
Number = bool | int | float
Result = Callable[[OpStep, Sequence[str]], str]


@dataclass(frozen=True)
class Together:
    """Operands that fit: in one order, to be broadcast to ``shape``, of dtype ``dtype``.

    ``items`` are tensors and numbers, as they were given. ``like`` has rank and order.
    """

    items: tuple[Tensor | Number, ...]
    like: Tensor
    shape: Shape
    dtype: str

    @property
    def tensors(self) -> list[Tensor]:
        return [item for item in self.items if isinstance(item, Tensor)]

    def filled(self, template: str, number: str = "{}") -> str:
        """The template with its numbers written in, and its tensors counted anew."""
        places: list[str] = []
        for item in self.items:
            if isinstance(item, Tensor):
                places.append(f"{{{sum(place.startswith('{') for place in places)}}}")
            else:
                places.append(number.format(literal(item)))

        def put(match: re.Match[str]) -> str:
            text = places[int(match[1])]
            before, after = template[: match.start()], template[match.end() :]
            alone = before.endswith(("(", "[", ", ", "=")) and after[:1] in (")", "]", ",")
            return f"({text})" if text.startswith("-") and not alone and template != "{0}" else text

        return re.sub(r"\{(\d)\}", put, template)


def dtype_of(item: Tensor | Number) -> str:
    """A tensor's dtype, a number's weak one."""
    return item.dtype if isinstance(item, Tensor) else OF_NUMBERS[type(item)]


def items_of(step: OpStep, given: Sequence[Any]) -> list[Tensor | Number]:
    """Arrays as tensors or, where they are single numbers of a weak dtype, numbers."""
    items: list[Tensor | Number] = []
    for item in given:
        if isinstance(item, Tensor) or type(item) in OF_NUMBERS:
            items.append(item)
        elif isinstance(item, Constant):
            items.append(_array(step, item, given))
        else:
            raise step.unsupported("an operand that is neither a tensor nor a number")
    if not any(isinstance(item, Tensor) for item in items):
        raise step.unsupported("a call without a tensor")
    if any(dtype_of(item) in UNKNOWN_DTYPES for item in items):
        raise step.unsupported(f"operands of dtypes {sorted(map(dtype_of, items))}")
    return items


def _array(step: OpStep, constant: Constant, given: Sequence[Any]) -> Tensor:
    """An array as a buffer; beside a tensor whose axes lie in another order it lies so too."""
    tensors = [x for x in given if isinstance(x, Tensor)]
    first = max(tensors, key=lambda x: x.rank, default=None)
    rank = constant.array.ndim
    if first is None or first.order is None or not 0 < rank <= first.rank or first.flat:
        return step.constant(constant)
    array = constant.array.reshape((1,) * (first.rank - rank) + constant.array.shape)
    return step.constant(Constant(array), first.order)


def together(step: OpStep, given: Sequence[Any], *extra: str, floating: bool = False) -> Together:
    """The operands, cast to Keras' common dtype (with ``extra`` dtypes) where PyTorch would
    compute in another. ``floating``: PyTorch's function makes floats of integers itself."""
    items = items_of(step, given)
    wanted = result_type(*map(dtype_of, items), *extra)
    arrays = [x.dtype for x in items if isinstance(x, Tensor) and x.rank]
    scalars = [x.dtype for x in items if isinstance(x, Tensor) and not x.rank]
    numbers = [dtype_of(x) for x in items if not isinstance(x, Tensor)]
    found = torch_result(arrays, scalars, numbers)
    if floating and kind(found) < 2:
        found = "float32"
    if found != wanted:
        items = [cast(step, x, wanted) if isinstance(x, Tensor) else x for x in items]
    tensors = [x for x in items if isinstance(x, Tensor)]
    if len({x.rank for x in tensors}) == 1:
        placed = iter(merging.in_one_order(step, tensors))
    else:
        placed = iter([step.keras_order(x) for x in tensors])
    items = [next(placed) if isinstance(x, Tensor) else x for x in items]
    tensors = [x for x in items if isinstance(x, Tensor)]
    shape = merging.broadcast(step, [x.shape for x in tensors])
    return Together(tuple(items), max(tensors, key=lambda x: x.rank), shape, wanted)


def cast(step: OpStep, x: Tensor, dtype: str) -> Tensor:
    """``x`` as this dtype, as ``Tensor.to`` converts; "float32" is the model's precision."""
    if x.dtype == dtype:
        return x
    if dtype in UNKNOWN_DTYPES or dtype == "complex64":
        raise step.unsupported(f"dtype {dtype}")
    return step.compute(f"{{0}}.to({torch_dtype(dtype)})", x, like=x, dtype=dtype, mask=None)


def torch_dtype(dtype: str) -> str:
    """PyTorch's name of a dtype; float32 follows the precision that the model is run in."""
    return "torch.get_default_dtype()" if dtype == "float32" else f"torch.{dtype}"


def dtype_option(step: OpStep, key: str = "dtype", default: str | None = None) -> str | None:
    """An option that names a dtype, or nothing."""
    value = step.config.raw(key, default)
    if value in ("int", "float", "bool"):
        value = {"int": "int32", "float": "float32"}.get(value, value)
    if value is None or value in ("bool", "int8", "int16", "int32", "int64", "uint8"):
        return value if isinstance(value, str) else None
    if value in ("float16", "bfloat16", "float32", "float64"):
        return str(value)
    raise step.unsupported(f"{key}={value!r:.40}")


def axes_option(step: OpStep, x: Tensor, key: str = "axis") -> tuple[int, ...] | None:
    """An option that names one axis, several, or all (None); counted from the front."""
    value = step.config.raw(key, None)
    if value is None:
        return None
    axes = [value] if type(value) is int else value
    if not isinstance(axes, (list, tuple)) or not axes or any(type(a) is not int for a in axes):
        raise step.config.wrong(key, "whole numbers", value)
    return tuple(axis_in(step, axis, x.rank) for axis in axes)


def axis_in(step: OpStep, axis: int, rank: int) -> int:
    """The axis counted from the front; one that there is not is refused."""
    if not -rank <= axis < rank:
        raise ConfigError(f"{step.where}: {rank} axes have no axis {axis}")
    return axis % rank


def axis_option(step: OpStep, rank: int, key: str = "axis", default: int | None = None) -> int:
    """An option that names one axis, counted from the front."""
    axis = step.config.int(key) if default is None else step.config.int(key, default)
    return axis_in(step, axis, rank)


def array_of(step: OpStep, value: Any) -> np.ndarray[Any, Any]:
    """A list or an array as an array; small, since it becomes text."""
    try:
        array = value.array if isinstance(value, Constant) else np.array(value)
    except ValueError as error:
        raise ConfigError(f"{step.where}: a list whose rows differ in length") from error
    if array.dtype.kind not in "biuf" or array.size > 1 << 16:
        raise step.unsupported("a list of anything but numbers")
    return array
