"""HDF5 files that h5py and Keras wrote, bit for bit as h5py reads them, and hostile ones."""

import io
import os
import random
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from keras2torch.errors import FormatError, ModelError, UnsupportedError, WeightsError
from keras2torch.readers import hdf5
from keras2torch.readers.archive import Archive
from keras2torch.readers.limits import Limits

MAX_BYTES = 1 << 24
Write = Callable[[h5py.File], object]

SAVE_WITH_KERAS = """
import sys

sys.modules["tensorflow"] = None  # Keras can do without, and it takes seconds to import
import h5py
import keras
from keras.src.legacy.saving.legacy_h5_format import save_attributes_to_hdf5_group

directory = sys.argv[1]
keras.utils.set_random_seed(0)
inputs = keras.Input((6, 4), name="inputs")
x = keras.layers.Bidirectional(keras.layers.LSTM(3))(inputs)
x = keras.layers.Dense(5, dtype="bfloat16")(x)
x = keras.layers.Dropout(0.5, seed=1)(x)
x = keras.Sequential([keras.layers.Dense(2), keras.layers.BatchNormalization()])(x)
model = keras.Model(inputs, x)
model.compile("adam", "mse")
model.optimizer.build(model.trainable_variables)
model.save(f"{directory}/full.keras")
model.save_weights(f"{directory}/full.weights.h5")
small = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), keras.layers.Dense(1)])
small.save(f"{directory}/small.keras")
small.save(f"{directory}/legacy.h5")
with h5py.File(f"{directory}/names.h5", "w") as file:
    names = [f"layer_{'x' * 200}_{number}".encode() for number in range(400)]
    save_attributes_to_hdf5_group(file, "layer_names", names)
"""


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that Keras saved; in its own process, Keras being no part of us."""
    directory = tmp_path_factory.mktemp("saved")
    environment = os.environ | {"KERAS_BACKEND": "numpy"}  # the files are alike, this is fastest
    command = [sys.executable, "-c", SAVE_WITH_KERAS, str(directory)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return directory


def written(write: Write, **options: Any) -> bytes:
    """The bytes of a file that h5py writes."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        write(file)
    return buffer.getvalue()


def patched(data: bytes, at: int, layout: str, *values: int | bytes) -> bytes:
    changed = bytearray(data)
    struct.pack_into(layout, changed, at, *values)
    return bytes(changed)


def root(data: bytes) -> hdf5.Group:
    return hdf5.File(data, "weights.h5").root


def read_all(group: hdf5.Group) -> int:
    """Read everything below a group; the number of datasets."""
    group.attributes()
    count = 0
    for key in group.keys():  # noqa: SIM118 - a Group is no mapping
        try:
            child = group.group(key)
        except WeightsError:
            dataset = group.dataset(key)
            dataset.attributes()
            assert dataset.array().shape == dataset.shape
            count += 1
        else:
            count += read_all(child)
    return count


def refused(data: bytes, message: str, kind: type[ModelError] = FormatError) -> None:
    with pytest.raises(kind, match=message) as caught:
        read_all(root(data))
    assert str(caught.value).startswith("weights.h5: ")
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def assert_same_value(ours: Any, theirs: Any) -> None:
    expected = np.asarray(theirs)
    if expected.dtype.kind in "SO":
        texts = [t.decode() if isinstance(t, bytes) else t for t in expected.ravel().tolist()]
        assert np.asarray(ours).ravel().tolist() == texts
    else:
        assert_same_array(np.asarray(ours, expected.dtype), expected)


def assert_same_array(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> None:
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    assert ours.tobytes() == theirs.tobytes()


def assert_same(ours: hdf5.Group | hdf5.Dataset, theirs: Any) -> int:
    """Names, attributes and values are those that h5py reads; the number of datasets."""
    attributes = ours.attributes()
    assert set(attributes) == set(theirs.attrs)
    for name, value in theirs.attrs.items():
        assert_same_value(attributes[name], value)
    if isinstance(ours, hdf5.Group):
        assert ours.keys() == tuple(theirs)
        kinds = {name: isinstance(child, h5py.Group) for name, child in theirs.items()}
        return sum(
            assert_same(ours.group(name) if kinds[name] else ours.dataset(name), theirs[name])
            for name in kinds
        )
    expected = np.asarray(theirs[()])
    if ours.bfloat16:
        expected = expected.view(ml_dtypes.bfloat16).astype(np.float32)
    assert_same_array(ours.array(), expected)
    assert (ours.shape, ours.dtype, ours.nbytes) == (
        expected.shape,
        expected.dtype,
        expected.nbytes,
    )
    assert not ours.array().flags.writeable
    return 1


def assert_same_file(data: memoryview | bytes) -> int:
    with h5py.File(io.BytesIO(bytes(data)), "r") as theirs:
        return assert_same(hdf5.File(data, "weights.h5").root, theirs)


def test_keras_archives(saved: Path) -> None:
    with Archive(saved / "full.keras") as archive:
        assert archive.names() == ("metadata.json", "config.json", "model.weights.h5")
        weights = archive.view("model.weights.h5", MAX_BYTES)
        assert assert_same_file(weights) > 30
        group = hdf5.File(weights, "weights.h5").root
        assert group.dataset("layers/dense/vars/0").bfloat16
        assert not group.dataset("layers/bidirectional/forward_layer/cell/vars/0").bfloat16
        assert group.dataset("optimizer/vars/0").dtype.kind == "i"


def test_keras_weight_files(saved: Path) -> None:
    assert assert_same_file((saved / "full.weights.h5").read_bytes()) > 30


def test_keras_legacy_files(saved: Path) -> None:
    data = (saved / "legacy.h5").read_bytes()
    assert assert_same_file(data) == 4
    group = root(data)
    assert group.attributes()["model_config"].startswith('{"class_name": "Sequential"')
    weights = group.group("model_weights")
    assert weights.attributes()["layer_names"].tolist() == ["dense_2", "dense_3"]


def test_keras_legacy_files_with_names_in_several_attributes(saved: Path) -> None:
    data = (saved / "names.h5").read_bytes()
    assert assert_same_file(data) == 0
    attributes = root(data).attributes()
    assert len(attributes) > 1
    assert sum(map(len, attributes.values())) == 400


NUMBERS = ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "?"] + [
    f"{order}{kind}{size}" for order in "<>" for kind in "iu" for size in (1, 2, 4, 8)
]
FILTERS: dict[str, dict[str, Any]] = {
    "contiguous": {},
    "plain chunks": {"chunks": (8, 5)},
    "one chunk": {"chunks": (50, 17)},
    "gzip": {"chunks": (8, 5), "compression": "gzip"},
    "shuffle": {"chunks": (8, 5), "shuffle": True},
    "fletcher32": {"chunks": (7, 3), "fletcher32": True},
    "all": {"chunks": (8, 5), "compression": 9, "shuffle": True, "fletcher32": True},
    "growing": {"maxshape": (None, 17), "compression": "gzip"},
}


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


