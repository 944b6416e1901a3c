"""Reader of the HDF5 subset that Keras and h5py write, in pure Python.

A model file is hostile input, and one changed byte in it can crash libhdf5, hang it or make it hand
out the memory of the process. So nothing here follows a link to another place, and every length is
checked before it is used. Section numbers, here and in the modules ``hdf5_*``, are those of the
"HDF5 File Format Specification Version 3.0". Whatever a file does beyond the subset ends in a
``ModelError``.

This module has groups (III.B to III.D, IV.A.2.r) and datasets with their layout (IV.A.2.i).
"""

import math
from functools import cached_property
from typing import Any

from keras2torch.errors import FormatError, UnsupportedError, WeightsError, quoted
from keras2torch.readers.hdf5_attributes import read_attribute
from keras2torch.readers.hdf5_chunks import Chunks, read_filters
from keras2torch.readers.hdf5_datatypes import (
    BFLOAT16,
    NUMBERS,
    OPAQUE_16,
    Array,
    decoded_text,
    numbers,
    read_dataspace,
    read_datatype,
)
from keras2torch.readers.hdf5_headers import (
    ATTRIBUTE,
    DATASPACE,
    DATATYPE,
    FILTERS,
    LAYOUT,
    SYMBOL_TABLE,
    Header,
)
from keras2torch.readers.hdf5_source import Cursor, Source
from keras2torch.readers.limits import LIMITS

__all__ = ["Dataset", "File", "Group"]


class _Objects:
    """The objects of a file, each opened once and by one path."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._opened: dict[int, Group | Dataset] = {}

    def open(self, address: int, path: str) -> "Group | Dataset":
        """The object at ``address``.

        Keras never links an object twice. A second path to one is refused: that is how cycles
        begin, and a few bytes that stand for thousands of weights.
        """
        place = self.source.place(path)
        if (known := self._opened.get(address)) is not None:
            if known.path != path:
                raise FormatError(f"{place}: also linked as {quoted(known.path or '/')}")
            return known
        if path.count("/") >= LIMITS.hdf5_depth:
            raise FormatError(f"{place}: more than {LIMITS.hdf5_depth} levels of groups")
        header = Header(self.source, address, place)
        is_group = SYMBOL_TABLE in header
        if is_group == (LAYOUT in header):
            raise UnsupportedError(f"{place}: neither a group nor a dataset")
        opened = (Group if is_group else Dataset)(self, path, header)
        self._opened[address] = opened
        return opened


class _Object:
    """What groups and datasets have in common: a header with attributes."""

    def __init__(self, objects: _Objects, path: str, header: Header) -> None:
        self.path = path
        self._objects = objects
        self._source = objects.source
        self._place = objects.source.place(path)
        self._header = header

    def attributes(self) -> dict[str, Any]:
        """Scalars as Python values, arrays as arrays, all text as ``str``."""
        return dict(self._attributes)

    @cached_property
    def _attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = {}
        for message in self._header.every(ATTRIBUTE):
            name, value = read_attribute(self._source, message)
            if name in attributes:
                raise FormatError(f"{self._place}: attribute {quoted(name)} occurs twice")
            attributes[name] = value
        return attributes


class File:
    """An HDF5 file in memory or mapped; ``what`` names it in errors."""

    def __init__(self, data: memoryview | bytes, what: str) -> None:
        source = Source(data, what)
        root = _Objects(source).open(source.root_address(), "")
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
            found = self._objects.open(found._links[name], f"{found.path}/{name}".lstrip("/"))
        return found

    @cached_property
    def _links(self) -> dict[str, int]:
        """Name and object header of every link (III.B, III.C, III.D, IV.A.2.r)."""
        table = self._header.only(SYMBOL_TABLE)
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
                return decoded_text(name, self._place)
        raise FormatError(f"{self._place}: a link name without end")


class Dataset(_Object):
    """A stored array of numbers.

    ``bfloat16`` tells that 16-bit brain floats are stored: NumPy has none, so they are read as
    float32, which holds each of them exactly.
    """

    def __init__(self, objects: _Objects, path: str, header: Header) -> None:
        super().__init__(objects, path, header)
        self.shape = read_dataspace(self._header.only(DATASPACE))
        self._type = read_datatype(self._header.only(DATATYPE))
        # h5py stores bfloat16 as opaque; Keras tells what it is in an attribute.
        if self._type == OPAQUE_16 and self.attributes().get("dtype") == "bfloat16":
            self._type = BFLOAT16
        self.bfloat16 = self._type is BFLOAT16
        if self._type.kind not in NUMBERS:
            raise UnsupportedError(f"{self._place}: {self._type.kind} data is not supported")
        self.dtype = self._type.dtype
        self.nbytes = math.prod(self.shape) * self.dtype.itemsize
        self._size = math.prod(self.shape) * self._type.size
        layout = self._header.only(LAYOUT)
        version, class_ = layout.uint(1), layout.uint(1)
        if version != 3 or class_ > 2:
            raise UnsupportedError(f"{self._place}: a virtual dataset or layout version {version}")
        self._stored = self._chunks(layout) if class_ == 2 else self._piece(layout, class_)

    def array(self) -> Array:
        """The values, read-only; those stored in one piece are a view on the file, not a copy."""
        stored = self._stored
        try:
            data = stored if isinstance(stored, memoryview) else stored.assembled()
            return numbers(data, self._type, self.shape, self._place)
        except MemoryError:
            raise WeightsError(f"{self._place}: too large for the memory") from None

    def _piece(self, layout: Cursor, class_: int) -> memoryview:
        """Compact and contiguous storage (IV.A.2.i)."""
        if class_ == 0:
            data = layout.take(layout.uint(2))
        else:
            address, size = layout.uints(2, 8)
            # No address is allocated for an empty array.
            data = self._source.cursor(address if size else 0, size, self._place).take(size)
        if len(data) != self._size or FILTERS in self._header:
            raise WeightsError(
                f"{self._place}: {self._size} plain bytes expected, {len(data)} stored"
            )
        self._source.spend_bytes(len(data), self._place)
        return data

    def _chunks(self, layout: Cursor) -> Chunks:
        """Chunked storage (IV.A.2.i)."""
        if layout.uint(1) != len(self.shape) + 1:
            raise FormatError(f"{self._place}: chunks of another rank than the dataset")
        tree, *shape = layout.uint(8), *layout.uints(len(self.shape), 4)
        if layout.uint(4) != self._type.size or 0 in shape:
            raise FormatError(f"{self._place}: chunks {shape} of other elements than the dataset")
        size = math.prod(shape) * self._type.size
        if size > max(LIMITS.hdf5_chunk_floor, LIMITS.hdf5_chunk_ratio * self._size):
            raise WeightsError(f"{self._place}: chunks of {size} bytes for {self._size} bytes")
        return Chunks(
            self._source,
            self._place,
            self.shape,
            tuple(shape),
            self._type.size,
            self._filters(),
            tree,
        )

    def _filters(self) -> tuple[int, ...]:
        if FILTERS not in self._header:
            return ()
        return read_filters(self._header.only(FILTERS), self._type.size)
