"""Reader of the zip archives that Keras writes, for members by name and nothing else.

Section numbers are those of PKWARE's "APPNOTE.TXT, .ZIP File Format Specification 6.3.10". A zip
file tells most things twice, and readers differ in which of the two they believe; so that a scanner
and we see the same model, both must agree, members must lie end to end from byte 0 up to the
central directory, and nothing may stand between or behind them. Nothing is ever extracted.
"""

import os
import re
import stat
import struct
import zlib
from dataclasses import dataclass
from typing import Self

from keras2torch.errors import FormatError, UnsupportedError, quoted
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.mapped import drop_pages, mapped

__all__ = ["Archive"]

_STORED, _DEFLATED = 0, 8

# General purpose bit flag (4.4.4)
_ENCRYPTED = 1 << 0 | 1 << 6 | 1 << 13
_DESCRIPTOR_FOLLOWS = 1 << 3
_UTF8 = 1 << 11

# Extensible data fields (4.5.2, 4.6.9)
_ZIP64_FIELD = 0x0001
_UNICODE_PATH_FIELD = 0x7075

_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # 4.3.7
_CENTRAL_HEADER = struct.Struct("<4s6H3I5H2I")  # 4.3.12
_ZIP64_END = struct.Struct("<4sQ2H2I4Q")  # 4.3.14
_ZIP64_LOCATOR = struct.Struct("<4sIQI")  # 4.3.15
_END = struct.Struct("<4s4H2IH")  # 4.3.16
_IN_ZIP64_16, _IN_ZIP64_32 = (1 << 16) - 1, (1 << 32) - 1

_CHECKSUM_BLOCK = 1 << 24
_UNSAFE_NAME = re.compile(r"[\x00-\x1f\x7f\\]|^[A-Za-z]:|(^|/)\.{0,2}(/|$)")


