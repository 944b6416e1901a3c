"""Reader of the HDF5 subset that Keras and h5py write, in pure Python.

A model file is hostile input, and one changed byte in it can crash libhdf5, hang it or make it hand
out the memory of the process. So nothing here follows a link to another place, and every length is
checked before it is used. Section numbers are those of the "HDF5 File Format Specification
Version 3.0". Whatever a file does beyond the subset ends in a ``ModelError``.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import FormatError, UnsupportedError, WeightsError, quoted
from keras2torch.readers.limits import LIMITS

__all__ = ["Dataset", "File", "Group"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = (1 << 64) - 1

# Header messages (IV.A.2): those that are read, those that say nothing about the values, and the
# features that are refused by name.
_DATASPACE = 0x01
_DATATYPE = 0x03
_LAYOUT = 0x08
_FILTERS = 0x0B
_ATTRIBUTE = 0x0C
_CONTINUATION = 0x10
_SYMBOL_TABLE = 0x11
_READ = {_DATASPACE, _DATATYPE, _LAYOUT, _FILTERS, _ATTRIBUTE, _SYMBOL_TABLE}
_SILENT = {0x00, 0x04, 0x05, 0x0D, 0x0E, 0x12, 0x16}
_REFUSED = {
    0x02: "a new-style group (soft or external links, or libver='latest')",
    0x06: "a new-style link (soft, external, or libver='latest')",
    0x07: "external storage",
    0x15: "dense attributes",
}

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_CHECKSUM_BLOCK = 1 << 17  # bytes; the sums of one block fit 64 bits with room

# Floating-point properties (IV.A.2.d): bit offset and precision, location and size of exponent and
# mantissa, exponent bias.
_FLOATS = {
    struct.pack("<HHBBBBI", 0, 16, 10, 5, 0, 10, 15): "f2",
    struct.pack("<HHBBBBI", 0, 32, 23, 8, 0, 23, 127): "f4",
    struct.pack("<HHBBBBI", 0, 64, 52, 11, 0, 52, 1023): "f8",
}
# h5py's boolean: an enumeration of int8, FALSE = 0 and TRUE = 1.
_BOOLEAN = struct.pack("<BBHIHH8s8s2B", 0x10, 8, 0, 1, 0, 8, b"FALSE", b"TRUE", 0, 1)
_CLASSES = {
    0: "integer",
    1: "floating-point",
    2: "time",
    3: "string",
    4: "bit field",
    6: "compound",
    7: "reference",
    8: "enumeration",
    9: "variable-length",
    10: "array",
    11: "complex",
}

_Array = npt.NDArray[Any]
_Messages = dict[int, list[memoryview]]


class _Cursor:
    """Little-endian fields of one block of the file, never beyond its end."""

    __slots__ = ("_block", "_position", "place")

    def __init__(self, block: memoryview, place: str) -> None:
        self._block = block
        self._position = 0
        self.place = place

    def left(self) -> int:
        return len(self._block) - self._position

    def take(self, size: int) -> memoryview:
        if size > self.left():
            raise FormatError(f"{self.place}: {size} bytes expected, found {self.left()}")
        self._position += size
        return self._block[self._position - size : self._position]

    def uint(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def uints(self, count: int, size: int) -> list[int]:
        return [self.uint(size) for _ in range(count)]

    def expect(self, wanted: bytes, name: str) -> None:
        if (found := self.take(len(wanted))) != wanted:
            raise FormatError(
                f"{self.place}: not a {name}: {wanted.hex()} expected, found {found.hex()}"
            )


class _Source:
    """The bytes of the file, the blocks in them, and what reading them may still cost."""

    def __init__(self, data: memoryview | bytes, what: str) -> None:
        self._data = memoryview(data).cast("B").toreadonly()
        self._what = what
        self._objects_left = LIMITS.hdf5_objects
        # No two pieces of data share bytes, so together they are no larger than the file.
        self._bytes_left = len(self._data)
        self._opened: dict[int, Group | Dataset] = {}
        self._heaps: dict[int, dict[int, memoryview]] = {}

    def root(self) -> "Group | Dataset":
        """The object that the superblock names (II.A)."""
        superblock = self.cursor(0, 96, self._what)
        superblock.expect(_SIGNATURE, "HDF5 file")
        if (version := superblock.uint(1)) != 0:
            raise UnsupportedError(
                f"{self._what}: superblock version {version}: only version 0 is read, "
                "which Keras writes"
            )
        superblock.expect(bytes([0, 0, 0, 0, 8, 8, 0]), "superblock with 8-byte addresses")
        superblock.take(8)
        base, _, end, driver = superblock.uints(4, 8)
        if base != 0 or driver != _UNDEFINED:
            raise UnsupportedError(f"{self._what}: a user block or file driver is not supported")
        if end != len(self._data):
            raise FormatError(f"{self._what}: {end} bytes expected, found {len(self._data)}")
        superblock.take(8)
        return self.open(superblock.uint(8), "")

    def place(self, path: str) -> str:
        return f"{self._what}: {quoted(path or '/')}"

    def cursor(self, address: int, size: int, place: str) -> _Cursor:
        if not 0 <= size <= len(self._data) - address:
            raise FormatError(
                f"{place}: {size} bytes at {address} expected, the file has {len(self._data)}"
            )
        return _Cursor(self._data[address : address + size], place)

    def spend_objects(self, count: int) -> None:
        self._objects_left -= count
        if self._objects_left < 0:
            raise FormatError(f"{self._what}: more than {LIMITS.hdf5_objects} HDF5 objects")

    def spend_bytes(self, count: int, place: str) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise WeightsError(f"{place}: the same bytes are stored as several pieces of data")

    def open(self, address: int, path: str) -> "Group | Dataset":
        """The object at ``address``.

        Keras never links an object twice. A second path to one is refused: that is how cycles
        begin, and a few bytes that stand for thousands of weights.
        """
        place = self.place(path)
        if (known := self._opened.get(address)) is not None:
            if known.path != path:
                raise FormatError(f"{place}: also linked as {quoted(known.path or '/')}")
            return known
        if path.count("/") >= LIMITS.hdf5_depth:
            raise FormatError(f"{place}: more than {LIMITS.hdf5_depth} levels of groups")
        messages = self._messages(address, place)
        is_group = _SYMBOL_TABLE in messages
        if is_group == (_LAYOUT in messages):
            raise UnsupportedError(f"{place}: neither a group nor a dataset")
        opened = (Group if is_group else Dataset)(self, path, messages)
        self._opened[address] = opened
        return opened

    def _messages(self, address: int, place: str) -> _Messages:
        """The messages of an object header (IV.A.1.a, IV.A.2.q), by type."""
        prefix = self.cursor(address, 16, place)
        if (version := prefix.uint(1)) != 1:
            raise UnsupportedError(f"{place}: object header version {version}, only 1 is read")
        prefix.take(1)
        expected = prefix.uint(2)
        prefix.take(4)
        self.spend_objects(1 + expected)
        blocks = [(address + 16, prefix.uint(4))]
        messages: _Messages = {}
        # Each continuation counts as a message, so the count also ends a cycle of blocks.
        while blocks:
            block = self.cursor(*blocks.pop(), place)
            while block.left() >= 8:
                kind, size, flags = block.uint(2), block.uint(2), block.uint(1)
                block.take(3)
                body = block.take(size)
                expected -= 1
                if expected < 0:
                    raise FormatError(f"{place}: more header messages than the header tells")
                if kind == _CONTINUATION:
                    continuation = _Cursor(body, place)
                    blocks.append((continuation.uint(8), continuation.uint(8)))
                elif kind in _READ and not flags & 2:
                    messages.setdefault(kind, []).append(body)
                elif kind not in _SILENT:
                    feature = "a shared message" if kind in _READ else f"header message {kind}"
                    raise UnsupportedError(f"{place}: {_REFUSED.get(kind, feature)}")
        return messages

    def leaves(
        self, address: int, node_type: int, key_size: int, place: str
    ) -> Iterator[tuple[memoryview, int]]:
        """Key and address of every child of a version 1 B-tree's leaves (III.A.1), in order."""
        pending: list[tuple[int, int | None]] = [(address, None)]
        visited = set()
        while pending:
            address, wanted_level = pending.pop()
            node = self.cursor(address, 24, place)
            node.expect(b"TREE" + bytes([node_type]), "B-tree node")
            level, entries = node.uint(1), node.uint(2)
            if address in visited or wanted_level not in (None, level):
                raise FormatError(f"{place}: the B-tree has a cycle")
            visited.add(address)
            self.spend_objects(1 + entries)
            body = self.cursor(address + 24, entries * (key_size + 8) + key_size, place)
            children = [(body.take(key_size), body.uint(8)) for _ in range(entries)]
            if level == 0:
                yield from children
            else:
                pending.extend((child, level - 1) for _, child in reversed(children))

    def heap_object(self, address: int, index: int, place: str) -> memoryview:
        """An object of the global heap (III.E)."""
        if address not in self._heaps:
            self._heaps[address] = dict(self._collection(address, place))
        try:
            return self._heaps[address][index]
        except KeyError:
            raise FormatError(f"{place}: the global heap has no object {index}") from None

    def _collection(self, address: int, place: str) -> Iterator[tuple[int, memoryview]]:
        header = self.cursor(address, 16, place)
        header.expect(b"GCOL\1\0\0\0", "global heap collection")
        objects = self.cursor(address + 16, header.uint(8) - 16, place)
        while objects.left() >= 16:
            index = objects.uint(2)
            objects.take(6)
            size = objects.uint(8)
            if index == 0:  # the free space, which is last
                return
            self.spend_objects(1)
            yield index, objects.take(size)
            objects.take(-size % 8)


