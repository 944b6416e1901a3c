"""Chunks and filters of HDF5 datasets: those that h5py writes, and those that lie."""

import struct
import zlib
from typing import Any

import h5py
import numpy as np
import pytest
from hdf5_files import (
    FILTERS,
    assert_same_array,
    assert_same_file,
    patched,
    refused,
    root,
    survive,
    written,
)

from keras2torch.errors import UnsupportedError, WeightsError
from keras2torch.readers import hdf5_chunks
from keras2torch.readers.limits import Limits

GZIP = {"compression": "gzip"}


def test_chunks_that_deflate_could_not_shrink_are_stored_unfiltered() -> None:
    def write(file: h5py.File) -> None:
        dataset = file.create_dataset("x", (4,), "u1", chunks=(2,), compression="gzip")
        dataset.id.write_direct_chunk((0,), b"\1\2", filter_mask=1)
        dataset.id.write_direct_chunk((2,), zlib.compress(b"\3\4"))

    assert root(written(write)).dataset("x").array().tolist() == [1, 2, 3, 4]


def direct_chunk(data: bytes, **options: Any) -> bytes:
    """A float32 dataset of 12 elements, whose only chunk is ``data``."""

    def write(file: h5py.File) -> None:
        dataset = file.create_dataset("x", (12,), "f4", chunks=(12,), **options)
        dataset.id.write_direct_chunk((0,), data)

    return written(write)


def test_direct_chunks_are_read() -> None:
    values = np.arange(12, dtype=np.float32)
    data = direct_chunk(zlib.compress(values.tobytes()), **GZIP)
    assert_same_array(root(data).dataset("x").array(), values)


@pytest.mark.parametrize(
    ("chunk", "options", "message"),
    [
        (bytes(4), {}, "48 bytes expected, found 4"),
        (bytes(49), {}, "48 bytes expected, found 49"),
        (zlib.compress(bytes(4)), GZIP, "48 bytes expected, found 4"),
        (zlib.compress(bytes(49)), GZIP, "48 bytes expected, found 49"),
        (zlib.compress(bytes(10**7)), GZIP, "more than it holds"),
        (zlib.compress(bytes(48))[:-1], GZIP, "more than it holds"),
        (zlib.compress(bytes(48)) + b"x", GZIP, "more than it holds"),
        (b"no deflate", GZIP, "can't be inflated"),
        (bytes(4), {"shuffle": True}, "48 bytes expected, found 4"),
        (bytes(48) + b"sum!", {"fletcher32": True}, "checksum is wrong"),
        (bytes(2), {"fletcher32": True}, "48 bytes expected, found 0"),
    ],
)
def test_chunks_of_another_size_are_refused(
    chunk: bytes, options: dict[str, Any], message: str
) -> None:
    refused(direct_chunk(chunk, **options), message, WeightsError)


def test_missing_chunks_are_refused() -> None:
    def write(file: h5py.File) -> None:
        file.create_dataset("x", (9,), chunks=(3,))[:6] = 1.0

    refused(written(write), "3 chunks expected, 2 stored", WeightsError)
    refused(written(lambda f: f.create_dataset("x", (9,), chunks=(3,))), "bytes at 1844674407")
    refused(written(lambda f: f.create_dataset("x", (9,))), "36 bytes at 1844674407")


def test_shape_bombs_are_refused() -> None:
    def chunked(file: h5py.File) -> None:
        dataset = file.create_dataset("x", (2**30,), "f8", chunks=(2**17,), compression="gzip")
        dataset.id.write_direct_chunk((0,), zlib.compress(bytes(2**20)))

    refused(written(chunked), "8192 chunks expected, 1 stored", WeightsError)
    data = written(lambda file: file.create_dataset("x", data=np.zeros((12, 34))))
    shape = data.index(struct.pack("<QQ", 12, 34))
    refused(patched(data, shape, "<QQ", 13, 34), "3536 plain bytes expected", WeightsError)
    refused(patched(data, shape, "<QQ", 2**31, 2**31), "larger than any tensor", WeightsError)
    refused(patched(data, shape, "<QQ", 2**63, 2), "larger than any tensor", WeightsError)
    refused(patched(data, shape, "<QQ", 0, 2**63), "larger than any tensor", WeightsError)


