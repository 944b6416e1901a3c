"""HDF5 files that h5py wrote, bit for bit as h5py reads them, and features that are refused."""

import time
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import pytest
from hdf5_files import (
    FILTERS,
    Write,
    assert_same_array,
    assert_same_file,
    patched,
    read_all,
    refused,
    root,
    written,
)

from keras2torch.errors import UnsupportedError, WeightsError

NUMBERS = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "?"] + [
    f"{order}{kind}{size}" for order in "<>" for kind in "iu" for size in (1, 2, 4, 8)
]


@pytest.mark.parametrize("filters", FILTERS)
def test_numbers_of_every_type(filters: str) -> None:
    rng = np.random.default_rng(0)

    def write(file: h5py.File) -> None:
        for dtype in NUMBERS:
            values = (rng.normal(size=(50, 17)) * 50).astype(dtype)
            file.create_dataset(dtype, data=values, **FILTERS[filters])

    assert assert_same_file(written(write)) == len(NUMBERS)


def test_special_values_keep_their_bits() -> None:
    specials = np.array([0.0, -0.0, np.nan, -np.nan, np.inf, -np.inf, 5e-324])
    bits = np.arange(2**16, dtype=np.uint16)

    def write(file: h5py.File) -> None:
        for size in (2, 4, 8):
            file[f"f{size}"] = specials.astype(f"f{size}")
        file["every half"] = bits.view(np.float16)
        file["every brain float"] = bits.view(ml_dtypes.bfloat16)
        file["every brain float"].attrs["dtype"] = "bfloat16"

    with np.errstate(all="ignore"):
        data = written(write)
        group = root(data)
        brain = bits.view(ml_dtypes.bfloat16).astype(np.float32)
    assert_same_array(group.dataset("every half").array(), bits.view(np.float16))
    assert_same_array(group.dataset("f8").array(), specials)
    # A signalling NaN is quieted by ml_dtypes, not by us.
    ours = group.dataset("every brain float").array()
    assert np.array_equal(ours, brain, equal_nan=True)
    assert (ours.view(np.uint32) == bits.astype(np.uint32) << 16).all()


def test_shapes() -> None:
    def write(file: h5py.File) -> None:
        for rank in range(9):
            file[f"rank {rank}"] = np.arange(2.0**rank).reshape((2,) * rank)
        file.create_dataset("empty", (0, 3))
        file.create_dataset("empty chunks", (0, 3), maxshape=(None, 3), compression="gzip")

    assert assert_same_file(written(write)) == 11


def test_compact_storage() -> None:
    def write(file: h5py.File) -> None:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_layout(h5py.h5d.COMPACT)
        space = h5py.h5s.create_simple((4,))
        dataset = h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, plist)
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(4, dtype=np.float32))

    assert assert_same_file(written(write)) == 1


def test_attributes() -> None:
    values = {
        "text": "dense é",
        "empty text": "",
        "fixed": np.bytes_(b"fixed"),
        "number": 3,
        "real": np.float16(0.5),
        "flag": True,
        "names": np.array([b"dense", b"dense_1"]),
        "texts": ["a", "", "long" * 1000],
        "none": np.zeros(0),
        "matrix": np.arange(6.0).reshape(2, 3),
        "big endian": np.array([1, 2], ">i2"),
        "ü": 1,
    }

    def write(file: h5py.File) -> None:
        file["x"] = 1.0
        for place in (file, file["x"]):
            for name, value in values.items():
                place.attrs[name] = value

    data = written(write)
    assert assert_same_file(data) == 1
    attributes = root(data).attributes()
    assert attributes["text"] == "dense é"
    assert attributes["number"] == 3
    assert attributes["flag"] is True
    assert attributes["real"] == 0.5
    assert attributes["names"].tolist() == ["dense", "dense_1"]
    assert attributes["none"].shape == (0,)


@pytest.mark.parametrize("padding", [h5py.h5t.STR_NULLTERM, h5py.h5t.STR_NULLPAD, 2])
def test_fixed_strings_of_every_padding(padding: int) -> None:
    def write(file: h5py.File) -> None:
        datatype = h5py.h5t.C_S1.copy()
        datatype.set_size(6)
        datatype.set_strpad(padding)
        space = h5py.h5s.create(h5py.h5s.SCALAR)
        attribute = h5py.h5a.create(file.id, b"name", datatype, space)
        filler = b" " if padding == 2 else b"\0"
        attribute.write(np.array(b"abc".ljust(6, filler), "V6"), mtype=datatype)

    assert root(written(write)).attributes() == {"name": "abc"}


def test_groups_of_many_members_and_long_names() -> None:
    def write(file: h5py.File) -> None:
        for number in range(600):
            file[f"layers/member {number}"] = float(number)
        file["layers/" + "n" * 5000] = 1.0

    data = written(write)
    assert assert_same_file(data) == 601
    assert root(data).dataset("layers/member 99").array() == 99.0


def test_contiguous_arrays_are_views_on_the_buffer() -> None:
    values = np.arange(10_000, dtype=np.float32)
    data = written(lambda file: file.create_dataset("x", data=values))
    buffer = np.frombuffer(data, np.uint8)
    assert np.shares_memory(root(data).dataset("x").array(), buffer)


