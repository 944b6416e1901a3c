"""Object headers of HDF5 (IV.A): the messages that tell what a group or a dataset is."""

from keras2torch.errors import FormatError, UnsupportedError
from keras2torch.readers.hdf5_source import Cursor, Source

__all__ = [
    "ATTRIBUTE",
    "DATASPACE",
    "DATATYPE",
    "FILTERS",
    "LAYOUT",
    "SYMBOL_TABLE",
    "Header",
]

# Header messages (IV.A.2): those that are read, those that say nothing about the values, and the
# features that are refused by name.
DATASPACE = 0x01
DATATYPE = 0x03
LAYOUT = 0x08
FILTERS = 0x0B
ATTRIBUTE = 0x0C
_CONTINUATION = 0x10
SYMBOL_TABLE = 0x11
_READ = {DATASPACE, DATATYPE, LAYOUT, FILTERS, ATTRIBUTE, SYMBOL_TABLE}
_SILENT = {0x00, 0x04, 0x05, 0x0D, 0x0E, 0x12, 0x16}
_REFUSED = {
    0x02: "a new-style group (soft or external links, or libver='latest')",
    0x06: "a new-style link (soft, external, or libver='latest')",
    0x07: "external storage",
    0x15: "dense attributes",
}


class Header:
    """The messages of the object header at ``address``, by type."""

    def __init__(self, source: Source, address: int, place: str) -> None:
        self._messages = _messages(source, address, place)
        self._place = place

    def __contains__(self, kind: int) -> bool:
        return kind in self._messages

    def every(self, kind: int) -> list[Cursor]:
        return [Cursor(body, self._place) for body in self._messages.get(kind, ())]

    def only(self, kind: int) -> Cursor:
        """The message of a type that must occur once."""
        found = self.every(kind)
        if len(found) != 1:
            raise FormatError(
                f"{self._place}: one header message {kind} expected, not {len(found)}"
            )
        return found[0]


def _messages(source: Source, address: int, place: str) -> dict[int, list[memoryview]]:
    """The messages of a version 1 object header and its continuations (IV.A.1.a, IV.A.2.q)."""
    prefix = source.cursor(address, 16, place)
    if (version := prefix.uint(1)) != 1:
        raise UnsupportedError(f"{place}: object header version {version}, only 1 is read")
    prefix.take(1)
    expected = prefix.uint(2)
    prefix.take(4)
    source.spend_objects(1 + expected)
    blocks = [(address + 16, prefix.uint(4))]
    messages: dict[int, list[memoryview]] = {}
    # Each continuation counts as a message, so the count also ends a cycle of blocks.
    while blocks:
        block = source.cursor(*blocks.pop(), place)
        while block.left() >= 8:
            kind, size, flags = block.uint(2), block.uint(2), block.uint(1)
            block.take(3)
            body = block.take(size)
            expected -= 1
            if expected < 0:
                raise FormatError(f"{place}: more header messages than the header tells")
            if kind == _CONTINUATION:
                continuation = Cursor(body, place)
                blocks.append((continuation.uint(8), continuation.uint(8)))
            elif kind in _READ and not flags & 2:
                messages.setdefault(kind, []).append(body)
            elif kind not in _SILENT:
                feature = "a shared message" if kind in _READ else f"header message {kind}"
                raise UnsupportedError(f"{place}: {_REFUSED.get(kind, feature)}")
    return messages
