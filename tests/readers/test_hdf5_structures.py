"""HDF5 files whose headers, trees, heaps and names lie."""

import io
import struct

import h5py
import numpy as np
import pytest
from hdf5_files import assert_same_file, patched, read_all, refused, root, written

from keras2torch.errors import UnsupportedError, WeightsError
from keras2torch.readers import hdf5_source
from keras2torch.readers.limits import Limits


def test_truncation_and_surplus_are_refused() -> None:
    data = written(lambda file: file.create_dataset("x", data=1.0))
    for length in (0, 7, 8, 95, 96, 500, len(data) - 1):
        refused(data[:length], "expected")
    refused(data + b"PK\5\6", f"{len(data)} bytes expected, found {len(data) + 4}")
    refused(b"\0" * 2000, "not a HDF5 file")


def test_messages_must_be_complete_and_of_known_versions() -> None:
    def write(file: h5py.File) -> None:
        file["x"] = np.zeros(3, np.float32)
        file.attrs["name"] = 7

    data = written(write)
    float32 = data.index(struct.pack("<BBBBI", 0x11, 0x20, 0x1F, 0, 4))
    three = data.index(struct.pack("<QQ", 3, 3))
    name = data.index(b"name\0")
    refused(patched(data, float32, "<B", 0x41), "a datatype of another version", UnsupportedError)
    refused(patched(data, float32 + 4, "<I", 0), "or of no size", UnsupportedError)
    refused(patched(data, float32 + 16, "<I", 1), "floating-point data", UnsupportedError)
    refused(patched(data, float32 - 8, "<H", 0), "one header message 3 expected, not 0")
    refused(patched(data, three - 8, "<B", 3), "dataspace version 3")
    refused(patched(data, three - 6, "<B", 3), "dataspace version 1, flags 3")
    refused(patched(data, name - 8, "<B", 4), "attribute version 4", UnsupportedError)


def test_the_root_must_be_a_group() -> None:
    data = written(lambda file: file.create_dataset("x", data=1.0))
    with h5py.File(io.BytesIO(data)) as file:
        header = h5py.h5o.get_info(file["x"].id).addr
    refused(patched(data, 64, "<Q", header), "the root must be a group")


def test_aliases_and_cycles_are_refused() -> None:
    def loop(file: h5py.File) -> None:
        file.create_group("a/b")
        file["a/b/again"] = file["a"]

    def alias(file: h5py.File) -> None:
        file["x"] = np.zeros(3)
        file["y"] = file["x"]

    refused(written(loop), "'a/b/again': also linked as 'a'")
    refused(written(lambda file: file.__setitem__("again", file["/"])), "also linked as '/'")
    refused(written(alias), "'y': also linked as 'x'")


def test_datasets_that_share_their_bytes_are_refused() -> None:
    def write(file: h5py.File) -> None:
        file["x"] = np.zeros(100_000)
        file["y"] = np.zeros(100_000)

    data = written(write)
    with h5py.File(io.BytesIO(data)) as file:
        x, y = (file[name].id.get_offset() for name in "xy")
    layout = data.index(struct.pack("<QQ", y, 800_000))
    shared = patched(patched(data, layout, "<Q", x)[:y], 40, "<Q", y)
    refused(shared, "stored as several pieces of data", WeightsError)


def test_deep_groups_are_refused() -> None:
    data = written(lambda file: file.create_group("g/" * 63 + "g"))
    assert read_all(root(data)) == 0
    data = written(lambda file: file.create_group("g/" * 64 + "g"))
    refused(data, "more than 64 levels")


def test_the_budget_of_objects_ends_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(file: h5py.File) -> None:
        for number in range(100):
            file[str(number)] = 1.0

    data = written(write)
    monkeypatch.setattr(hdf5_source, "LIMITS", Limits(hdf5_objects=500))
    refused(data, "more than 500 HDF5 objects")


def test_cycles_of_b_tree_nodes_are_refused() -> None:
    data = written(lambda file: file.create_group("a"))
    tree = data.index(b"TREE")
    cycle = patched(patched(data, tree + 5, "<B", 1), tree + 32, "<Q", tree)
    refused(cycle, "the B-tree has a cycle")
    refused(patched(data, tree + 6, "<H", 65535), "expected, the file has|symbol table node")
    refused(patched(data, tree + 4, "<B", 1), "not a B-tree node")


def test_cycles_of_header_blocks_are_refused() -> None:
    def write(file: h5py.File) -> None:
        for number in range(30):
            file.attrs[f"attribute {number}"] = number

    data = written(write)
    assert assert_same_file(data) == 0
    header = struct.unpack_from("<Q", data, 64)[0]
    continuation = data.index(struct.pack("<HH", 0x10, 16), header)
    size = struct.unpack_from("<I", data, header + 8)[0]
    cycle = patched(data, continuation + 8, "<QQ", header + 16, size)
    refused(cycle, "more header messages than the header tells")


def test_names_must_be_names() -> None:
    def write(file: h5py.File) -> None:
        file.create_group("first")
        file.create_group("other")

    data = written(write)
    first = data.index(b"first\0")
    refused(
        patched(data, first, "6s", b"other\0"), "'other' is no name of a link, or the same again"
    )
    refused(patched(data, first, "6s", b"a/b\0\0\0"), "'a/b' is no name of a link")
    refused(patched(data, first, "6s", b"..\0\0\0\0"), "'..' is no name of a link")
    refused(patched(data, first, "6s", b"\0" * 6), "'' is no name of a link")
    refused(patched(data, first, "6s", b"\xff\xfe\0\0\0\0"), "is not UTF-8")
    heap = data.index(b"HEAP")
    size = struct.unpack_from("<Q", data, heap + 8)[0]
    segment = struct.unpack_from("<Q", data, heap + 24)[0]
    endless = data[:first] + b"n" * (segment + size - first) + data[segment + size :]
    refused(endless, "a link name without end")


def test_the_global_heap_must_hold_what_is_asked_of_it() -> None:
    data = written(lambda file: file.attrs.__setitem__("name", "text of the attribute"))
    heap = data.index(b"GCOL")
    for size in (0, 2**63, 2**64 - 1):
        refused(patched(data, heap + 8, "<Q", size), "expected")
        refused(patched(data, heap + 16 + 8, "<Q", size), "expected|has no object")
    refused(patched(data, heap + 16, "<H", 2), "the global heap has no object 1")
    refused(patched(data, heap, "<I", 0), "not a global heap collection")
    text = data.index(b"text of")
    refused(patched(data, text, "<B", 0xFF), "attribute 'name': .* is not UTF-8")
    refused(patched(data, text, "<B", 0), "attribute 'name': text with a null inside")


def test_text_is_not_multiplied() -> None:
    """Many elements that name the same object of the heap."""
    data = written(lambda file: file.attrs.__setitem__("names", ["n" * 4000] + ["m"] * 50))
    with h5py.File(io.BytesIO(data)) as file:
        assert len(file.attrs["names"]) == 51
    first = data.index(struct.pack("<I", 4000) + struct.pack("<Q", data.index(b"GCOL")))
    multiplied = data[:first] + data[first : first + 16] * 51 + data[first + 816 :]
    refused(multiplied, "stored as several pieces of data", WeightsError)


def test_attributes_occur_once() -> None:
    def write(file: h5py.File) -> None:
        file.attrs["one"] = 1
        file.attrs["two"] = 2

    data = written(write)
    refused(patched(data, data.index(b"two\0"), "3s", b"one"), "attribute 'one' occurs twice")
    refused(patched(data, data.index(b"two\0"), "3s", b"t\0o"), "text with a null inside")