def test_paths() -> None:
    group = root(written(lambda file: file.create_dataset("a/b/c", data=1.0)))
    assert group.group("a").group("b").keys() == ("c",)
    assert group.group("a/b").path == "a/b"
    assert group.group("a").dataset("b/c") is group.dataset("a/b/c")
    assert "a/b/c" in group
    assert "a/x" not in group
    assert "a/b/c/d" not in group
    with pytest.raises(WeightsError, match="'a': no dataset 'b'"):
        group.group("a").dataset("b")
    with pytest.raises(WeightsError, match="'/': no group 'a/b/c'"):
        group.group("a/b/c")
    for path in ("", "/", "/a", "a/", "a//b", ".", "a/./b", "..", "a/../a"):
        for look in (group.group, group.dataset, group.__contains__):
            with pytest.raises(WeightsError, match="is not a path inside the group"):
                look(path)


def test_eleven_megabytes_are_opened_and_read_fast() -> None:
    def write(file: h5py.File) -> None:
        for number in range(200):
            file[f"layers/dense_{number}/vars/0"] = np.zeros((120, 120), np.float32)

    data = written(write)
    durations = []
    for _ in range(3):
        start = time.perf_counter()
        assert read_all(root(data)) == 200
        durations.append(time.perf_counter() - start)
    assert len(data) > 11_000_000
    assert min(durations) < 0.1


# What is no subset of ours, though h5py writes it.


def compound(file: h5py.File) -> None:
    file["x"] = np.zeros(2, [("a", "f4")])


def array_type(file: h5py.File) -> None:
    file.create_dataset("x", (2,), np.dtype(("f4", (3,))))


def external_storage(file: h5py.File) -> None:
    file.create_dataset("x", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual_dataset(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("x", layout)


def external_link(file: h5py.File) -> None:
    file["x"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_link(file: h5py.File) -> None:
    file["x"] = h5py.SoftLink("/y")


def committed_type(file: h5py.File) -> None:
    file["type"] = np.dtype("f4")
    file.create_dataset("a", (2,), file["type"])


def named_type(file: h5py.File) -> None:
    file["type"] = np.dtype("f4")


def region_reference(file: h5py.File) -> None:
    file["y"] = np.zeros(3)
    file["x"] = file["y"].regionref[:2]


def enumeration(file: h5py.File) -> None:
    dtype = h5py.enum_dtype({"RED": 0, "BLUE": 1}, "i1")
    file.create_dataset("x", data=np.zeros(2, "i1"), dtype=dtype)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (compound, "compound data of 4 bytes"),
        (array_type, "array data of 12 bytes"),
        (external_storage, "external storage"),
        (virtual_dataset, "virtual dataset or layout version 4"),
        (external_link, "soft or external links"),
        (soft_link, "a soft link"),
        (committed_type, "a shared message"),
        (named_type, "neither a group nor a dataset"),
        (region_reference, "reference data"),
        (enumeration, "enumeration data"),
        (lambda f: f.create_dataset("x", data=np.zeros(2, "c8")), "compound data"),
        (lambda f: f.create_dataset("x", data=np.zeros(2, "V3")), "opaque data"),
        (lambda f: f.create_dataset("x", data=np.zeros(2, "V2")), "opaque data"),
        (lambda f: f.create_dataset("x", data=["text"]), "variable string data"),
        (lambda f: f.create_dataset("x", data=np.array([b"text"])), "fixed string data"),
        (lambda f: f.create_dataset("x", data=h5py.Empty("f4")), "null dataspace"),
        (lambda f: f.create_dataset("x", (2,), h5py.vlen_dtype("f4")), "variable-length data"),
        (lambda f: f.create_dataset("x", (2,), h5py.ref_dtype), "reference data"),
        (lambda f: f.create_dataset("x", (1,) * 9), "9 axes, at most 8"),
        (lambda f: f.attrs.create("x", h5py.Empty("f4")), "attribute 'x': a null dataspace"),
        (lambda f: f.attrs.create("x", f.ref), "attribute 'x': reference data"),
        (lambda f: f.attrs.create("x", np.void(b"ab")), "attribute 'x': opaque data"),
        (lambda f: f.create_dataset("x", (9,), chunks=(3,), compression="lzf"), "32000"),
        (lambda f: f.create_dataset("x", (9,), "i4", chunks=(3,), scaleoffset=4), r"\[6\]"),
    ],
)
def test_other_features_are_unsupported(write: Write, message: str) -> None:
    refused(written(write), message, UnsupportedError)


def test_text_is_refused_before_it_is_read() -> None:
    group = root(written(lambda file: file.create_dataset("x", data=["text"])))
    with pytest.raises(UnsupportedError, match="variable string data is not supported"):
        group.dataset("x")


@pytest.mark.parametrize("options", [{"libver": "latest"}, {"libver": "v108"}])
def test_new_style_files_are_unsupported(options: dict[str, Any]) -> None:
    data = written(lambda file: file.create_group("a"), **options)
    refused(data, "superblock version [23]", UnsupportedError)


def test_new_style_groups_and_user_blocks_are_unsupported() -> None:
    data = written(lambda file: file.create_group("a", track_order=True))
    refused(data, "object header version 79", UnsupportedError)
    data = written(lambda file: file.create_group("a"), userblock_size=512)
    refused(data, "not a HDF5 file")
    refused(data[512:], "a user block", UnsupportedError)


def test_booleans_are_0_or_1() -> None:
    data = written(lambda file: file.create_dataset("x", data=np.ones(99, np.bool_)))
    refused(patched(data, data.index(b"\1" * 99), "<B", 2), "neither 0 nor 1", WeightsError)
