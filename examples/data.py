"""The texts of the training files beside this one as arrays: words as numbers, two features.

``SOURCES`` says what is to be downloaded and where to, if a variable does not name another place.
``VECTORS`` may name several files, with ``:`` in between: each word gets the mean of its vectors.
The rows to predict are those of a ``test.csv`` beside ``train.csv``; without one they are every
tenth row of ``train.csv``, and the others are learnt from.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch import text
from keras2torch.training import ArrayData

HERE = Path(__file__).parent
WORDS, VECTOR = 20_000, 300  # the embedding of every network here but imdb's
FEATURES = ["capitals_ratio", "unique_ratio"]
LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
SOURCES = {  # the variable, the usual place, where it is from
    "QUORA_CSV": (
        "quora/train.csv",
        "Kaggle's quora-insincere-questions-classification",
    ),
    "TOXIC_CSV": (
        "toxic/train.csv",
        "Kaggle's jigsaw-toxic-comment-classification-challenge",
    ),
    "IMDB_NPZ": (
        "imdb/imdb.npz",
        "storage.googleapis.com/tensorflow/tf-keras-datasets",
    ),
    "VECTORS": ("vectors.txt", "nlp.stanford.edu/data/glove.840B.300d.zip"),
}

Array = npt.NDArray[Any]
Arrays = dict[str, Array]


def quora() -> Arrays:
    """Questions to learn from: ``tokens``, ``features`` and ``y``."""
    return _questions().learnt


def quora_test() -> Arrays:
    """Questions to predict."""
    return _questions().predicted


def quora_vectors() -> Array:
    """The pretrained vectors of the questions' words."""
    return _vectors(_questions().tokenizer)


def toxic() -> Arrays:
    """Comments to learn from: ``tokens``, ``features`` and ``y`` with a column per label."""
    return _comments().learnt


def toxic_test() -> Arrays:
    """Comments to predict."""
    return _comments().predicted


def toxic_vectors() -> Array:
    """The pretrained vectors of the comments' words."""
    return _vectors(_comments().tokenizer)


def imdb() -> Arrays:
    """Reviews to learn from: ``tokens`` and ``y``."""
    reviews = _reviews()
    return {
        "tokens": text.pad_sequences(reviews.x_train, 200),
        "y": _column(reviews.y_train),
    }


def imdb_test() -> Arrays:
    """Reviews to predict."""
    return {"tokens": text.pad_sequences(_reviews().x_test, 200)}


def standardise(
    learnt: ArrayData, held_out: ArrayData, test: ArrayData | None
) -> tuple[ArrayData, ArrayData, ArrayData | None]:
    """The features with a mean of 0 and a deviation of 1 in the rows that a fold learns from."""
    scale = text.Standardizer.fit(learnt.inputs["features"])

    def scaled(data: ArrayData) -> ArrayData:
        inputs = {**data.inputs, "features": scale(data.inputs["features"])}
        return ArrayData(inputs, data.targets, data.weights)

    return scaled(learnt), scaled(held_out), None if test is None else scaled(test)


@dataclass(frozen=True)
class Texts:
    """A table of texts in numbers; its vocabulary is that of the rows to learn from."""

    tokenizer: text.Tokenizer
    learnt: Arrays
    predicted: Arrays


@functools.cache
def _questions() -> Texts:
    # "tweet,class=0" for a CSV whose column class is 0 in the rows that are looked for.
    column, label = os.environ.get("QUORA_COLUMNS", "question_text,target").split(",")
    return _texts(_files("QUORA_CSV")[0], column, [label], 70)


@functools.cache
def _comments() -> Texts:
    return _texts(_files("TOXIC_CSV")[0], "comment_text", LABELS, 200)


@functools.cache
def _reviews() -> text.Imdb:
    return text.imdb(_files("IMDB_NPZ")[0], num_words=WORDS)


def _texts(path: Path, column: str, labels: Sequence[str], length: int) -> Texts:
    names, _, ones = zip(*(label.partition("=") for label in labels), strict=True)
    texts, y = text.read_table(path, column, names)
    y = y == [float(one or 1) for one in ones]
    test = path.with_name("test.csv")
    if test.exists():
        later, _ = text.read_table(test, column)
    else:
        held_back = np.arange(len(texts)) % 10 == 9
        later = [t for t, held in zip(texts, held_back, strict=True) if held]
        texts = [t for t, held in zip(texts, held_back, strict=True) if not held]
        y = y[~held_back]
    words = text.clean(texts)
    tokenizer = text.Tokenizer.fit(words, num_words=WORDS)

    def arrays(raw: list[str], words: list[str]) -> Arrays:
        # The features are those of the texts as written: cleaning makes small letters.
        tokens = text.pad_sequences(tokenizer.ids(words), length)
        return {"tokens": tokens, "features": text.meta_features(raw, FEATURES)}

    learnt = {**arrays(texts, words), "y": y.astype(np.float32)}
    return Texts(tokenizer, learnt, arrays(later, text.clean(later)))


def _vectors(tokenizer: text.Tokenizer) -> Array:
    table, coverage = text.embedding_matrix(
        tokenizer.word_index, *_files("VECTORS"), rows=WORDS
    )
    print(coverage)
    # Shorter vectors fill the first numbers: what would be learnt of the others stays unused.
    return np.pad(table, ((0, 0), (0, VECTOR - table.shape[1])))


def _column(labels: Array) -> Array:
    return labels.astype(np.float32).reshape(-1, 1)


def _files(variable: str) -> list[Path]:
    usual, source = SOURCES[variable]
    files = [
        Path(file)
        for file in os.environ.get(variable, str(HERE / usual)).split(os.pathsep)
    ]
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(
                f"{file} is not there: download it from {source}, or set {variable}"
            )
    return files