def test_dense_chunks_inflate_no_more_than_deflate_can(monkeypatch: pytest.MonkeyPatch) -> None:
    data = direct_chunk(zlib.compress(bytes(48)), **GZIP)
    assert root(data).dataset("x").array().tolist() == [0.0] * 12
    monkeypatch.setattr(hdf5_chunks, "LIMITS", Limits(hdf5_inflation=2))
    refused(data, "48 bytes from 12 stored bytes", WeightsError)


def test_huge_chunks_are_refused() -> None:
    def write(file: h5py.File) -> None:
        options = {"maxshape": (None,), "chunks": (2**20,), "compression": "gzip"}
        file.create_dataset("x", data=np.zeros(12), **options)

    refused(written(write), "chunks of 8388608 bytes for 96 bytes", WeightsError)


def pipeline(*filters: tuple[int, tuple[int, ...]]) -> bytes:
    def write(file: h5py.File) -> None:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk((12,))
        for code, values in filters:
            plist.set_filter(code, h5py.h5z.FLAG_OPTIONAL, values)
        space = h5py.h5s.create_simple((12,))
        h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, plist)

    return written(write)


@pytest.mark.parametrize(
    ("filters", "shown"),
    [
        (((1, (4,)), (1, (4,))), r"\[1, 1\]"),
        (((1, (4,)), (1, (4,)), (1, (4,))), r"\[1, 1, 1\]"),
        (((3, ()), (3, ())), r"\[3, 3\]"),
        (((3, ()), (1, (4,))), r"\[3, 1\]"),
    ],
)
def test_stacked_and_reordered_filters_are_unsupported(filters: Any, shown: str) -> None:
    refused(pipeline(*filters), f"filters {shown} are not supported", UnsupportedError)


def test_shuffling_by_another_size_is_refused() -> None:
    data = direct_chunk(bytes(48), shuffle=True)
    at = data.index(b"shuffle\0") + 8
    refused(patched(data, at, "<I", 2), r"shuffled by \[2\]")


def test_layouts_filters_and_chunks_must_fit_the_dataset() -> None:
    data = direct_chunk(bytes(48), shuffle=True)
    layout = data.index(struct.pack("<II", 12, 4)) - 11
    filters = data.index(b"shuffle\0") - 16
    key = data.index(b"TREE\1") + 24
    refused(patched(data, layout, "<B", 4), "layout version 4", UnsupportedError)
    refused(patched(data, layout + 2, "<B", 3), "chunks of another rank")
    refused(patched(data, layout + 11, "<I", 0), "chunks .* of other elements")
    refused(patched(data, layout + 15, "<I", 8), "chunks .* of other elements")
    refused(patched(data, filters, "<B", 2), "filter pipeline version 2", UnsupportedError)
    refused(patched(data, key + 4, "<I", 2), "no chunk can be at")
    refused(patched(data, key + 8, "<Q", 12), "no chunk can be at")
    refused(patched(data, key + 8, "<Q", 1), "no chunk can be at")
    refused(patched(data, key + 16, "<Q", 1), "no chunk can be at")


def test_chunks_occur_once() -> None:
    data = written(lambda file: file.create_dataset("x", data=np.zeros(6), chunks=(3,)))
    second_key = data.index(b"TREE\1") + 24 + 32
    refused(patched(data, second_key + 8, "<Q", 0), "no chunk can be at .*, or two are")


def test_arrays_too_large_for_the_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object) -> None:
        raise MemoryError

    data = direct_chunk(bytes(48))
    monkeypatch.setattr(np, "empty", too_large)
    refused(data, "too large for the memory", WeightsError)


def test_damaged_chunks_are_refused_by_their_checksum() -> None:
    values = np.random.default_rng(0).normal(size=400_001).astype(np.float32)
    options = {"chunks": values.shape, "fletcher32": True}
    data = written(lambda file: file.create_dataset("x", data=values, **options))
    assert assert_same_file(data) == 1
    at = data.index(values[300_000].tobytes())
    refused(patched(data, at, "<B", data[at] ^ 1), "checksum is wrong", WeightsError)


def test_mutants_of_chunks_and_attributes() -> None:
    def write(file: h5py.File) -> None:
        values = np.arange(60, dtype=np.float32).reshape(12, 5)
        file.create_dataset("x", data=values, **FILTERS["all"])
        file.create_dataset("y", data=values > 9, chunks=(5, 2))
        file.attrs["names"] = ["a", "b"]
        file["x"].attrs["name"] = np.bytes_(b"fixed")

    survive(written(write), 1500)
