"""HDF5 files that h5py writes, what h5py reads in them, and damage to them."""

import io
import random
import struct
import time
from collections.abc import Callable, Iterator
from typing import Any

import h5py
import ml_dtypes
import numpy as np
import numpy.typing as npt
import pytest

from keras2torch.errors import FormatError, ModelError, WeightsError
from keras2torch.readers import hdf5

Write = Callable[[h5py.File], object]

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
