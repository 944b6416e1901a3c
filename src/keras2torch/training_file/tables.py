"""Tables of a TOML file as dataclasses: types are checked, unknown keys are refused."""

from __future__ import annotations

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from keras2torch.errors import TrainingError, quoted

T = TypeVar("T")
SAID = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def read_into(kind: type[T], table: Any, where: str) -> T:
    """A dataclass of a table's values; ``where`` names the table in errors.

    Raises:
        TrainingError: an unknown key, a missing one, or a value of another type.
    """
    if not isinstance(table, dict):
        raise TrainingError(f"{where} must be a table, it is {_shown(table)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in table:
        if key not in fields:
            near = difflib.get_close_matches(key, fields, 1)
            hint = f"; is {near[0]} meant?" if near else f"; there are {', '.join(fields)}"
            raise TrainingError(f"{where} has no key {quoted(key)}{hint}")
    for name, field in fields.items():
        needed = field.default is field.default_factory is dataclasses.MISSING
        if needed and name not in table:
            raise TrainingError(f"{where} lacks {name}")
    hints = typing.get_type_hints(kind)
    values = {key: _checked(hints[key], value, f"{where} {key}") for key, value in table.items()}
    return kind(**values)


def _checked(kind: Any, value: Any, where: str) -> Any:
    """The value, if it is of a type; whole numbers are numbers too."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _of_one(inner, value, where)
    if origin is typing.Literal:
        if value not in inner:
            raise TrainingError(f"{where} is {_shown(value)}; it must be one of {_listed(inner)}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise TrainingError(f"{where} is {_shown(value)}; it must be a list")
        return tuple(_checked(inner[0], part, where) for part in value)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise TrainingError(f"{where} is {_shown(value)}; it must be a table")
        return {key: _checked(inner[1], part, f"{where}.{key}") for key, part in value.items()}
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return read_into(kind, value, where)
    whole = kind is float and type(value) is int
    if type(value) is not kind and not whole:
        said = SAID.get(kind, "a table")
        raise TrainingError(f"{where} is {_shown(value)}; it must be {said}")
    return float(value) if whole else value


def _of_one(kinds: tuple[Any, ...], value: Any, where: str) -> Any:
    """The value as the first type that it fits; if it fits none, the error is the last one's."""
    chosen = [kind for kind in kinds if kind is not type(None)]
    for kind in chosen[:-1]:
        try:
            return _checked(kind, value, where)
        except TrainingError:
            continue
    return _checked(chosen[-1], value, where)


def _shown(value: Any) -> str:
    return quoted(value, 40) if isinstance(value, str) else quoted(repr(value), 40).strip("'")


def _listed(values: tuple[Any, ...]) -> str:
    return ", ".join(str(value) for value in values)
