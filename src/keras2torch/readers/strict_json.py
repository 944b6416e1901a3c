"""Strict JSON: text that every parser reads alike, or an error.

RFC 8259 leaves duplicate keys, huge numbers, deep nesting and the encoding to the parser; a file
that depends on such a choice shows one model to a scanner and another to a loader. Here each is
refused.
"""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from keras2torch.errors import ConfigError, FormatError, quoted
from keras2torch.readers.limits import LIMITS

__all__ = ["NonFinite", "parse"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# The closing quote is optional and nothing backtracks: hostile quotes cost one pass, not many.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


@dataclass(frozen=True, slots=True)
class NonFinite:
    """A bare ``Infinity``, ``-Infinity`` or ``NaN``.

    Keras writes them, but hardly any argument may hold one: whoever accepts one asks for ``value``.
    """

    value: float


def parse(data: bytes, what: str, max_bytes: int) -> dict[str, Any]:
    """The JSON object in ``data``; ``what`` names it in errors."""
    if len(data) > max_bytes:
        raise FormatError(f"{what}: at most {max_bytes} bytes expected, found {len(data)}")
    if data.startswith(_BYTE_ORDER_MARK):
        raise FormatError(f"{what}: plain UTF-8 expected, found a byte order mark")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(f"{what}: not UTF-8 at byte {error.start}") from None
    _check_size(data, what)
    try:
        root = _decoder(what).decode(text)
    except json.JSONDecodeError as error:
        raise FormatError(f"{what}: not JSON at character {error.pos}: {error.msg}") from None
    if not isinstance(root, dict):
        raise ConfigError(f"{what}: an object expected at the root, found {_kind(root)}")
    return root


def _check_size(data: bytes, what: str) -> None:
    """Bounds on depth and number of values, found without parsing: json itself recurses."""
    skeleton = _STRING.sub(b"", data)
    values = 1 + sum(map(skeleton.count, (b",", b"[", b"{")))
    if values > LIMITS.json_values:
        raise ConfigError(f"{what}: at most {LIMITS.json_values} values expected, found {values}")
    brackets = skeleton.translate(None, delete=_NOT_BRACKETS)
    depth = max(accumulate(map(_STEP.__getitem__, brackets)), default=0)
    if depth > LIMITS.json_depth:
        raise ConfigError(f"{what}: at most {LIMITS.json_depth} levels expected, found {depth}")


def _decoder(what: str) -> json.JSONDecoder:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) < len(pairs):
            twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
            raise ConfigError(f"{what}: key {quoted(twice)} occurs twice in one object")
        return result

    def integer(digits: str) -> int:
        if len(digits.removeprefix("-")) > LIMITS.json_integer_digits:
            raise ConfigError(
                f"{what}: integers of at most {LIMITS.json_integer_digits} digits expected, "
                f"found {len(digits)}"
            )
        return int(digits)

    def finite(digits: str) -> float:
        number = float(digits)
        if math.isinf(number):
            raise ConfigError(f"{what}: {quoted(digits)} is too large for a number")
        return number

    def non_finite(name: str) -> NonFinite:
        return NonFinite(float(name))

    return json.JSONDecoder(
        object_pairs_hook=unique,
        parse_int=integer,
        parse_float=finite,
        parse_constant=non_finite,
    )


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "text", bool: "a boolean", type(None): "null"}
    return kinds.get(type(value), "a number")
