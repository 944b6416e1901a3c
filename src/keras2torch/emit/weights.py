"""Writes safetensors files, one tensor at a time.

Format: https://github.com/huggingface/safetensors, README, "Format": eight bytes with the header's
length, a JSON header padded with spaces to eight bytes, then the tensors' bytes. The library's own
writer wants all tensors in memory at once; here only one is.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.errors import UnsupportedError
from keras2torch.ir.weights import Weight

NAMES = {
    "float64": "F64",
    "float32": "F32",
    "float16": "F16",
    "int64": "I64",
    "int32": "I32",
    "int16": "I16",
    "int8": "I8",
    "uint8": "U8",
    "bool": "BOOL",
}


def write_weights(
    path: Path, weights: Mapping[str, Weight], written: Callable[[], None] = lambda: None
) -> None:
    """Write the state dict. Wide types come first, so that every tensor is aligned.

    ``written`` is called behind every tensor: what reading it took is no longer needed.
    """
    ordered = sorted(weights.items(), key=lambda item: (-item[1].dtype.itemsize, item[0]))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, weight in ordered:
        if weight.dtype.name not in NAMES:
            raise UnsupportedError(f"weights of dtype {weight.dtype.name} have no port yet")
        start, end = end, end + prod(weight.shape) * weight.dtype.itemsize
        header[name] = {
            "dtype": NAMES[weight.dtype.name],
            "shape": list(weight.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, weight in ordered:
            little = weight.dtype.newbyteorder("<")
            array = np.ascontiguousarray(weight.array(), dtype=little)
            file.write(array.reshape(-1).view(np.uint8).data)
            del array
            written()
