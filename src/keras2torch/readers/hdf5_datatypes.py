"""How HDF5 stores elements: datatypes (IV.A.2.d), dataspaces (IV.A.2.b), numbers and text."""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import FormatError, UnsupportedError, WeightsError, quoted
from keras2torch.readers.hdf5_source import Cursor
from keras2torch.readers.limits import LIMITS

__all__ = [
    "BFLOAT16",
    "NUMBERS",
    "OPAQUE_16",
    "STRINGS",
    "Array",
    "Datatype",
    "decoded_text",
    "fixed_string",
    "numbers",
    "read_dataspace",
    "read_datatype",
]

Array = npt.NDArray[Any]

# Floating-point properties (IV.A.2.d): bit offset and precision, location and size of exponent and
# mantissa, exponent bias.
_FLOATS = {
    struct.pack("<HHBBBBI", 0, 16, 10, 5, 0, 10, 15): "f2",
    struct.pack("<HHBBBBI", 0, 32, 23, 8, 0, 23, 127): "f4",
    struct.pack("<HHBBBBI", 0, 64, 52, 11, 0, 52, 1023): "f8",
}
# h5py's boolean: an enumeration of int8, FALSE = 0 and TRUE = 1.
_BOOLEAN = struct.pack("<BBHIHH8s8s2B", 0x10, 8, 0, 1, 0, 8, b"FALSE", b"TRUE", 0, 1)
_CLASSES = {
    0: "integer",
    1: "floating-point",
    2: "time",
    3: "string",
    4: "bit field",
    6: "compound",
    7: "reference",
    8: "enumeration",
    9: "variable-length",
    10: "array",
    11: "complex",
}


@dataclass(frozen=True, slots=True)
class Datatype:
    """How an element is stored, and the type of the array that it becomes an element of."""

    kind: str
    size: int
    dtype: np.dtype[Any] = np.dtype(object)  # noqa: RUF009 - a dtype is immutable
    padding: int = 0


NUMBERS = {"number", "boolean", "bfloat16"}
STRINGS = {"fixed string", "variable string"}
OPAQUE_16 = Datatype("opaque", 2)
BFLOAT16 = Datatype("bfloat16", 2, np.dtype("<f4"))


def read_datatype(message: Cursor) -> Datatype:
    """The Datatype Message (IV.A.2.d)."""
    class_and_version, bits, size = message.uint(1), message.uint(3), message.uint(4)
    class_ = class_and_version & 15
    if class_and_version >> 4 not in (1, 2, 3) or not 0 < size < 1 << 31:
        raise UnsupportedError(f"{message.place}: a datatype of another version or of no size")
    order = "<>"[bits & 1]
    if class_ == 0 and size in (1, 2, 4, 8) and message.uints(2, 2) == [0, 8 * size]:
        return Datatype("number", size, np.dtype(f"{order}{'i' if bits & 8 else 'u'}{size}"))
    if class_ == 1 and bits & ~1 == (8 * size - 1) << 8 | 0x20:
        name = _FLOATS.get(bytes(message.take(12)))
        if name == f"f{size}":
            return Datatype("number", size, np.dtype(order + name))
    if class_ == 3 and bits & 15 <= 2:
        return Datatype("fixed string", size, padding=bits & 15)
    if class_ == 5:
        return Datatype("opaque", size)
    if class_ == 8 and size == 1 and bits == 2 and message.take(message.left())[:30] == _BOOLEAN:
        return Datatype("boolean", size, np.dtype(np.bool_))
    if class_ == 9 and bits & 15 == 1 and size == 16:
        return Datatype("variable string", size)
    name = _CLASSES.get(class_, f"class {class_}")
    raise UnsupportedError(f"{message.place}: {name} data of {size} bytes is not supported")


def read_dataspace(message: Cursor) -> tuple[int, ...]:
    """The Dataspace Message (IV.A.2.b)."""
    version, rank, flags = message.uints(3, 1)
    if version not in (1, 2) or flags > 1:
        raise FormatError(f"{message.place}: dataspace version {version}, flags {flags}")
    if rank > LIMITS.tensor_rank:
        raise UnsupportedError(f"{message.place}: {rank} axes, at most {LIMITS.tensor_rank}")
    if message.uint(1 if version == 2 else 5) == 2:  # always 0 in version 1
        raise UnsupportedError(f"{message.place}: a null dataspace holds no value")
    shape = tuple(message.uints(rank, 8))
    if math.prod(max(axis, 1) for axis in shape) > LIMITS.total_tensor_bytes:
        raise WeightsError(f"{message.place}: shape {shape} is larger than any tensor may be")
    return shape


def decoded_text(data: bytes, place: str) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError(f"{place}: {quoted(data[:80])} is not UTF-8") from None
    if "\0" in text:
        # Some readers would end the text there, and see another name.
        raise FormatError(f"{place}: text with a null inside")
    return text


def fixed_string(element: memoryview, type_: Datatype, place: str) -> str:
    """A fixed-length string, without its padding (IV.A.2.d)."""
    data = bytes(element)
    match type_.padding:
        case 0:  # null-terminated
            data = data.partition(b"\0")[0]
        case 1:  # null-padded
            data = data.rstrip(b"\0")
        case _:  # space-padded
            data = data.rstrip(b" ")
    return decoded_text(data, place)


def numbers(data: memoryview, type_: Datatype, shape: tuple[int, ...], place: str) -> Array:
    """The array whose elements are stored in ``data``: a view where it can be one."""
    match type_.kind:
        case "boolean":
            array: Array = np.ndarray(shape, np.uint8, data)
            if array.max(initial=0) > 1:
                raise WeightsError(f"{place}: a boolean that is neither 0 nor 1")
            array = array.view(np.bool_)
        case "bfloat16":  # the upper half of a float32
            halves = np.ndarray(math.prod(shape), "<u2", data).astype("<u4")
            array = (halves << 16).view("<f4").reshape(shape)
        case "number":
            array = np.ndarray(shape, type_.dtype, data)
        case _:
            raise UnsupportedError(f"{place}: {type_.kind} data is not supported")
    array.flags.writeable = False
    return array
