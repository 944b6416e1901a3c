"""The bytes of an HDF5 file, and the structures that are only ways to find others in it.

Those are the superblock (II.A), version 1 B-trees (III.A.1) and the global heap (III.E). Every
length is checked here before it is used, and what reading may cost is counted here.
"""

from collections.abc import Iterator

from keras2torch.errors import FormatError, UnsupportedError, WeightsError, quoted
from keras2torch.readers.limits import LIMITS

__all__ = ["Cursor", "Source"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_UNDEFINED = (1 << 64) - 1


class Cursor:
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


class Source:
    """The bytes of the file, the blocks in them, and what reading them may still cost."""

    def __init__(self, data: memoryview | bytes, what: str) -> None:
        self._data = memoryview(data).cast("B").toreadonly()
        self._what = what
        self._objects_left = LIMITS.hdf5_objects
        # No two pieces of data share bytes, so together they are no larger than the file.
        self._bytes_left = len(self._data)
        self._heaps: dict[int, dict[int, memoryview]] = {}

    def root_address(self) -> int:
        """Where the object header is that the superblock names (II.A)."""
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
        return superblock.uint(8)

    def place(self, path: str) -> str:
        return f"{self._what}: {quoted(path or '/')}"

    def cursor(self, address: int, size: int, place: str) -> Cursor:
        if not 0 <= size <= len(self._data) - address:
            raise FormatError(
                f"{place}: {size} bytes at {address} expected, the file has {len(self._data)}"
            )
        return Cursor(self._data[address : address + size], place)

    def spend_objects(self, count: int) -> None:
        self._objects_left -= count
        if self._objects_left < 0:
            raise FormatError(f"{self._what}: more than {LIMITS.hdf5_objects} HDF5 objects")

    def spend_bytes(self, count: int, place: str) -> None:
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise WeightsError(f"{place}: the same bytes are stored as several pieces of data")

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
