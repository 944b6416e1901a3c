"""Inputs to compare two models on: from the user's file, or made to meet what models are fed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.errors import DataError, quoted
from keras2torch.ir.dtypes import FLOATS
from keras2torch.npz import Array, read_npz

BATCH = 4
UNKNOWN_SIZE = 24  # for an axis of unknown size: room for a few convolutions and poolings
SEED = 20190113
WORDS = ("a", "b", "unknown", "")  # for an input of strings of which nothing is known
LONGEST_TEXT = 8
PARTINGS = (" ", "  ", ", ", "\t", "! ")


def made_inputs(inputs: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """Seeded random inputs for a port's manifest.

    Numbers are drawn from a normal distribution. Token ids cover their whole range; rows are
    padded with 0 as texts are: not at all, in front, behind, and with a hole inside. Where a layer
    has a vocabulary, words and numbers of it and others are drawn, and texts made of them.
    """
    rng = np.random.default_rng(SEED)
    arrays = {}
    for wanted in inputs:
        sizes = [UNKNOWN_SIZE if size is None else size for size in wanted["shape"][1:]]
        batch = wanted["shape"][0] or BATCH
        samples, shape = wanted.get("samples"), (batch, *sizes)
        if samples is None and wanted["dtype"] == "string":
            samples = {"values": WORDS, "text": False}
        arrays[wanted["name"]] = (
            _sampled(rng, shape, wanted["dtype"], samples)
            if samples
            else _array(rng, shape, wanted["dtype"], wanted["below"])
        )
    return arrays


def _sampled(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, samples: Mapping[str, Any]
) -> Array:
    """Values of a list, or texts of some of them: cased, parted and punctuated in several ways."""
    values: list[Any] = list(samples["values"])
    count = int(np.prod(shape))
    if samples["text"]:
        chosen: list[Any] = [_text(rng, values) for _ in range(count)]
    else:
        chosen = [values[place] for place in rng.integers(0, len(values), count)]
    return np.array(chosen, np.str_ if dtype == "string" else dtype).reshape(shape)


def _text(rng: np.random.Generator, words: Sequence[str]) -> str:
    parts = [""]
    for _ in range(rng.integers(0, LONGEST_TEXT + 1)):
        word = words[int(rng.integers(len(words)))]
        parts += [word.upper() if rng.random() < 0.2 else word]
        parts += [PARTINGS[int(rng.integers(len(PARTINGS)))]]
    return "".join(parts)


def _array(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: str, below: int | None
) -> Array:
    if below is None and dtype in FLOATS:
        # Numbers that float32 holds exactly, so that both precisions see the same; half
        # precision rounds them, alike on both sides.
        return rng.standard_normal(shape).astype(np.float32)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    ids = rng.integers(0, below or 10, shape)
    if below is not None and len(shape) == 2 and shape[1] >= 4:
        quarter = shape[1] // 4
        for row, part in enumerate([slice(0, 0), slice(0, quarter), slice(-quarter, None)]):
            if row < shape[0]:
                ids[row, part] = 0
        if shape[0] > 3:
            ids[3, quarter : quarter + 2] = 0
    return ids.astype(dtype)


def read_inputs(path: Path, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Array]:
    """The user's inputs: an ``.npz`` whose keys are the inputs' names.

    Raises:
        DataError: an input is missing or none that the model takes.
    """
    arrays = read_npz(path)
    chosen = {}
    for wanted in inputs:
        name = wanted["name"]
        if name not in arrays:
            found = quoted(sorted(arrays), 200)
            raise DataError(f"{quoted(path)} has no array {quoted(name)}, it holds {found}")
        chosen[name] = fitting(f"{quoted(path)}: input {quoted(name)}", arrays[name], wanted)
    lengths = sorted({len(array) for array in chosen.values()})
    if len(lengths) > 1 or 0 in lengths:
        raise DataError(f"the inputs in {quoted(path)} hold {quoted(lengths)} samples")
    return chosen


def fitting(said: str, array: Array, wanted: Mapping[str, Any]) -> Array:
    """The array as an input that a port's manifest describes; ``said`` names it in errors.

    Raises:
        DataError: it has another shape or kind, or holds what no model computes with.
    """
    shape = wanted["shape"]
    text, floating = wanted["dtype"] == "string", wanted["dtype"] in FLOATS
    if array.dtype.kind not in ("U" if text else "biuf"):
        kind = "text" if text else "numbers"
        raise DataError(f"{said} must be {kind}, found dtype {array.dtype}")
    if array.ndim != len(shape) or any(
        size not in (None, found) for size, found in zip(shape[1:], array.shape[1:], strict=True)
    ):
        raise DataError(f"{said} must have shape {shape}, found {array.shape}")
    refuse_nan(said, array)
    if array.dtype.kind == "f" and not floating:
        if (array % 1).any():
            raise DataError(f"{said} must be whole numbers")
        array = array.astype(wanted["dtype"])
    elif array.dtype.kind in "biu" and floating:
        array = array.astype(np.float32)
    refuse_outside(said, array, wanted["below"])
    return array


def refuse_nan(said: str, array: Array) -> None:
    """Refuse NaN and infinity: whatever is computed of them is equal."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise DataError(f"{said} holds NaN or infinity, first in row {row}")


def refuse_outside(said: str, array: Array, below: int | None) -> None:
    """Refuse numbers that are not from 0 to less than ``below``."""
    if below is not None and array.size and not 0 <= array.min() <= array.max() < below:
        found = f"{array.min()} to {array.max()}"
        raise DataError(f"{said} must be from 0 to {below - 1}, found {found}")
