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
    wanted: Mapping[str, Sequence[tuple[int | None, ...]]],
    optional: Mapping[str, Sequence[tuple[int | None, ...]]],
    below: Mapping[str, int],
    prefix: str = "",
) -> dict[str, Tensor]:
    """The arrays that have these names behind ``prefix``. With a prefix all may be missing.

    With each name stand the shapes that a row may have: None is any size, no shape at all any
    shape. Arrays in ``below`` hold whole numbers from 0 to less than this. Floating-point numbers
    become float32, as in Keras.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = [name for name in (*wanted, *optional) if prefix + name in stored]
            arrays = {name: stored[prefix + name] for name in names}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise SystemExit(f"{path} can't be read: {error}") from None
    for name, shapes in {**wanted, **optional}.items():
        said = f"{path}: {prefix}{name}"
        shown = " or ".join(str(("rows", *shape)) for shape in shapes)
        if name not in arrays:
            if name in wanted and (arrays or not prefix):
                raise SystemExit(f"{said} is missing, an array of shape {shown}")
            continue
        found = arrays[name].shape
        if not found or (shapes and not any(fits(found[1:], shape) for shape in shapes)):
            raise SystemExit(f"{said} has shape {found}, it must be {shown}")
        if arrays[name].dtype.kind not in "bfiu":
            raise SystemExit(f"{said} holds {arrays[name].dtype} and no numbers")
        low, high = arrays[name].min(initial=0), arrays[name].max(initial=0)
        if name in below and not (low >= 0 and high < below[name]):
            raise SystemExit(f"{said} must be from 0 to {below[name] - 1}: it has {low} to {high}")
    rows = {name: len(array) for name, array in arrays.items()}
    if len(set(rows.values())) > 1 or 0 in rows.values():
        raise SystemExit(f"{path}: all arrays must have as many rows, found {rows}")
    return {
        name: torch.from_numpy(array.astype(np.float32) if array.dtype.kind == "f" else array)
        for name, array in arrays.items()
    }


def fits(found: Sequence[int], wanted: Sequence[int | None]) -> bool:
    """Whether a shape is the one that is wanted."""
    return len(found) == len(wanted) and all(
        size is None or size == own for own, size in zip(found, wanted, strict=True)
    )
