"""Numbers that describe a text beside its words: article A's second input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import punctuation

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SIGNS = frozenset(punctuation)
# Of the text and its words.
FEATURES: Mapping[str, Callable[[str, Sequence[str]], float]] = {
    "characters": lambda text, words: len(text),
    "capitals": lambda text, words: sum(map(str.isupper, text)),
    "capitals_ratio": lambda text, words: sum(map(str.isupper, text)) / max(1, len(text)),
    "words": lambda text, words: len(words),
    "unique_words": lambda text, words: len(set(words)),
    "unique_ratio": lambda text, words: len(set(words)) / max(1, len(words)),
    "mean_word_length": lambda text, words: sum(map(len, words)) / max(1, len(words)),
    "exclamations": lambda text, words: text.count("!"),
    "questions": lambda text, words: text.count("?"),
    "punctuation_ratio": lambda text, words: sum(map(SIGNS.__contains__, text)) / max(1, len(text)),
    "digits_ratio": lambda text, words: sum(map(str.isdigit, text)) / max(1, len(text)),
}
NAMES = tuple(FEATURES)


def meta_features(texts: Sequence[str], names: Sequence[str] = NAMES) -> Array:
    """The features ``names`` of every text: (texts, features). An empty text's are all 0.

    Raises:
        ValueError: a feature that there is not.
    """
    unknown = [name for name in names if name not in FEATURES]
    if unknown:
        raise ValueError(f"no feature is called {unknown[0]!r}: there are {', '.join(NAMES)}")
    wanted = [FEATURES[name] for name in names]
    split = ((text, text.split()) for text in texts)
    rows = [[feature(text, words) for feature in wanted] for text, words in split]
    return np.array(rows, np.float64).reshape(len(texts), len(wanted))


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
