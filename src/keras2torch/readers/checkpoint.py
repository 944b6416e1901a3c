"""TensorFlow's checkpoints: a table of entries, and the tensors' bytes in files beside it.

Sources: tensorflow/core/util/tensor_bundle (the entries), tensorflow/core/lib/io/table (the
table, LevelDB's) and tensorflow/core/protobuf/trackable_object_graph.proto. The tables that
TensorFlow writes here are not compressed. Checksums of tensors (CRC32C) are not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import prod

import numpy as np

from keras2torch.errors import FormatError, UnsupportedError, WeightsError, quoted
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.protobuf import Message, varint
from keras2torch.readers.saved import Array, Shape

MAGIC = 0xDB4775248B80FB57
FOOTER, TRAILER = 48, 5
GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
STRING = 7
# tensorflow/core/framework/types.proto
DTYPES = dict(
    zip(
        (1, 2, 3, 4, 5, 6, 9, 10, 17, 19, 22, 23),
        "float32 float64 int32 uint8 int16 int8 int64 bool uint16 float16 uint32 uint64".split(),
        strict=True,
    )
)


@dataclass(frozen=True)
class Tensor:
    """One stored tensor."""

    shape: Shape
    dtype: np.dtype[np.generic]
    data: Callable[[], memoryview]

    def array(self) -> Array:
        return np.frombuffer(self.data(), self.dtype).reshape(self.shape)


@dataclass
class Node:
    """An object of the checkpoint: its parts by attribute, and its own tensors.

    ``tensors`` has the name that TensorFlow gave each variable, such as ``dense/kernel``.
    """

    children: dict[str, int]
    tensors: dict[str, Tensor]


class Checkpoint:
    """The checkpoint ``variables`` of a SavedModel.

    ``shard(number, count)`` maps the file that holds the tensors' bytes of that number.
    """

    def __init__(self, index: memoryview, shard: Callable[[int, int], memoryview]) -> None:
        self._what = "variables.index"
        entries = dict(_table(index, self._what))
        header = Message(memoryview(entries.pop(b"", b"")), self._what)
        self._shards = header.number(1)
        if header.number(2) or not 0 < self._shards <= LIMITS.zip_members:
            raise UnsupportedError(f"{self._what}: big-endian, or {self._shards} files of tensors")
        self._shard = cache(shard)
        self._entries = entries
        self._visits = 0
        self._nodes = list(self._graph())
        if not self._nodes:
            raise FormatError(f"{GRAPH}: no objects")

    def at(self, *path: str) -> dict[str, Node]:
        """The parts of the object that the root leads to by these attributes."""
        node = self._nodes[0]
        for child in path:
            node = self._child(node, child)
        return {child: self._child(node, child) for child in node.children}

    def below(self, place: str) -> Iterator[tuple[str, Tensor]]:
        """The tensors, with their names, of a part of the root and all that it leads to."""
        left, seen = [self._nodes[0].children[place]], set[int]()
        while left:
            number = left.pop()
            if number in seen:
                continue
            seen.add(number)
            node = self._nodes[number]
            self._visits += 1 + len(node.children)
            if self._visits > LIMITS.protobuf_fields:
                raise FormatError(f"{GRAPH}: too many objects that are parts of several")
            yield from node.tensors.items()
            left += reversed(node.children.values())

    def _child(self, node: Node, name: str) -> Node:
        if name not in node.children:
            raise FormatError(f"{GRAPH}: no object {quoted(name)}")
        return self._nodes[node.children[name]]

    def _graph(self) -> Iterator[Node]:
        graph = Message(self._strings(GRAPH), GRAPH)
        nodes = graph.messages(1)
        for node in nodes:
            children: dict[str, int] = {}
            for child in node.messages(1):
                if child.number(1) >= len(nodes):
                    raise FormatError(f"{GRAPH}: object {child.number(1)}, which there is not")
                children[child.text(2)] = child.number(1)
            tensors = {
                attribute.text(2): self._tensor(attribute.text(3))
                for attribute in node.messages(2)
                if attribute.text(1) == "VARIABLE_VALUE"
            }
            yield Node(children, tensors)

    def _tensor(self, key: str) -> Tensor:
        entry = self._entry(key)
        kind = DTYPES.get(entry.number(1))
        if kind is None or entry.every(7):
            raise UnsupportedError(f"{self._what}: {quoted(key)} of type {entry.number(1)}")
        shape = tuple(size.number(1) for part in entry.messages(2) for size in part.messages(2))
        dtype = np.dtype(kind).newbyteorder("<")
        size = entry.number(5)
        if len(shape) > LIMITS.tensor_rank or prod(shape) * dtype.itemsize != size:
            raise WeightsError(f"{self._what}: {quoted(key)} of shape {shape} in {size} bytes")
        return Tensor(shape, dtype, lambda: self._bytes(entry, key))

    def _entry(self, key: str) -> Message:
        data = self._entries.get(key.encode())
        if data is None:
            raise WeightsError(f"{self._what}: no {quoted(key)}")
        return Message(memoryview(data), f"{self._what}, {quoted(key)}")

    def _bytes(self, entry: Message, key: str) -> memoryview:
        number, start, size = entry.number(3), entry.number(4), entry.number(5)
        if number >= self._shards:
            raise WeightsError(f"{self._what}: {quoted(key)} in file {number}")
        data = self._shard(number, self._shards)
        if start + size > len(data):
            raise WeightsError(f"{self._what}: {quoted(key)} ends behind its file")
        return data[start : start + size]

    def _strings(self, key: str) -> memoryview:
        """A tensor that is one string: its length, a checksum of four bytes, its bytes."""
        entry = self._entry(key)
        if entry.number(1) != STRING or entry.number(5) > LIMITS.config_bytes:
            raise FormatError(f"{self._what}: {key} must be a string")
        data = self._bytes(entry, key)
        size, at = varint(data, 0, key)
        if len(data) - at - 4 != size:
            raise FormatError(f"{self._what}: {key} of {size} bytes in {len(data)}")
        return data[at + 4 :]


def _table(data: memoryview, what: str) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a table: an index block tells where the others are."""
    if len(data) < FOOTER or int.from_bytes(data[-8:], "little") != MAGIC:
        raise FormatError(f"{what} is no table of TensorFlow's")
    footer = data[-FOOTER:-8]
    _, at = _handle(footer, 0, what)
    index, _ = _handle(footer, at, what)
    for _, handle in _block(data, index, what):
        place, _ = _handle(memoryview(handle), 0, what)
        yield from _block(data, place, what)


