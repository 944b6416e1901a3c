"""Chunked storage of HDF5: the index of the chunks (III.A.1) and their filters (IV.A.2.l)."""

import math
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from keras2torch.errors import FormatError, UnsupportedError, WeightsError
from keras2torch.readers.hdf5_source import Cursor, Source
from keras2torch.readers.limits import LIMITS

__all__ = ["Chunks", "read_filters"]

_DEFLATE, _SHUFFLE, _FLETCHER32 = 1, 2, 3
_CHECKSUM_BLOCK = 1 << 17  # bytes; the sums of one block fit 64 bits with room


def read_filters(message: Cursor, element_size: int) -> tuple[int, ...]:
    """The Filter Pipeline Message (IV.A.2.l): the filters in the order of their application."""
    if (version := message.uint(1)) != 1:
        raise UnsupportedError(f"{message.place}: filter pipeline version {version}")
    count, _ = message.uint(1), message.take(6)
    filters = []
    for _ in range(count):
        filter_, name_size, _, value_count = message.uints(4, 2)
        message.take(name_size + -name_size % 8)
        values = message.uints(value_count, 4)
        message.take(4 * (value_count % 2))
        if filter_ == _SHUFFLE and values != [element_size]:
            raise FormatError(f"{message.place}: shuffled by {values}, not by element")
        filters.append(filter_)
    # The order in which h5py applies them, each at most once: stacked ones are a bomb.
    if filters != [known for known in (_SHUFFLE, _DEFLATE, _FLETCHER32) if known in filters]:
        raise UnsupportedError(f"{message.place}: filters {filters} are not supported")
    return tuple(filters)


@dataclass(frozen=True)
class Chunks:
    """A dataset stored as chunks of equal shape, each filtered by itself."""

    source: Source
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
