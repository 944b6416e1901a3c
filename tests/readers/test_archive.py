"""Zip archives as Keras writes them, and archives on which two zip readers would differ."""

import io
import os
import random
import socket
import stat
import struct
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from keras2torch.errors import FormatError, ModelError, UnsupportedError
from keras2torch.readers import archive
from keras2torch.readers.archive import Archive
from keras2torch.readers.limits import Limits

MEMBERS = {
    "metadata.json": b'{"keras_version": "3.15.1"}',
    "config.json": b'{"class_name": "Functional"}' * 50,
    "model.weights.h5": bytes(range(256)) * 40,
}
MAX_BYTES = 1 << 20
LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"


def zipped(
    members: dict[str, bytes] | None = None, method: int = zipfile.ZIP_STORED, comment: bytes = b""
) -> bytes:
    """An archive written as Keras writes it: two members as streams, one at once."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in (MEMBERS if members is None else members).items():
            if name.endswith(".json"):
                with file.open(name, "w") as member:
                    member.write(data)
            else:
                file.writestr(name, data)
        file.comment = comment
    return buffer.getvalue()


def patched(data: bytes, at: int, layout: str, *values: int | bytes) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, at, *values)
    return bytes(changed)


def central(data: bytes, name: str) -> int:
    """Where the central directory entry of a member is."""
    return data.rindex(name.encode()) - 46


@pytest.fixture
def save(tmp_path: Path) -> Callable[[bytes], Path]:
    def written(data: bytes) -> Path:
        path = tmp_path / "model.keras"
        path.write_bytes(data)
        return path

    return written


Save = Callable[[bytes], Path]


def read_all(path: Path) -> dict[str, bytes]:
    with Archive(path) as opened:
        return {name: opened.read(name, MAX_BYTES) for name in opened.names()}


def refused(path: Path, message: str, kind: type[ModelError] = FormatError) -> None:
    """Opening the archive and reading all of it fails, in one printable line."""
    with pytest.raises(kind, match=message) as caught:
        read_all(path)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_by_name(save: Save, method: int) -> None:
    with Archive(save(zipped(method=method))) as opened:
        assert opened.names() == tuple(MEMBERS)
        for name, data in MEMBERS.items():
            assert opened.read(name, len(data)) == data
            assert opened.view(name, len(data)) == data


def test_views_of_stored_members_are_the_mapped_file_and_outlive_the_archive(save: Save) -> None:
    with Archive(save(zipped())) as opened:
        view = opened.view("model.weights.h5", MAX_BYTES)
        again = opened.view("model.weights.h5", MAX_BYTES)
    first, second = np.frombuffer(view, np.uint8), np.frombuffer(again, np.uint8)
    assert first.ctypes.data == second.ctypes.data
    assert view.readonly
    assert view == MEMBERS["model.weights.h5"]
    assert opened.names() == ()
    with pytest.raises(FormatError, match=r"holds no 'config.json'"):
        opened.read("config.json", MAX_BYTES)


def test_checksums_of_many_blocks(save: Save) -> None:
    data = random.Random(0).randbytes(3_000_000)
    with Archive(save(zipped({"model.weights.h5": data}))) as opened:
        assert opened.view("model.weights.h5", len(data)) == data


class Unseekable(io.RawIOBase):
    """A stream to which zipfile writes data descriptors, as it does to remote files."""

    def __init__(self) -> None:
        self.written = b""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.written += bytes(data)
        return len(data)


@pytest.mark.parametrize("zip64", [False, True])
def test_data_descriptors(save: Save, zip64: bool) -> None:
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w") as file:  # type: ignore[call-overload]
        for name, data in MEMBERS.items():
            with file.open(name, "w", force_zip64=zip64) as member:
                member.write(data)
    assert read_all(save(stream.written)) == MEMBERS
    descriptor = stream.written.index(b"PK\7\x08")
    refused(save(patched(stream.written, descriptor + 4, "<I", 7)), "data descriptor contradicts")


def zip64_archive() -> bytes:
    """An archive with ZIP64 sizes in its local headers and a ZIP64 end record."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, data in MEMBERS.items():
            with file.open(name, "w", force_zip64=True) as member:
                member.write(data)
    data = buffer.getvalue()
    end = data.rindex(END)
    count, size, start = struct.unpack_from("<HII", data, end + 10)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, end, 1)
    tail = struct.pack("<4s4H2IH", END, 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    return data[:end] + record + locator + tail


def test_zip64(save: Save) -> None:
    assert read_all(save(zip64_archive())) == MEMBERS


@pytest.mark.parametrize(
    ("offset", "layout", "value", "message"),
    [
        (-22 - 20 + 8, "<Q", 5, "locator does not name the record before it"),
        (-22 - 20 + 16, "<I", 2, "locator does not name the record before it"),
        (-22 - 20 - 56, "<I", 0, "a ZIP64 record expected"),
        (-22 - 20 - 56 + 4, "<Q", 45, "ZIP64 record contradicts"),
        (-22 - 20 - 56 + 48, "<Q", 0, "something stands before"),
        (-22 + 10, "<H", 2, "ZIP64 record contradicts"),
    ],
)
def test_zip64_record_and_locator_must_agree(
    save: Save, offset: int, layout: str, value: int, message: str
) -> None:
    data = zip64_archive()
    refused(save(patched(data, len(data) + offset, layout, value)), message)


def test_two_directories_are_refused(save: Save) -> None:
    """The ZIP64 locator names one directory, the record before it another (CVE-2025-8291)."""
    decoy = zip64_archive()
    data = decoy + zip64_archive()
    refused(save(data), "locator does not name the record before it")


@pytest.mark.parametrize(
    "name",
    [
        "../escape",
        "assets/../../escape",
        "assets/..",
        "/etc/passwd",
        "C:/windows",
        "assets//a",
        "./config",
        "/",
        "line\nbreak",
        "escape\x1b[2J",
    ],
)
def test_unsafe_names_are_refused(save: Save, name: str) -> None:
    refused(save(zipped({**MEMBERS, name: b""})), "not a safe name")


def test_backslashes_and_nulls_in_names_are_refused(save: Save) -> None:
    data = zipped({**MEMBERS, "config.json.txt": b"x"})
    refused(save(data.replace(b"config.json.txt", b"config.json\0txt")), "not a safe name")
    refused(save(data.replace(b"config.json.txt", b"config\\json.txt")), "not a safe name")


def test_names_that_are_not_utf8_are_refused(save: Save) -> None:
    data = zipped({"näme": b"x"})
    refused(save(data.replace("näme".encode(), b"n\xff\xffme")), "not UTF-8")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_symbolic_links_and_other_special_files_are_refused(save: Save, kind: int) -> None:
    data = zipped()
    at = central(data, "config.json") + 38
    refused(save(patched(data, at, "<I", (kind | 0o777) << 16)), "symbolic link or another special")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("twin", ["config.json", "CONFIG.JSON", "config.json/"])
def test_duplicates_are_refused(save: Save, twin: str) -> None:
    buffer = io.BytesIO(zipped())
    with zipfile.ZipFile(buffer, "a") as file:
        file.writestr(twin, b"")
    refused(save(buffer.getvalue()), "occurs twice")


def test_a_directory_is_no_member_to_read(save: Save) -> None:
    with Archive(save(zipped({"config.json/": b"", "assets/a": b"x"}))) as opened:
        assert opened.names() == ("assets/a",)
        for name in ("config.json/", "config.json", "missing"):
            with pytest.raises(FormatError, match=f"holds no '{name}'"):
                opened.read(name, MAX_BYTES)
    refused(save(zipped({"assets/": b"x"})), "a directory with content")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compression_methods_are_refused(save: Save, method: int) -> None:
    refused(save(zipped(method=method)), f"compression method {method}", UnsupportedError)


@pytest.mark.parametrize("bit", [0, 6, 13])
def test_encryption_is_refused(save: Save, bit: int) -> None:
    data = zipped()
    data = patched(data, 6, "<H", 1 << bit)
    data = patched(data, central(data, "metadata.json") + 8, "<H", 1 << bit)
    refused(save(data), "encrypted", UnsupportedError)


def test_overlapping_members_are_refused(save: Save) -> None:
    """Two entries of the central directory share one local header, or quote another."""
    data = zipped({"a": b"x" * 100, "b": b"x" * 100})
    refused(save(patched(data, central(data, "b") + 42, "<I", 0)), "'b': expected at byte 131")
    inner = zipped({"inner": b"y" * 50})
    quoting = zipped({"outer": inner})
    at = central(quoting, "outer")
    refused(save(patched(quoting, at + 42, "<I", 35)), "'outer': expected at byte 0")


@pytest.mark.parametrize(
    ("at", "layout", "value", "message"),
    [
        (6, "<H", 1 << 11, "header contradicts"),
        (8, "<H", 8, "header contradicts"),
        (14, "<I", 1, "header contradicts"),
        (18, "<I", 1, "header contradicts"),
        (22, "<I", 1, "header contradicts"),
        (30, "<1s", b"M", "header contradicts"),
        (26, "<H", 60000, "header contradicts"),
        (28, "<H", 60000, "extra field is damaged"),
        (0, "<4s", b"PK\0\0", "a local header expected"),
    ],
)
def test_local_headers_must_agree(
    save: Save, at: int, layout: str, value: int | bytes, message: str
) -> None:
    refused(save(patched(zipped(), at, layout, value)), message)


def test_sizes_that_lie_are_refused(save: Save) -> None:
    data = zipped(method=zipfile.ZIP_DEFLATED)
    entry = central(data, "config.json")
    local = struct.unpack_from("<I", data, entry + 42)[0]
    for size in (len(MEMBERS["config.json"]) - 1, len(MEMBERS["config.json"]) + 1, 0):
        lie = patched(patched(data, entry + 24, "<I", size), local + 22, "<I", size)
        refused(save(lie), "does not inflate to")
    stored = zipped()
    refused(
        save(patched(stored, central(stored, "config.json") + 24, "<I", 5)), "bytes stored of 5"
    )


def test_damaged_data_is_refused(save: Save) -> None:
    data = zipped()
    at = data.index(MEMBERS["model.weights.h5"])
    refused(save(patched(data, at + 5000, "<B", 0)), "'model.weights.h5': the checksum is wrong")
    deflated = zipped(method=zipfile.ZIP_DEFLATED)
    refused(save(patched(deflated, 30 + len("metadata.json"), "<B", 0xFF)), "can't be inflated")


def test_bytes_before_between_and_behind_are_refused(save: Save) -> None:
    data = zipped()
    end = len(data) - 22
    refused(save(b"x" + data), "something stands before")
    refused(save(data + b"x"), "the end of a zip archive expected")
    refused(save(zipped(comment=b"PK")), "the end of a zip archive expected")
    refused(save(patched(data, end + 20, "<H", 1)), "an archive comment")
    refused(save(data[:end] + b"x" + data[end:]), "something stands before")
    start = struct.unpack_from("<I", data, end + 16)[0]
    moved = patched(data[:start] + b"x" + data[start:], end + 1 + 16, "<I", start + 1)
    refused(save(moved), f"members up to byte {start + 1} expected, found up to {start}")


def test_truncation_at_every_length_is_refused(save: Save) -> None:
    data = zipped({"metadata.json": b"{}", "config.json": b"{}"})
    for length in range(len(data)):
        refused(save(data[:length]), "expected at byte|an empty file")


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (4, b"\1\0", "in several"),
        (6, b"\1\0", "in several"),
        (8, b"\2\0", "in several"),
        (8, b"\2\0\2\0", "more entries than it tells"),
        (8, b"\4\0\4\0", "a central directory entry expected"),
        (12, b"\0\0\0\0", "something stands before"),
        (16, b"\xff\xff\xff\xff", "something stands before"),
    ],
)
def test_end_record_must_fit(save: Save, offset: int, value: bytes, message: str) -> None:
    data = zipped()
    refused(save(patched(data, len(data) - 22 + offset, f"{len(value)}s", value)), message)