def _handle(data: memoryview, at: int, what: str) -> tuple[tuple[int, int], int]:
    start, at = varint(data, at, what)
    size, at = varint(data, at, what)
    return (start, size), at


def _block(data: memoryview, place: tuple[int, int], what: str) -> Iterator[tuple[bytes, bytes]]:
    """Entries whose keys repeat the beginning of the key before, then the restart points."""
    start, size = place
    if start + size + TRAILER > len(data) or size < 4:
        raise FormatError(f"{what}: a block that ends behind the file")
    if data[start + size]:
        raise UnsupportedError(f"{what}: a compressed block")
    block = data[start : start + size]
    restarts = int.from_bytes(block[-4:], "little")
    end = size - 4 - 4 * restarts
    if end < 0:
        raise FormatError(f"{what}: a block of {restarts} restart points in {size} bytes")
    block, at, key = block[:end], 0, b""
    while at < end:
        shared, at = varint(block, at, what)
        fresh, at = varint(block, at, what)
        length, at = varint(block, at, what)
        if shared > len(key) or at + fresh + length > end:
            raise FormatError(f"{what}: an entry that ends behind its block")
        key = key[:shared] + bytes(block[at : at + fresh])
        yield key, bytes(block[at + fresh : at + fresh + length])
        at += fresh + length


def shard_name(number: int, count: int) -> str:
    """The file of the tensors' bytes, beside ``variables.index``."""
    return f"variables.data-{number:05d}-of-{count:05d}"