@dataclass(frozen=True, slots=True)
class _Datatype:
    """How an element is stored, and the type of the array that it becomes an element of."""

    kind: str
    size: int
    dtype: np.dtype[Any] = np.dtype(object)  # noqa: RUF009 - a dtype is immutable
    padding: int = 0


_NUMBERS = {"number", "boolean", "bfloat16"}
_STRINGS = {"fixed string", "variable string"}
_OPAQUE_16 = _Datatype("opaque", 2)
_BFLOAT16 = _Datatype("bfloat16", 2, np.dtype("<f4"))


def _datatype(message: _Cursor) -> _Datatype:
    """The Datatype Message (IV.A.2.d)."""
    class_and_version, bits, size = message.uint(1), message.uint(3), message.uint(4)
    class_ = class_and_version & 15
    if class_and_version >> 4 not in (1, 2, 3) or not 0 < size < 1 << 31:
        raise UnsupportedError(f"{message.place}: a datatype of another version or of no size")
    order = "<>"[bits & 1]
    if class_ == 0 and size in (1, 2, 4, 8) and message.uints(2, 2) == [0, 8 * size]:
        return _Datatype("number", size, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"))
    if class_ == 1 and bits & ~1 == (8 * size - 1) << 8 | 0x20:
        name = _FLOATS.get(bytes(message.take(12)))
        if name == f"f{size}":
            return _Datatype("number", size, np.dtype(order + name))
    if class_ == 3 and bits & 15 <= 2:
        return _Datatype("fixed string", size, padding=bits & 15)
    if class_ == 5:
        return _Datatype("opaque", size)
    if class_ == 8 and size == 1 and bits == 2 and message.take(message.left())[:30] == _BOOLEAN:
        return _Datatype("boolean", size, np.dtype(np.bool_))
    if class_ == 9 and bits & 15 == 1 and size == 16:
        return _Datatype("variable string", size)
    name = _CLASSES.get(class_, f"class {class_}")
    raise UnsupportedError(f"{message.place}: {name} data of {size} bytes is not supported")


def _dataspace(message: _Cursor) -> tuple[int, ...]:
    """The Dataspace Message (IV.A.2.b)."""
    version, rank, flags = message.uints(3, 1)
    if version not in (1, 2) or flags > 1:
        raise FormatError(f"{message.place}: dataspace version {version}, flags {flags}")
    if rank > LIMITS.tensor_rank:
        raise UnsupportedError(f"{message.place}: {rank} axes, at most {LIMITS.tensor_rank}")
    if message.uint(1 if version == 2 else 5) == 2:  # always 0 in version 1
        raise UnsupportedError(f"{message.place}: a null dataspace holds no value")
    shape = tuple(message.uints(rank, 8))
    if math.prod(max(axis, 1) for axis in shape) > LIMITS.total_tensor_bytes:
        raise WeightsError(f"{message.place}: shape {shape} is larger than any tensor may be")
    return shape


def _text(data: bytes, place: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{place}: {quoted(data[:80])} is not UTF-8") from None
    if "\0" in text:
        # Some readers would end the text there, and see another name.
        raise FormatError(f"{place}: text with a null inside")
    return text


def _fixed(element: memoryview, type_: _Datatype, place: str) -> str:
    """A fixed-length string."""
    data = bytes(element)
    match type_.padding:
        case 0:  # null-terminated
            data = data.partition(b"\0")[0]
        case 1:  # null-padded
            data = data.rstrip(b"\0")
        case _:  # space-padded
            data = data.rstrip(b" ")
    return _text(data, place)


def _numbers(data: memoryview, type_: _Datatype, shape: tuple[int, ...], place: str) -> _Array:
    """The array whose elements are stored in ``data``: a view where it can be one."""
    match type_.kind:
        case "boolean":
            array: _Array = np.ndarray(shape, np.uint8, data)
            if array.max(initial=0) > 1:
                raise WeightsError(f"{place}: a boolean that is neither 0 nor 1")
            array = array.view(np.bool_)
        case "bfloat16":  # the upper half of a float32
            halves = np.ndarray(math.prod(shape), "<u2", data).astype("<u4")
            array = (halves << 16).view("<f4").reshape(shape)
        case "number":
            array = np.ndarray(shape, type_.dtype, data)
        case _:
            raise UnsupportedError(f"{place}: {type_.kind} data is not supported")
    array.flags.writeable = False
    return array


class _Object:
    """What groups and datasets have in common: a header with attributes."""

    def __init__(self, source: _Source, path: str, messages: _Messages) -> None:
        self.path = path
        self._source = source
        self._place = source.place(path)
        self._messages = messages

    def _message(self, kind: int) -> _Cursor:
        found = self._messages.get(kind, ())
        if len(found) != 1:
            raise FormatError(
                f"{self._place}: one header message {kind} expected, not {len(found)}"
            )
        return _Cursor(found[0], self._place)

    def attributes(self) -> dict[str, Any]:
        """Scalars as Python values, arrays as arrays, all text as ``str``."""
        return dict(self._attributes)

    @cached_property
    def _attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        for body in self._messages.get(_ATTRIBUTE, ()):
            name, value = self._attribute(_Cursor(body, self._place))
            if name in attributes:
                raise FormatError(f"{self._place}: attribute {quoted(name)} occurs twice")
            attributes[name] = value
        return attributes

    def _attribute(self, message: _Cursor) -> tuple[str, Any]:
        """The Attribute Message (IV.A.2.m)."""
        version, flags, *sizes = message.uint(1), message.uint(1), *message.uints(3, 2)
        if version not in (1, 2, 3) or (version > 1 and flags):
            raise UnsupportedError(f"{self._place}: attribute version {version}, flags {flags}")
        if version == 3:
            message.take(1)  # the name's character set; ASCII is UTF-8 too
        name, datatype, dataspace = (
            message.take(size + (-size % 8 if version == 1 else 0)) for size in sizes
        )
        text = _text(bytes(name).rstrip(b"\0"), self._place)
        place = f"{self._place}, attribute {quoted(text)}"
        type_ = _datatype(_Cursor(datatype, place))
        shape = _dataspace(_Cursor(dataspace, place))
        data = message.take(math.prod(shape) * type_.size)
        read = self._texts if type_.kind in _STRINGS else _numbers
        value = read(data, type_, shape, place)
        return text, value if shape else value.item()

    def _texts(
        self, data: memoryview, type_: _Datatype, shape: tuple[int, ...], place: str
    ) -> _Array:
        self._source.spend_objects(math.prod(shape))
        read = self._variable if type_.kind == "variable string" else _fixed
        elements = range(0, len(data), type_.size)
        texts = [read(data[start : start + type_.size], type_, place) for start in elements]
        return np.array(texts, dtype=object).reshape(shape)

    def _variable(self, element: memoryview, type_: _Datatype, place: str) -> str:
        """A variable-length string: its length, and where it is in the global heap."""
        fields = _Cursor(element, place)
        length, address, index = fields.uint(4), fields.uint(8), fields.uint(4)
        if length == 0:
            return ""
        self._source.spend_bytes(length, place)
        data = _Cursor(self._source.heap_object(address, index, place), place).take(length)
        return _text(bytes(data), place)


class File:
    """An HDF5 file in memory or mapped; ``what`` names it in errors."""

    def __init__(self, data: memoryview | bytes, what: str) -> None:
        root = _Source(data, what).root()
        if not isinstance(root, Group):
            raise FormatError(f"{what}: the root must be a group")
        self.root = root


class Group(_Object):
    """An old-style group: a symbol table of hard links."""

    def keys(self) -> tuple[str, ...]:
        return tuple(self._links)

    def __contains__(self, path: str) -> bool:
        return self._find(path) is not None

    def group(self, path: str) -> "Group":
        found = self._find(path)
        if not isinstance(found, Group):
            raise WeightsError(f"{self._place}: no group {quoted(path)}")
        return found

    def dataset(self, path: str) -> "Dataset":
        found = self._find(path)
        if not isinstance(found, Dataset):
            raise WeightsError(f"{self._place}: no dataset {quoted(path)}")
        return found

    def _find(self, path: str) -> "Group | Dataset | None":
        found: Group | Dataset = self
        for name in path.split("/"):
            if name in ("", ".", ".."):
                raise WeightsError(f"{self._place}: {quoted(path)} is not a path inside the group")
            if not isinstance(found, Group) or name not in found._links:
                return None
            found = self._source.open(found._links[name], f"{found.path}/{name}".lstrip("/"))
        return found

    @cached_property
    def _links(self) -> dict[str, int]:
        """Name and object header of every link (III.B, III.C, III.D, IV.A.2.r)."""
        table = self._message(_SYMBOL_TABLE)
        tree, heap_address = table.uint(8), table.uint(8)
        heap = self._source.cursor(heap_address, 32, self._place)
        heap.expect(b"HEAP\0\0\0\0", "local heap")
        size, _, address = heap.uints(3, 8)
        self._source.cursor(address, size, self._place)
        links: dict[str, int] = {}
        for _, node in self._source.leaves(tree, 0, 8, self._place):
            header = self._source.cursor(node, 8, self._place)
            header.expect(b"SNOD\1\0", "symbol table node")
            count = header.uint(2)
            self._source.spend_objects(count)
            entries = self._source.cursor(node + 8, 40 * count, self._place)
            for _ in range(count):
                offset, target, cache_type = entries.uint(8), entries.uint(8), entries.uint(4)
                entries.take(20)
                if cache_type == 2:
                    raise UnsupportedError(f"{self._place}: a soft link")
                name = self._name(address + offset, size - offset)
                if name in links or name in ("", ".", "..") or "/" in name:
                    raise FormatError(
                        f"{self._place}: {quoted(name)} is no name of a link, or the same again"
                    )
                links[name] = target
        return links

    def _name(self, address: int, left: int) -> str:
        """The null-terminated name at ``address`` in the local heap, which has ``left`` bytes."""
        for size in (min(left, 256), min(left, LIMITS.hdf5_name_bytes)):
            block = self._source.cursor(address, size, self._place).take(size)
            name, terminator, _ = bytes(block).partition(b"\0")
            if terminator:
                return _text(name, self._place)
        raise FormatError(f"{self._place}: a link name without end")


class Dataset(_Object):
    """A stored array of numbers.

    ``bfloat16`` tells that 16-bit brain floats are stored: NumPy has none, so they are read as
    float32, which holds each of them exactly.
    """

    def __init__(self, source: _Source, path: str, messages: _Messages) -> None:
        super().__init__(source, path, messages)
        self.shape = _dataspace(self._message(_DATASPACE))
        self._type = _datatype(self._message(_DATATYPE))
        # h5py stores bfloat16 as opaque; Keras tells what it is in an attribute.
        if self._type == _OPAQUE_16 and self.attributes().get("dtype") == "bfloat16":
            self._type = _BFLOAT16
        self.bfloat16 = self._type is _BFLOAT16
        if self._type.kind not in _NUMBERS:
            raise UnsupportedError(f"{self._place}: {self._type.kind} data is not supported")
        self.dtype = self._type.dtype
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize
        self._size = math.prod(self.shape) * self._type.size
        layout = self._message(_LAYOUT)
        version, class_ = layout.uint(1), layout.uint(1)
        if version != 3 or class_ > 2:
            raise UnsupportedError(f"{self._place}: a virtual dataset or layout version {version}")
        self._stored = self._chunks(layout) if class_ == 2 else self._piece(layout, class_)

    def array(self) -> _Array:
        """The values, read-only; those stored in one piece are a view on the file, not a copy."""
        stored = self._stored
        try:
            data = stored if isinstance(stored, memoryview) else stored.assembled()
            return _numbers(data, self._type, self.shape, self._place)
        except MemoryError:
            raise WeightsError(f"{self._place}: too large for the memory") from None

    def _piece(self, layout: _Cursor, class_: int) -> memoryview:
        """Compact and contiguous storage (IV.A.2.i)."""
        if class_ == 0:
            data = layout.take(layout.uint(2))
        else:
            address, size = layout.uints(2, 8)
            # No address is allocated for an empty array.
            data = self._source.cursor(address if size else 0, size, self._place).take(size)
        if len(data) != self._size or _FILTERS in self._messages:
            raise WeightsError(
                f"{self._place}: {self._size} plain bytes expected, {len(data)} stored"
            )
        self._source.spend_bytes(len(data), self._place)
        return data

    def _chunks(self, layout: _Cursor) -> "_Chunks":
        """Chunked storage (IV.A.2.i)."""
        if layout.uint(1) != len(self.shape) + 1:
            raise FormatError(f"{self._place}: chunks of another rank than the dataset")
        tree, *shape = layout.uint(8), *layout.uints(len(self.shape), 4)
        if layout.uint(4) != self._type.size or 0 in shape:
            raise FormatError(f"{self._place}: chunks {shape} of other elements than the dataset")
        size = math.prod(shape) * self._type.size
        if size > max(LIMITS.hdf5_chunk_floor, LIMITS.hdf5_chunk_ratio * self._size):
            raise WeightsError(f"{self._place}: chunks of {size} bytes for {self._size} bytes")
        return _Chunks(
            self._source,
            self._place,
            self.shape,
            tuple(shape),
            self._type.size,
            self._filters(),
            tree,
        )

    def _filters(self) -> tuple[int, ...]:
        """The Filter Pipeline Message (IV.A.2.l)."""
        if _FILTERS not in self._messages:
            return ()
        message = self._message(_FILTERS)
        if (version := message.uint(1)) != 1:
            raise UnsupportedError(f"{self._place}: filter pipeline version {version}")
        count, _ = message.uint(1), message.take(6)
        filters = []
        for _ in range(count):
            filter_, name_size, _, value_count = message.uints(4, 2)
            message.take(name_size + -name_size % 8)
            values = message.uints(value_count, 4)
            message.take(4 * (value_count % 2))
            if filter_ == _SHUFFLE and values != [self._type.size]:
                raise FormatError(f"{self._place}: shuffled by {values}, not by element")
            filters.append(filter_)
        # The order in which h5py applies them, each at most once: stacked ones are a bomb.
        if filters != [known for known in (_SHUFFLE, _DEFLATE, _FLETCHER32) if known in filters]:
            raise UnsupportedError(f"{self._place}: filters {filters} are not supported")
        return tuple(filters)


@dataclass(frozen=True)
class _Chunks:
    """A dataset stored as chunks of equal shape, each filtered by itself."""

    source: _Source
    place: str
    shape: tuple[int, ...]
    chunk_shape: tuple[int, ...]
    element_size: int
    filters: tuple[int, ...]
    tree: int

    def assembled(self) -> memoryview:
        """The elements of the dataset in order."""
        size = math.prod(self.shape) * self.element_size
        if size == 0:
            return memoryview(b"")
        stored = sum(chunk_size for _, chunk_size, _ in self._index.values())
        if size > LIMITS.hdf5_inflation * stored:
            raise WeightsError(f"{self.place}: {size} bytes from {stored} stored bytes")
        elements = np.empty(size, np.uint8)
        dtype = np.dtype((np.void, self.element_size))
        dataset = np.ndarray(self.shape, dtype, elements)
        for offset, (address, chunk_size, mask) in self._index.items():
            stored_chunk = self.source.cursor(address, chunk_size, self.place).take(chunk_size)
            chunk = np.ndarray(self.chunk_shape, dtype, self._decoded(stored_chunk, mask))
            # Chunks at the upper edges reach beyond the dataset.
            region = tuple(
                slice(start, min(start + step, length))
                for start, step, length in zip(offset, self.chunk_shape, self.shape, strict=True)
            )
            dataset[region] = chunk[tuple(slice(axis.stop - axis.start) for axis in region)]
        return elements.data

    @cached_property
    def _index(self) -> dict[tuple[int, ...], tuple[int, int, int]]:
        """Address, stored size and filter mask of the chunk at every offset (III.A.1)."""
        key_fields = struct.Struct(f"<II{len(self.shape) + 1}Q")
        index: dict[tuple[int, ...], tuple[int, int, int]] = {}
        for key, address in self.source.leaves(self.tree, 1, key_fields.size, self.place):
            size, mask, *offset, element_offset = key_fields.unpack(key)
            aligned = all(
                start < length and start % step == 0
                for start, length, step in zip(offset, self.shape, self.chunk_shape, strict=True)
            )
            if element_offset or not aligned or tuple(offset) in index or mask >> len(self.filters):
                raise FormatError(f"{self.place}: no chunk can be at {offset}, or two are")
            self.source.spend_bytes(size, self.place)
            self.source.spend_objects(3)  # undoing a chunk takes the time of several objects
            index[tuple(offset)] = address, size, mask
        steps = zip(self.shape, self.chunk_shape, strict=True)
        expected = math.prod(-(-length // step) for length, step in steps)
        if len(index) != expected:
            raise WeightsError(f"{self.place}: {expected} chunks expected, {len(index)} stored")
        return index

    def _decoded(self, data: memoryview | bytes, mask: int) -> memoryview | bytes:
        """A chunk with its filters undone; a set bit of ``mask`` tells that one was not applied."""
        applied = [name for bit, name in enumerate(self.filters) if not mask >> bit & 1]
        size = math.prod(self.chunk_shape) * self.element_size
        if _FLETCHER32 in applied:
            data, checksum = data[:-4], data[-4:]
            if _fletcher32(data) != int.from_bytes(checksum, "little"):
                raise WeightsError(f"{self.place}: a chunk's checksum is wrong")
        if _DEFLATE in applied:
            inflate = zlib.decompressobj()
            try:
                data = inflate.decompress(data, size + 1)
            except zlib.error:
                raise WeightsError(f"{self.place}: a chunk can't be inflated") from None
            if not inflate.eof or inflate.unused_data:
                raise WeightsError(f"{self.place}: a chunk inflates to more than it holds")
        if len(data) != size:
            raise WeightsError(f"{self.place}: chunks of {size} bytes expected, found {len(data)}")
        if _SHUFFLE in applied:
            return np.frombuffer(data, np.uint8).reshape(self.element_size, -1).T.tobytes()
        return data


def _fletcher32(data: memoryview | bytes) -> int:
    """HDF5's Fletcher checksum: big-endian 16-bit words, the last padded; sums in 1 … 65535."""
    low = high = 0
    for start in range(0, len(data), _CHECKSUM_BLOCK):
        block = bytes(data[start : start + _CHECKSUM_BLOCK])
        words = np.frombuffer(block + bytes(len(block) % 2), ">u2").astype(np.int64)
        count = len(words)
        high += count * low + int(words @ np.arange(count, 0, -1))
        low += int(words.sum())
    return ((high - 1) % 65535 + 1 if high else 0) << 16 | ((low - 1) % 65535 + 1 if low else 0)