@dataclass(frozen=True, slots=True)
class _Member:
    """What the central directory tells about a member."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    checksum: int
    stored_size: int
    size: int
    header: int


class Archive:
    """A ``.keras`` file, checked as a whole when it is opened.

    Views stay valid after ``close``: the file remains mapped until the last of them is gone.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._what = quoted(os.path.basename(path))
        self._file = mapped(path)
        directory, end, count = self._directory_extent()
        members = self._central_directory(directory, end, count)
        self._members = {member.name: member for member in members}
        self._data = self._data_offsets(members, directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget the file; there is nothing to read from now on."""
        self._file = memoryview(b"")
        self._members = {}

    def drop_pages(self) -> None:
        """Let go of the memory that reading took; views stay valid."""
        drop_pages(self._file)

    def names(self) -> tuple[str, ...]:
        """The members that are files, in the order of the central directory."""
        return tuple(name for name in self._members if not name.endswith("/"))

    def read(self, name: str, max_bytes: int) -> bytes:
        """The bytes of a member."""
        return bytes(self.view(name, max_bytes))

    def view(self, name: str, max_bytes: int) -> memoryview:
        """The bytes of a member; if it is stored as it is, a view on the mapped file."""
        member = self._members.get(name)
        if member is None or name.endswith("/"):
            raise FormatError(f"{self._what} holds no {quoted(name)}")
        if member.size > max_bytes:
            raise self._error(f"at most {max_bytes} bytes expected, found {member.size}", name)
        start = self._data[name]
        data = self._file[start : start + member.stored_size]
        if member.method == _DEFLATED:
            data = self._inflated(member, data)
        checksum = 0
        for block in range(0, len(data), _CHECKSUM_BLOCK):
            checksum = zlib.crc32(data[block : block + _CHECKSUM_BLOCK], checksum)
            drop_pages(self._file)
        if checksum != member.checksum:
            raise self._error("the checksum is wrong, the file is damaged", name)
        return data

    def _inflated(self, member: _Member, data: memoryview) -> memoryview:
        allowed = max(LIMITS.zip_inflation_floor, LIMITS.zip_inflation * member.stored_size)
        if member.size > allowed:
            raise self._error(
                f"{member.stored_size} bytes claim to inflate to {member.size}", member.name
            )
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            inflated = inflate.decompress(data, member.size + 1)
        except zlib.error:
            raise self._error("can't be inflated", member.name) from None
        except MemoryError:
            raise self._error("too large for the memory", member.name) from None
        if len(inflated) != member.size or not inflate.eof or inflate.unused_data:
            raise self._error(f"does not inflate to the {member.size} bytes it tells", member.name)
        return memoryview(inflated)

    def _error(self, problem: str, name: str | None = None) -> FormatError:
        member = "" if name is None else f", {quoted(name)}"
        return FormatError(f"{self._what}{member}: {problem}")

    def _unpack(self, layout: struct.Struct, at: int, signature: bytes, name: str) -> list[int]:
        """The fields of a record after its signature."""
        if not 0 <= at <= len(self._file) - layout.size:
            raise self._error(f"{name} expected at byte {at}, the file has {len(self._file)}")
        found, *fields = layout.unpack_from(self._file, at)
        if found != signature:
            raise self._error(f"{name} expected at byte {at}, found {found.hex()}")
        return fields

    def _directory_extent(self) -> tuple[int, int, int]:
        """Start, end and number of entries of the central directory (4.3.14 to 4.3.16)."""
        end = len(self._file) - _END.size
        *fields, comment = self._unpack(_END, end, b"PK\5\6", "the end of a zip archive")
        if comment:
            raise self._error("an archive comment, which could hide another archive")
        locator = end - _ZIP64_LOCATOR.size
        if bytes(self._file[max(locator, 0) :][:4]) == b"PK\6\7":
            end = locator - _ZIP64_END.size
            fields = self._zip64_fields(fields, locator, end)
        disk, directory_disk, disk_count, count, size, start = fields
        if disk or directory_disk or disk_count != count:
            raise self._error("one part of an archive in several")
        if count > LIMITS.zip_members:
            raise self._error(f"at most {LIMITS.zip_members} members expected, found {count}")
        if start + size != end:
            raise self._error("something stands before the archive or behind its directory")
        return start, end, count

    def _zip64_fields(self, fields: list[int], locator: int, record: int) -> list[int]:
        """The fields of the end record, from the ZIP64 record, which must contradict none."""
        disk, offset, disks = self._unpack(_ZIP64_LOCATOR, locator, b"PK\6\7", "a ZIP64 locator")
        if (disk, offset, disks) != (0, record, 1):
            raise self._error("the ZIP64 locator does not name the record before it")
        size, _, _, *wide = self._unpack(_ZIP64_END, record, b"PK\6\6", "a ZIP64 record")
        limits = [_IN_ZIP64_16] * 4 + [_IN_ZIP64_32] * 2
        agree = all(
            narrow in (value, limit)
            for narrow, value, limit in zip(fields, wide, limits, strict=True)
        )
        if size != _ZIP64_END.size - 12 or not agree:
            raise self._error("the ZIP64 record contradicts the end of the archive")
        return wide

    def _central_directory(self, at: int, end: int, count: int) -> list[_Member]:
        """The members (4.3.12), in order."""
        members = []
        taken = set()
        for _ in range(count):
            fields = self._unpack(_CENTRAL_HEADER, at, b"PK\1\2", "a central directory entry")
            _, _, flags, method, _, _, checksum, stored_size, size = fields[:9]
            name_size, extra_size, comment_size, disk, _, attributes, header = fields[9:]
            name_at = at + _CENTRAL_HEADER.size
            extra_at = name_at + name_size
            at = extra_at + extra_size + comment_size
            if at > end or disk:
                raise self._error("the central directory is damaged")
            raw_name = bytes(self._file[name_at:extra_at])
            name = self._name(raw_name, flags, attributes)
            extra = bytes(self._file[extra_at : extra_at + extra_size])
            size, stored_size, header = self._wide(extra, [size, stored_size, header], name)
            if name.casefold().rstrip("/") in taken:
                raise self._error("occurs twice", name)
            taken.add(name.casefold().rstrip("/"))
            member = _Member(name, raw_name, flags, method, checksum, stored_size, size, header)
            self._check(member)
            members.append(member)
        if at != end:
            raise self._error("the central directory has more entries than it tells")
        return members

    def _name(self, raw_name: bytes, flags: int, attributes: int) -> str:
        try:
            name = raw_name.decode("utf-8" if flags & _UTF8 else "cp437")
        except UnicodeDecodeError:
            raise self._error("a member's name is not UTF-8") from None
        if _UNSAFE_NAME.search(name.removesuffix("/")):
            raise self._error("not a safe name for a member", name)
        if stat.S_IFMT(attributes >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise self._error("a symbolic link or another special file", name)
        return name

    def _wide(self, extra: bytes, values: list[int], name: str) -> list[int]:
        """The values, those that are too wide for their field from the extra field (4.5.3)."""
        fields: dict[int, bytes] = {}
        at = 0
        while at < len(extra):
            kind, size = struct.unpack("<2H", extra[at : at + 4].ljust(4, b"\xff"))
            if at + 4 + size > len(extra) or kind in fields or kind == _UNICODE_PATH_FIELD:
                raise self._error("an extra field is damaged or names the member again", name)
            fields[kind] = extra[at + 4 : at + 4 + size]
            at += 4 + size
        wide = fields.get(_ZIP64_FIELD, b"")
        numbers = iter(struct.unpack_from(f"<{len(wide) // 8}Q", wide))
        return [next(numbers, value) if value == _IN_ZIP64_32 else value for value in values]

    def _check(self, member: _Member) -> None:
        if member.flags & _ENCRYPTED:
            raise UnsupportedError(f"{self._what}, {quoted(member.name)}: encrypted")
        if member.method not in (_STORED, _DEFLATED):
            raise UnsupportedError(
                f"{self._what}, {quoted(member.name)}: compression method {member.method}"
            )
        if member.method == _STORED and member.stored_size != member.size:
            raise self._error(f"{member.stored_size} bytes stored of {member.size}", member.name)
        if member.name.endswith("/") and member.size:
            raise self._error("a directory with content", member.name)

    def _data_offsets(self, members: list[_Member], directory: int) -> dict[str, int]:
        """Where each member's data begin: header, data, descriptor, next header, without a gap."""
        offsets = {}
        at = 0
        for member in sorted(members, key=lambda member: member.header):
            if member.header != at:
                raise self._error(f"expected at byte {at}, found at {member.header}", member.name)
            offsets[member.name] = self._data_offset(member)
            at = offsets[member.name] + member.stored_size
            at += self._descriptor_size(member, at)
        if at != directory:
            raise self._error(f"members up to byte {directory} expected, found up to {at}")
        return offsets

    def _data_offset(self, member: _Member) -> int:
        """The end of the local header (4.3.7), which must say what the central directory says."""
        fields = self._unpack(_LOCAL_HEADER, member.header, b"PK\3\4", "a local header")
        _, flags, method, _, _, checksum, stored_size, size, name_size, extra_size = fields
        name_at = member.header + _LOCAL_HEADER.size
        extra_at = name_at + name_size
        extra = bytes(self._file[extra_at : extra_at + extra_size])
        sizes = (checksum, *self._wide(extra, [size, stored_size], member.name))
        told = (member.checksum, member.size, member.stored_size)
        unknown_yet = flags & _DESCRIPTOR_FOLLOWS and not any(sizes)
        if (
            (flags, method) != (member.flags, member.method)
            or self._file[name_at:extra_at] != member.raw_name
            or (sizes != told and not unknown_yet)
        ):
            raise self._error("its header contradicts the central directory", member.name)
        return extra_at + extra_size

    def _descriptor_size(self, member: _Member, at: int) -> int:
        """The size of the data descriptor (4.3.9): either width, with a signature or without."""
        if not member.flags & _DESCRIPTOR_FOLLOWS:
            return 0
        values = (member.checksum, member.stored_size, member.size)
        widths = ["<I2Q"] if max(values) > _IN_ZIP64_32 else ["<I2Q", "<3I"]
        for signature in (b"PK\7\x08", b""):
            for width in widths:
                descriptor = signature + struct.pack(width, *values)
                if self._file[at : at + len(descriptor)] == descriptor:
                    return len(descriptor)
        raise self._error("its data descriptor contradicts the central directory", member.name)
