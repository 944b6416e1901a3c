"""Protocol buffers on the wire, for the few messages of a SavedModel that are read.

Format: https://protobuf.dev/programming-guides/encoding. A message is data of a stranger: every
length is checked against what is left, and nothing recurses.
"""

from __future__ import annotations

from collections.abc import Iterator

from keras2torch.errors import FormatError
from keras2torch.readers.limits import LIMITS

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10
Field = int | memoryview


class Message:
    """The fields of a message by their numbers, in the order of the wire.

    Numbers (varint, fixed32 and fixed64) are unsigned, strings and messages are views.
    """

    def __init__(self, data: memoryview, what: str) -> None:
        self._what = what
        self._fields: dict[int, list[Field]] = {}
        for count, (number, value) in enumerate(_fields(data, what)):
            if count == LIMITS.protobuf_fields:
                raise FormatError(f"{what}: more than {LIMITS.protobuf_fields} fields")
            self._fields.setdefault(number, []).append(value)

    def number(self, field: int, default: int = 0) -> int:
        """The last value of a field that holds a number."""
        values = self._fields.get(field, [default])
        if not isinstance(values[-1], int):
            raise FormatError(f"{self._what}: field {field} must be a number")
        return values[-1]

    def every(self, field: int) -> list[memoryview]:
        """All values of a field that holds strings, bytes or messages."""
        values = self._fields.get(field, [])
        views = [value for value in values if isinstance(value, memoryview)]
        if len(views) < len(values):
            raise FormatError(f"{self._what}: field {field} must be bytes")
        return views

    def messages(self, field: int) -> list[Message]:
        return [Message(data, self._what) for data in self.every(field)]

    def text(self, field: int) -> str:
        """A string; empty where it is missing."""
        views = self.every(field)
        try:
            return str(views[-1], "utf-8") if views else ""
        except UnicodeDecodeError:
            raise FormatError(f"{self._what}: field {field} is not UTF-8") from None


def varint(data: memoryview, at: int, what: str) -> tuple[int, int]:
    """The number at ``at``, and where it ends."""
    value = 0
    for place in range(LONGEST_VARINT):
        if at + place >= len(data):
            break
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if value >= 1 << 64:
                break
            return value, at + place + 1
    raise FormatError(f"{what}: a number without end at byte {at}")


def _fields(data: memoryview, what: str) -> Iterator[tuple[int, Field]]:
    at = 0
    while at < len(data):
        tag, at = varint(data, at, what)
        kind = tag & 7
        if kind == VARINT:
            value, at = varint(data, at, what)
            yield tag >> 3, value
            continue
        if kind == BYTES:
            size, at = varint(data, at, what)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise FormatError(f"{what}: a field of kind {kind} at byte {at}")
        if size > len(data) - at:
            raise FormatError(f"{what}: {size} bytes expected at byte {at}, {len(data) - at} left")
        part = data[at : at + size]
        at += size
        yield tag >> 3, part if kind == BYTES else int.from_bytes(part, "little")
