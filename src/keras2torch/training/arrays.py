"""Reads the arrays of an ``.npz`` file, and says in one line what is wrong with them."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


def load_arrays(
    path: Path,
    shapes: Mapping[str, Sequence[tuple[int | None, ...]]],
    below: Mapping[str, int],
    prefix: str = "",
) -> dict[str, Tensor]:
    """The arrays that have these names behind ``prefix``.

    With each name stand the shapes that a row may have: None is any size, no shape at all any
    shape. Arrays in ``below`` hold whole numbers from 0 to less than this. Sample weights may be
    missing, with a prefix all. Floating-point numbers become float32, as in Keras.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {n: stored[prefix + n] for n in shapes if prefix + n in stored}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{path} can't be read: {error}") from None
    for name, allowed in shapes.items():
        said, array = f"{path}: {prefix}{name}", arrays.get(name)
        shown = " or ".join(str(("rows", *shape)) for shape in allowed) or "(rows, ...)"
        if array is None:
            if not name.startswith("sample_weight") and (arrays or not prefix):
                raise SystemExit(f"{said} is missing, an array of shape {shown}")
            continue
        if array.ndim == 0 or (allowed and not any(fits(array.shape[1:], s) for s in allowed)):
            raise SystemExit(f"{said} has shape {array.shape}, it must be {shown}")
        if array.dtype.kind not in "bfiu":
            raise SystemExit(f"{said} holds {array.dtype} and no numbers")
        low, high = array.min(initial=0), array.max(initial=0)
        if name in below and not (low >= 0 and high < below[name]):
            raise SystemExit(f"{said} must be from 0 to {below[name] - 1}: it has {low} to {high}")
        arrays[name] = array.astype(np.float32) if array.dtype.kind == "f" else array
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1 or 0 in rows.values():
        raise SystemExit(f"{path}: all arrays must have as many rows, found {rows}")
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def fits(found: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether a shape is the one that is wanted."""
    return len(found) == len(wanted) and all(
        size in (None, own) for own, size in zip(found, wanted, strict=True)
    )
