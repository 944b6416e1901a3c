"""Texts and labels from where they are kept: Keras' ``imdb.npz``, CSV, Parquet, Hugging Face.

Nothing that a file holds is executed: Keras' file is a pickle, of which only lists of numbers are
let through.
"""

from __future__ import annotations

import csv
import gzip
import importlib
import io
import lzma
import pickle
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, MissingExtra, quoted

Array = npt.NDArray[Any]
SHUFFLE = 113  # the seed of keras.datasets.imdb
OPEN: Mapping[str, Callable[..., Any]] = {".gz": gzip.open, ".xz": lzma.open}
DATASETS = "datasets://"


@dataclass(frozen=True)
class Imdb:
    """Reviews as lists of word ids, with their labels (0 or 1)."""

    x_train: list[list[int]]
    y_train: Array
    x_test: list[list[int]]
    y_test: Array


def imdb(
    path: str | Path,
    *,
    num_words: int | None = None,
    skip_top: int = 0,
    seed: int = SHUFFLE,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int = 3,
) -> Imdb:
    """What ``keras.datasets.imdb.load_data`` returns, from its own file ``imdb.npz``.

    Raises:
        DataError: the file is another.
    """
    parts = _parts(Path(path))
    shuffler = np.random.RandomState(seed)  # one for both sides, as in Keras
    sides = []
    for side in ("train", "test"):
        order = np.arange(len(parts[f"x_{side}"]))
        shuffler.shuffle(order)
        start = [] if start_char is None else [start_char]
        shift = index_from or 0
        rows = [[*start, *(i + shift for i in parts[f"x_{side}"][at])] for at in order]
        sides.append((rows, parts[f"y_{side}"][order]))
    limit = num_words or max((max(row, default=0) for rows, _ in sides for row in rows), default=0)

    def kept(row: list[int]) -> list[int]:
        if oov_char is None:
            return [i for i in row if skip_top <= i < limit]
        return [i if skip_top <= i < limit else oov_char for i in row]

    (x_train, y_train), (x_test, y_test) = sides
    return Imdb([kept(row) for row in x_train], y_train, [kept(row) for row in x_test], y_test)


def read_table(
    source: str | Path, text: str, labels: str | Sequence[str] = (), *, encoding: str = "utf-8"
) -> tuple[list[str], Array]:
    """Texts, and labels as numbers: (rows,) for one column's name, (rows, columns) for a list.

    ``source`` is a ``.csv`` or ``.tsv`` (also ``.gz`` and ``.xz``), a ``.parquet``, or
    ``datasets://NAME/SPLIT`` of Hugging Face.

    Raises:
        DataError: the source can't be read, lacks a column, or a label is no number.
        MissingExtra: pyarrow or datasets is needed and not installed.
    """
    names = [labels] if isinstance(labels, str) else list(labels)
    columns = _columns(source, [text, *names], encoding)
    values = [_as_numbers(columns[name], name, source) for name in names]
    texts = ["" if value is None else str(value) for value in columns[text]]
    if isinstance(labels, str):
        return texts, values[0]
    return texts, np.stack(values, axis=1) if values else np.empty((len(texts), 0))


def _columns(source: str | Path, names: list[str], encoding: str) -> dict[str, list[Any]]:
    if isinstance(source, str) and source.startswith(DATASETS):
        name, _, split = source.removeprefix(DATASETS).rpartition("/")
        table = _package("datasets").load_dataset(name, split=split)
        return {n: list(table[n]) for n in _present(names, table.column_names, source)}
    path = Path(source)
    try:
        if path.suffix == ".parquet":
            file = _package("pyarrow.parquet").ParquetFile(path)
            table = file.read(_present(names, file.schema_arrow.names, source))
            return {n: table.column(n).to_pylist() for n in names}
        with OPEN.get(path.suffix, open)(path, "rt", encoding=encoding, newline="") as stream:
            tabs = ".tsv" in path.suffixes
            rows = csv.DictReader(stream, delimiter="\t" if tabs else ",", strict=True)
            _present(names, rows.fieldnames or (), source)
            found: dict[str, list[Any]] = {name: [] for name in names}
            for row in rows:
                for name in names:
                    found[name].append(row[name])
            return found
    except UnicodeDecodeError as error:
        raise DataError(f"{quoted(source)} is not {encoding}: byte {error.start}") from error
    except (OSError, EOFError, csv.Error, lzma.LZMAError, ValueError) as error:
        raise DataError(f"{quoted(source)} can't be read: {quoted(error)}") from error


def _present(names: Sequence[str], columns: Sequence[str], source: str | Path) -> list[str]:
    missing = [name for name in names if name not in columns]
    if missing:
        raise DataError(f"{quoted(source)} has no column {quoted(missing[0])}: {quoted(columns)}")
    return list(names)


def _as_numbers(values: list[Any], name: str, source: str | Path) -> Array:
    try:
        return np.array([float(value) for value in values])
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{quoted(source)}: column {quoted(name)} must hold numbers: {quoted(error)}"
        ) from error


def _package(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise MissingExtra(f"{package} is not installed: pip install {package}") from error


def _parts(path: Path) -> dict[str, Array]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name: _array(archive.read(f"{name}.npy"))
                for name in ("x_train", "y_train", "x_test", "y_test")
            }
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise DataError(f"{quoted(path)} is not imdb.npz: {quoted(error)}") from error


class _ArraysOnly(pickle.Unpickler):
    """Keras' file holds arrays of lists, which NumPy pickles: nothing but arrays and lists of
    numbers may come out of it."""

    ALLOWED = frozenset(
        [
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
        ]
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise pickle.UnpicklingError(f"it holds {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def _array(data: bytes) -> Array:
    """One ``.npy`` of the file."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[version]
    _, _, dtype = read_header(file)
    if dtype.hasobject:
        return np.asarray(_ArraysOnly(file).load())
    file.seek(0)
    return np.asarray(np.lib.format.read_array(file, allow_pickle=False))
