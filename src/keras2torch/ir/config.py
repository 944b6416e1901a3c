"""Typed access to one configuration from the file.

A model file is hostile input, and an option nobody mapped is a silent difference. Both are met
by one mechanism: every value is read through an accessor that checks it, and ``finish`` refuses
whatever was not read.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.readers.strict_json import NonFinite

WINDOW_LIMIT = 2**20  # no window of an honest layer is near
_REQUIRED: Any = object()  # no default


class Config:
    """The options of one Keras object, each to be read exactly once.

    ``where`` names the object in error messages, e.g. ``layer 'dense' (Dense)``. A key that is
    absent takes its default (old files leave out what was added later); without a default it is
    an error.
    """

    def __init__(self, values: object, where: str) -> None:
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: its config must be an object, found {quoted(values)}")
        self.where = where
        self._values = values
        self._read: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def raw(self, key: str, default: Any = _REQUIRED) -> Any:
        """The value as it stands in the file; the caller checks it."""
        self._read.add(key)
        if key in self._values:
            return self._values[key]
        if default is _REQUIRED:
            raise ConfigError(f"{self.where}: option {quoted(key)} is missing")
        return default

    def int(
        self, key: str, default: builtins.int = _REQUIRED, *, low: builtins.int | None = None
    ) -> builtins.int:
        value = self.raw(key, default)
        if type(value) is not builtins.int or (low is not None and value < low):
            bound = "" if low is None else f" of at least {low}"
            raise self.wrong(key, f"a whole number{bound}", value)
        return value

    def int_or_none(
        self, key: str, default: builtins.int | None = None, *, low: builtins.int = 0
    ) -> builtins.int | None:
        value = self.raw(key, default)
        return None if value is None else self.int(key, value, low=low)

    def float(self, key: str, default: builtins.float = _REQUIRED) -> builtins.float:
        value = self.raw(key, default)
        if type(value) not in (builtins.int, builtins.float):
            raise self.wrong(key, "a finite number", value)
        return builtins.float(value)

    def float_or_none(
        self, key: str, default: builtins.float | None = None
    ) -> builtins.float | None:
        value = self.raw(key, default)
        return None if value is None else self.float(key, value)

    def rate(self, key: str, default: builtins.float = _REQUIRED) -> builtins.float:
        """A share from 0 to 1, such as a dropout's rate."""
        value = self.float(key, default)
        if not 0 <= value <= 1:
            raise self.wrong(key, "a number from 0 to 1", value)
        return value

    def bool(self, key: str, default: builtins.bool = _REQUIRED) -> builtins.bool:
        value = self.raw(key, default)
        if type(value) is not builtins.bool:
            raise self.wrong(key, "true or false", value)
        return value

    def text(self, key: str, default: str = _REQUIRED) -> str:
        value = self.raw(key, default)
        if not isinstance(value, str):
            raise self.wrong(key, "text", value)
        return value

    def choice(self, key: str, allowed: Collection[str], default: str = _REQUIRED) -> str:
        value = self.raw(key, default)
        if not isinstance(value, str) or value not in allowed:
            raise self.wrong(key, "one of " + ", ".join(sorted(allowed)), value)
        return value

    def ints(
        self, key: str, default: Any = _REQUIRED, *, low: builtins.int = 1
    ) -> tuple[builtins.int, ...]:
        """A list of whole numbers, such as a kernel's size."""
        value = self.raw(key, default)
        if not isinstance(value, Sequence) or any(
            type(v) is not builtins.int or v < low for v in value
        ):
            raise self.wrong(key, f"a list of whole numbers of at least {low}", value)
        return tuple(value)

    def window(
        self, key: str, rank: builtins.int, default: Any = _REQUIRED
    ) -> tuple[builtins.int, ...]:
        """``rank`` positive numbers, or one that stands for all: a kernel's size, its strides."""
        value = self.raw(key, default)
        if type(value) is builtins.int:
            value = [value] * rank
        sizes = (
            [v for v in value if type(v) is builtins.int and 0 < v < WINDOW_LIMIT]
            if isinstance(value, list)
            else []
        )
        if len(sizes) != rank or len(value) != rank:
            raise self.wrong(key, f"{rank} positive whole numbers", self._values.get(key))
        return tuple(sizes)

    def pairs(
        self, key: str, rank: builtins.int, default: Any = _REQUIRED
    ) -> tuple[tuple[builtins.int, builtins.int], ...]:
        """(before, after) per axis, such as a padding: numbers from 0. One number stands for a
        pair, and one alone for all."""
        value = self.raw(key, default)
        if type(value) is builtins.int or (rank == 1 and isinstance(value, list)):
            value = [value] * rank
        rows = value if isinstance(value, list) else []
        pairs = [[row, row] if type(row) is builtins.int else row for row in rows]
        if len(pairs) != rank or not all(
            isinstance(pair, list)
            and len(pair) == 2
            and all(type(v) is builtins.int and 0 <= v < WINDOW_LIMIT for v in pair)
            for pair in pairs
        ):
            wanted = f"{rank} pairs of whole numbers from 0"
            raise self.wrong(key, wanted, self._values.get(key))
        return tuple((before, after) for before, after in pairs)

    def without_none(self, key: str) -> Config:
        """The same options; one that is None is as absent, so that its default holds."""
        values = {k: v for k, v in self._values.items() if k != key or v is not None}
        changed = Config(values, self.where)
        changed._read = self._read
        return changed

    def require(self, key: str, wanted: object, default: Any = _REQUIRED) -> None:
        """An option that has one value only that can be ported."""
        value = self.raw(key, default)
        if type(value) is not type(wanted) or value != wanted:
            raise UnsupportedError(
                f"{self.where}: {key}={quoted(value)} has no exact port yet, only {wanted!r} has"
            )

    def ignore(self, *keys: str) -> None:
        """Options that change nothing in the port; each caller says why."""
        self._read.update(keys)

    def wrong(self, key: str, wanted: str, value: object) -> ConfigError:
        """The error for a value of the wrong kind."""
        if isinstance(value, NonFinite):
            value = value.value
        return ConfigError(f"{self.where}: option {key!r} must be {wanted}, found {quoted(value)}")

    def unread(self) -> list[str]:
        """The options that nobody has read yet."""
        return [key for key in self._values if key not in self._read]

    def finish(self) -> None:
        """Refuse what nobody read."""
        unread = self.unread()
        if unread:
            shown = ", ".join(f"{quoted(k)}={quoted(self._values[k], 40)}" for k in unread[:4])
            raise UnsupportedError(f"{self.where}: option {shown} is not known to this version")
