"""Inputs to compare two models on: from the user's file, or made to meet what models are fed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, quoted
from keras2torch.ir.dtypes import FLOATS

BATCH = 4
UNKNOWN_SIZE = 24  # for an axis of unknown size: room for a few convolutions and poolings
SEED = 20190113
WORDS = ("a", "b", "unknown", "")  # for an input of strings of which nothing is known
LONGEST_TEXT = 8
PARTINGS = (" ", "  ", ", ", "\t", "! ")


def made_inputs(inputs: Sequence[Mapping[str, Any]]) -> dict[str, npt.NDArray[Any]]:
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
) -> npt.NDArray[Any]:
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
) -> npt.NDArray[Any]:
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


def read_inputs(path: Path, inputs: Sequence[Mapping[str, Any]]) -> dict[str, npt.NDArray[Any]]:
    """The user's inputs: an ``.npz`` whose keys are the inputs' names.

    Raises:
        DataError: a missing input, or one of another shape.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise DataError(f"there is no file {quoted(path)}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{quoted(path)} is no .npz of plain arrays") from error
    chosen = {}
    for wanted in inputs:
        name, shape = wanted["name"], wanted["shape"]
        if name not in arrays:
            raise DataError(f"{quoted(path)} has no array {quoted(name)}, found {sorted(arrays)}")
        array = arrays[name]
        fits = array.ndim == len(shape) and all(
            size in (None, have) for size, have in zip(shape[1:], array.shape[1:], strict=True)
        )
        if (wanted["dtype"] == "string") != (array.dtype.kind == "U"):
            kind = "text" if wanted["dtype"] == "string" else "numbers"
            raise DataError(f"input {quoted(name)} must be {kind}, found dtype {array.dtype}")
        if not fits:
            raise DataError(f"input {quoted(name)} must have shape {shape}, found {array.shape}")
        chosen[name] = array
    if len({len(array) for array in chosen.values()}) > 1:
        raise DataError(f"the inputs in {quoted(path)} differ in their number of samples")
    return chosen
