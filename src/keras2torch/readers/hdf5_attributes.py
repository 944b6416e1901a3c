"""Attributes of HDF5 objects (IV.A.2.m), whose text may be in the global heap (III.E)."""

import math
from typing import Any

import numpy as np

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.readers.hdf5_datatypes import (
    STRINGS,
    Array,
    Datatype,
    decoded_text,
    fixed_string,
    numbers,
    read_dataspace,
    read_datatype,
)
from keras2torch.readers.hdf5_source import Cursor, Source

__all__ = ["read_attribute"]


def read_attribute(source: Source, message: Cursor) -> tuple[str, Any]:
    """Name and value of the Attribute Message (IV.A.2.m): a Python scalar, or an array."""
    version, flags, *sizes = message.uint(1), message.uint(1), *message.uints(3, 2)
    if version not in (1, 2, 3) or (version > 1 and flags):
        raise UnsupportedError(f"{message.place}: attribute version {version}, flags {flags}")
    if version == 3:
        message.take(1)  # the name's character set; ASCII is UTF-8 too
    name, datatype, dataspace = (
        message.take(size + (-size % 8 if version == 1 else 0)) for size in sizes
    )
    text = decoded_text(bytes(name).rstrip(b"\0"), message.place)
    place = f"{message.place}, attribute {quoted(text)}"
    type_ = read_datatype(Cursor(datatype, place))
    shape = read_dataspace(Cursor(dataspace, place))
    data = message.take(math.prod(shape) * type_.size)
    if type_.kind in STRINGS:
        value = _texts(source, data, type_, shape, place)
    else:
        value = numbers(data, type_, shape, place)
    return text, value if shape else value.item()


def _texts(
    source: Source, data: memoryview, type_: Datatype, shape: tuple[int, ...], place: str
) -> Array:
    source.spend_objects(math.prod(shape))
    elements = (data[start : start + type_.size] for start in range(0, len(data), type_.size))
    if type_.kind == "variable string":
        texts = [_variable(source, element, place) for element in elements]
    else:
        texts = [fixed_string(element, type_, place) for element in elements]
    return np.array(texts, dtype=object).reshape(shape)


def _variable(source: Source, element: memoryview, place: str) -> str:
    """A variable-length string: its length, and where it is in the global heap."""
    fields = Cursor(element, place)
    length, address, index = fields.uint(4), fields.uint(8), fields.uint(4)
    if length == 0:
        return ""
    source.spend_bytes(length, place)
    data = Cursor(source.heap_object(address, index, place), place).take(length)
    return decoded_text(bytes(data), place)
