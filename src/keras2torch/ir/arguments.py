"""The arguments of a recorded call: Keras tensors become Refs, arrays Constants; the rest is data.

Keras writes what JSON lacks as objects with a ``class_name`` between underscores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.ir.graph import Constant, Ref, Shape
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.strict_json import NonFinite

ARRAYS = ("__numpy__", "__tensor__")
DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "float16", "float32", "float64",
)  # fmt: skip


def argument_of(value: Any, recorded: dict[Ref, tuple[Shape, str]], where: str) -> Any:
    """One argument; the shapes and dtypes that the file tells of tensors go to ``recorded``."""
    if isinstance(value, list):
        return [argument_of(v, recorded, where) for v in value]
    if isinstance(value, NonFinite):
        return value.value
    if not isinstance(value, dict):
        return value
    kind, config = value.get("class_name"), value.get("config")
    if kind == "__keras_tensor__":
        config = _object(config, "a tensor", where)
        ref = ref_of(config.get("keras_history"), where)
        if isinstance(config.get("dtype"), str):
            recorded[ref] = (shape_of(config.get("shape"), where), config["dtype"])
        return ref
    if kind == "__tuple__":
        items = value.get("items", config)
        if not isinstance(items, list):
            raise ConfigError(f"{where}: a tuple must hold a list of items")
        return tuple(argument_of(v, recorded, where) for v in items)
    if kind == "__slice__":
        return _slice(_object(config, "a slice", where), where)
    if kind == "__ellipsis__":
        return Ellipsis
    if kind in ARRAYS:
        return _constant(_object(config, "an array", where), where)
    if "class_name" not in value:
        return {key: argument_of(v, recorded, where) for key, v in value.items()}
    return value


def shape_of(value: object, where: str) -> Shape:
    """A shape with its batch dimension; unknown sizes are None."""
    if not isinstance(value, (list, tuple)) or len(value) > LIMITS.tensor_rank:
        raise ConfigError(f"{where}: a shape must be a list, found {quoted(value)}")
    if any(size is not None and (type(size) is not int or size < 0) for size in value):
        raise ConfigError(f"{where}: a shape holds whole numbers, found {quoted(value)}")
    return tuple(value)


def ref_of(value: object, where: str) -> Ref:
    """A tensor by the layer that makes it, the number of the call, and that of the output."""
    if (
        not isinstance(value, list)
        or [type(part) for part in value] != [str, int, int]
        or min(value[1:]) < 0
    ):
        raise ConfigError(
            f"{where}: a tensor is named by [layer, call, output], found {quoted(value)}"
        )
    return Ref(*value)


def _object(value: object, what: str, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: {what} must be an object with a config")
    return value


def _slice(config: dict[str, Any], where: str) -> slice:
    parts = [config.get(key) for key in ("start", "stop", "step")]
    if any(part is not None and type(part) is not int for part in parts):
        raise ConfigError(f"{where}: a slice is made of whole numbers, found {quoted(parts)}")
    return slice(*parts)


def _constant(config: dict[str, Any], where: str) -> Constant:
    """An array from nested lists; the bounds on JSON bound it."""
    values, dtype = config.get("value"), config.get("dtype")
    if dtype not in DTYPES:
        raise UnsupportedError(f"{where}: an array of dtype {quoted(dtype)}")
    numbers: list[Any] = []
    shape = _collect(values, numbers, 0, where)
    try:
        return Constant(np.array(numbers, dtype=dtype).reshape(shape))
    except (OverflowError, ValueError) as error:
        raise ConfigError(f"{where}: an array's numbers don't fit {dtype}") from error


def _collect(values: object, numbers: list[Any], depth: int, where: str) -> tuple[int, ...]:
    """Append the numbers of nested lists, which must all be of one length at each depth."""
    if not isinstance(values, list):
        values = values.value if isinstance(values, NonFinite) else values
        if type(values) not in (bool, int, float):
            raise ConfigError(f"{where}: an array holds numbers, found {quoted(values)}")
        numbers.append(values)
        return ()
    if depth == LIMITS.tensor_rank:
        raise ConfigError(f"{where}: an array of more than {LIMITS.tensor_rank} axes")
    shapes = {_collect(part, numbers, depth + 1, where) for part in values}
    if len(shapes) > 1:
        raise ConfigError(f"{where}: an array whose rows differ in length")
    return (len(values), *(shapes.pop() if shapes else ()))