def test_chunks_that_deflate_could_not_shrink_are_stored_unfiltered() -> None:
    def write(file: h5py.File) -> None:
        dataset = file.create_dataset("x", (4,), "u1", chunks=(2,), compression="gzip")
        dataset.id.write_direct_chunk((0,), b"\1\2", filter_mask=1)
        dataset.id.write_direct_chunk((2,), zlib.compress(b"\3\4"))

    assert root(written(write)).dataset("x").array().tolist() == [1, 2, 3, 4]


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


# Shapes, chunks and filters that lie.


GZIP = {"compression": "gzip"}


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
    monkeypatch.setattr(hdf5, "LIMITS", Limits(hdf5_inflation=2))
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


def test_booleans_are_0_or_1() -> None:
    data = written(lambda file: file.create_dataset("x", data=np.ones(99, np.bool_)))
    refused(patched(data, data.index(b"\1" * 99), "<B", 2), "neither 0 nor 1", WeightsError)


# Structures that lie.


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
    monkeypatch.setattr(hdf5, "LIMITS", Limits(hdf5_objects=500))
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


def mutants(data: bytes, count: int) -> Iterator[bytes]:
    """Seeded damage, mostly where the file is not empty: bits, bytes and whole fields."""
    rng = random.Random(1)
    used = [at for at, byte in enumerate(data[:-8]) if byte]
    for _ in range(count):
        changed = bytearray(data)
        for _ in range(rng.randint(1, 3)):
            at = rng.choice(used) if rng.random() < 0.8 else rng.randrange(len(data) - 8)
            match rng.randrange(4):
                case 0:
                    changed[at] ^= 1 << rng.randrange(8)
                case 1:
                    changed[at] = rng.randrange(256)
                case 2:
                    field = rng.choice([0, 1, 2**32 - 1, 2**63, 2**64 - 1, len(data)])
                    struct.pack_into("<Q", changed, at, field)
                case _:
                    # An address or a size of the file at another place of it.
                    source = rng.choice(used) & ~7
                    changed[at & ~7 : (at & ~7) + 8] = changed[source : source + 8]
        yield bytes(changed)


def survive(data: bytes, count: int) -> None:
    """Every mutant is read or refused, soon and by one of our errors."""
    refusals = []
    for mutant in mutants(data, count):
        start = time.perf_counter()
        try:
            read_all(root(mutant))
        except ModelError as error:
            refusals.append(str(error))
        assert time.perf_counter() - start < 1
    assert all(map(str.isprintable, refusals))
    assert count / 10 < len(refusals) < count


def test_mutants_of_what_keras_wrote(saved: Path) -> None:
    with Archive(saved / "small.keras") as archive:
        survive(archive.read("model.weights.h5", MAX_BYTES), 1200)
    survive((saved / "legacy.h5").read_bytes(), 300)


def test_mutants_of_chunks_and_attributes() -> None:
    def write(file: h5py.File) -> None:
        values = np.arange(60, dtype=np.float32).reshape(12, 5)
        file.create_dataset("x", data=values, **FILTERS["all"])
        file.create_dataset("y", data=values > 9, chunks=(5, 2))
        file.attrs["names"] = ["a", "b"]
        file["x"].attrs["name"] = np.bytes_(b"fixed")

    survive(written(write), 1500)


def test_mutants_of_archives(saved: Path, tmp_path: Path) -> None:
    path = tmp_path / "mutant.keras"
    refusals = []
    for mutant in mutants((saved / "small.keras").read_bytes(), 500):
        path.write_bytes(mutant)
        try:
            with Archive(path) as archive:
                for name in archive.names():
                    archive.read(name, MAX_BYTES)
                read_all(root(archive.read("model.weights.h5", MAX_BYTES)))
        except ModelError as error:
            refusals.append(str(error))
    assert all(map(str.isprintable, refusals))
    # The checksums see all damage but that of fields that mean nothing, such as dates.
    assert len(refusals) > 450
