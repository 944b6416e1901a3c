"""Reads arrays that their owner keeps in an ``.npz``."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, quoted

Array = npt.NDArray[Any]
# What NumPy and zipfile raise of files that are damaged, encrypted, pickled or no archive.
DAMAGED = (EOFError, MemoryError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error)


def read_npz(path: Path) -> dict[str, Array]:
    """Every array of the file; nothing in it is run.

    Raises:
        DataError: there is no such file, or it can't be read as plain arrays.
    """
    try:
        arrays = _stored(path)
    except FileNotFoundError as error:
        raise DataError(f"there is no file {quoted(path)}") from error
    except OSError as error:
        said = error.strerror or str(error)
        raise DataError(f"{quoted(path)} can't be read: {quoted(said)}") from error
    except DAMAGED as error:
        raise DataError(f"{quoted(path)} is no .npz of plain arrays") from error
    return arrays


def _stored(path: Path) -> dict[str, Array]:
    with path.open("rb") as file:  # which NumPy leaves open where it fails
        stored = np.load(file, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise ValueError("one array, which has no name")
        arrays = {name: stored[name] for name in stored.files}
    if not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise ValueError("other files, which NumPy returns as bytes")
    return arrays
