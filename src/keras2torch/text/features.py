"""Numbers that describe a text beside its words: article A's second input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import punctuation

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
NAMES = (
    "characters",
    "capitals",
    "capitals_ratio",
    "words",
    "unique_words",
    "unique_ratio",
    "mean_word_length",
    "exclamations",
    "questions",
    "punctuation_ratio",
    "digits_ratio",
)


def meta_features(texts: Sequence[str], names: Sequence[str] = NAMES) -> Array:
    """The features ``names`` of every text: (texts, features). An empty text's are all 0.

    Raises:
        ValueError: a feature that there is not.
    """
    wanted = [NAMES.index(name) for name in names]
    rows = [_features(text) for text in texts]
    return np.array(rows, np.float64).reshape(len(texts), len(NAMES))[:, wanted]


def _features(text: str) -> tuple[float, ...]:
    words = text.split()
    length, count = max(1, len(text)), max(1, len(words))
    capitals = sum(letter.isupper() for letter in text)
    unique = len(set(words))
    return (
        len(text),
        capitals,
        capitals / length,
        len(words),
        unique,
        unique / count,
        sum(map(len, words)) / count,
        text.count("!"),
        text.count("?"),
        sum(letter in punctuation for letter in text) / length,
        sum(letter.isdigit() for letter in text) / length,
    )


@dataclass(frozen=True)
class Standardizer:
    """Takes a mean of 0 and a deviation of 1 from the rows it was fitted to, and from those alone:
    fitted in every fold afresh, to its training rows, nothing leaks into the fold's validation."""

    mean: Array
    deviation: Array

    @staticmethod
    def fit(rows: npt.ArrayLike) -> Standardizer:
        """``rows``: (samples, features). A feature that never varies is left as it is."""
        values = np.asarray(rows, np.float64)
        deviation = values.std(axis=0)
        return Standardizer(values.mean(axis=0), np.where(deviation > 0, deviation, 1.0))

    def __call__(self, rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The same features in units of the deviation."""
        return ((np.asarray(rows, np.float64) - self.mean) / self.deviation).astype(np.float32)