def test_extra_fields_that_name_the_member_again_are_refused(save: Save) -> None:
    info = zipfile.ZipInfo("other.json")
    name = b"config.json"
    info.extra = struct.pack("<2HBI", 0x7075, 5 + len(name), 1, zlib.crc32(b"other.json")) + name
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(info, b"{}")
    refused(save(buffer.getvalue()), "names the member again")


def test_too_many_members_are_refused_before_they_are_read(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(zipped({str(number): b"" for number in range(11)}))
    monkeypatch.setattr(archive, "LIMITS", Limits(zip_members=10))
    monkeypatch.setattr(Archive, "_central_directory", None)
    refused(path, "at most 10 members expected, found 11")


def test_bombs_are_refused_before_they_are_inflated(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(zipped({"config.json": bytes(1_000_000)}, zipfile.ZIP_DEFLATED))
    with Archive(path) as opened:
        assert opened.read("config.json", MAX_BYTES) == bytes(1_000_000)
        with pytest.raises(FormatError, match="at most 999999 bytes expected, found 1000000"):
            opened.read("config.json", 999_999)
    monkeypatch.setattr(archive, "LIMITS", Limits(zip_inflation_floor=999_999))
    refused(path, "claim to inflate to 1000000")


def test_members_too_large_for_the_memory_are_refused(
    save: Save, monkeypatch: pytest.MonkeyPatch
) -> None:
    class TooLarge:
        def decompress(self, *_: object) -> bytes:
            raise MemoryError

    monkeypatch.setattr(zlib, "decompressobj", lambda _: TooLarge())
    refused(save(zipped(method=zipfile.ZIP_DEFLATED)), "too large for the memory")


def test_the_central_directory_ends_where_it_tells(save: Save) -> None:
    data = zipped()
    refused(save(patched(data, central(data, "config.json") + 28, "<H", 60000)), "is damaged")


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    pipe, place = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        for path in (pipe, place, tmp_path, Path("/dev/zero")):
            refused(path, "not a regular file")
    refused(tmp_path / "missing\n", "No such file")
    refused(Path("a\0b"), "empty file")


def test_symbolic_links_to_the_file_itself_are_followed(save: Save, tmp_path: Path) -> None:
    """Download caches consist of them."""
    link = tmp_path / "link.keras"
    link.symlink_to(save(zipped()))
    with Archive(link) as opened:
        assert opened.names() == tuple(MEMBERS)


def mutants(data: bytes, count: int) -> Iterator[bytes]:
    """Seeded damage: bits, bytes and fields set, pieces cut out, doubled and swapped."""
    rng = random.Random(20240)
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(changed) - 8)
            match rng.randrange(5):
                case 0:
                    changed[at] ^= 1 << rng.randrange(8)
                case 1:
                    changed[at] = rng.randrange(256)
                case 2:
                    struct.pack_into("<I", changed, at, rng.choice([0, 1, 2**16 - 1, 2**32 - 1]))
                case 3:
                    del changed[at : at + rng.randint(1, 64)]
                case _:
                    changed[at:at] = changed[at : at + rng.randint(1, 64)]
        yield bytes(changed)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_mutants_are_read_alike_or_refused(save: Save, method: int) -> None:
    data = zipped({**MEMBERS, "model.weights.h5": b"weights" * 20}, method)
    refusals = []
    accepted = 0
    start = time.perf_counter()
    for mutant in mutants(data, 1500):
        try:
            read = read_all(save(mutant))
        except ModelError as error:
            refusals.append(str(error))
            continue
        # Whatever is accepted, Python's own reader sees the same.
        with zipfile.ZipFile(io.BytesIO(mutant)) as file:
            assert read == {name: file.read(name) for name in file.namelist()}
        accepted += 1
    assert all(map(str.isprintable, refusals))
    assert len(refusals) > 1000
    assert accepted > 10
    assert time.perf_counter() - start < 10
