"""Keras' promotion of dtypes, and PyTorch's, which differ.

Source: keras/src/backend/common/dtypes.py. "int" and "float" stand for Python's numbers, which
give way to any dtype of their kind; "float32" is the model's precision.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

FLOATS = ("float16", "bfloat16", "float32", "float64")
SIGNED = ("int8", "int16", "int32", "int64")
# Each dtype with those right above it.
ABOVE = {
    "bool": ("int",),
    "int": ("uint8", "int8"),
    "uint8": ("int16", "uint16"),
    "uint16": ("int32", "uint32"),
    "uint32": ("int64", "uint64"),
    "uint64": ("float",),
    "int8": ("int16",),
    "int16": ("int32",),
    "int32": ("int64",),
    "int64": ("float",),
    "float": ("bfloat16", "float16"),
    "bfloat16": ("float32",),
    "float16": ("float32",),
    "float32": ("float64", "complex64"),
    "float64": ("complex128",),
    "complex64": ("complex128",),
    "complex128": (),
}
OF_NUMBERS = {bool: "bool", int: "int", float: "float"}


@functools.cache
def _upper(dtype: str) -> frozenset[str]:
    return frozenset([dtype]).union(*map(_upper, ABOVE[dtype]))


def result_type(*dtypes: str) -> str:
    """What Keras makes of these dtypes together: the least that is above all."""
    common = frozenset.intersection(*map(_upper, dtypes))
    least = max(common, key=lambda dtype: len(_upper(dtype) & common))
    return {"int": "int32", "float": "float32"}.get(least, least)


def kind(dtype: str) -> int:
    """0 for bool, 1 for integers, 2 for floating-point numbers, 3 for complex ones."""
    if dtype == "bool":
        return 0
    return 3 if dtype.startswith("complex") else 2 if dtype in (*FLOATS, "float") else 1


def torch_result(arrays: Iterable[str], scalars: Iterable[str], numbers: Iterable[str]) -> str:
    """What PyTorch makes of tensors with axes, tensors without, and Python's numbers: each of
    these groups counts only if its kind is a higher one."""
    result = "bool"
    empty = True
    for group in (tuple(arrays), tuple(scalars), tuple(numbers)):
        if group:
            own = result_type(*group) if "int" not in group else "int64"
            if "float" in group:
                own = "float32"
            if empty or kind(own) > kind(result):
                result = own
            empty = False
    return result
