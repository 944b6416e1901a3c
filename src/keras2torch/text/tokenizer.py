"""Words to ids as Keras' ``Tokenizer`` and ``pad_sequences`` give them.

Source: keras/src/legacy/preprocessing/text.py, keras/src/utils/sequence_utils.py.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, quoted

FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
Side = Literal["pre", "post"]


@dataclass(frozen=True)
class Tokenizer:
    """A vocabulary with Keras' ids: 0 pads, then ``oov_token`` if there is one, then the words by
    how often they occur (equally frequent ones by their first occurrence).

    Ids from ``num_words`` on are left out of texts, or replaced by the one of ``oov_token``: as in
    Keras, that keeps ``num_words - 1`` words.
    """

    word_index: Mapping[str, int]
    num_words: int | None = None
    filters: str = FILTERS
    lower: bool = True
    split: str = " "
    char_level: bool = False
    oov_token: str | None = None
    _table: dict[int, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_table", str.maketrans(dict.fromkeys(self.filters, self.split)))

    @staticmethod
    def fit(texts: Iterable[str], **options: Any) -> Tokenizer:
        """The tokenizer of these texts; ``options`` are its fields but ``word_index``."""
        empty = Tokenizer({}, **options)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(empty.words(text))
        first = [] if empty.oov_token is None else [empty.oov_token]
        ordered = [*first, *(word for word, _ in counts.most_common())]
        # An oov_token that is a word too has its place among the words, as in Keras.
        return Tokenizer({word: place for place, word in enumerate(ordered, start=1)}, **options)

    @staticmethod
    def from_json(text: str) -> Tokenizer:
        """What Keras' ``Tokenizer.to_json()`` wrote.

        Raises:
            DataError: the text is something else.
        """
        try:
            config = json.loads(text)["config"]
            index = {str(k): int(v) for k, v in json.loads(config["word_index"]).items()}
            keys = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
            return Tokenizer(index, **{key: config[key] for key in keys})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"no Tokenizer of Keras': {quoted(error)}") from error

    def to_json(self) -> str:
        """As Keras writes it, without the counts, which no ids depend on."""
        keys = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
        config = {key: getattr(self, key) for key in keys}
        index = json.dumps(dict(self.word_index))
        return json.dumps({"class_name": "Tokenizer", "config": {**config, "word_index": index}})

    def words(self, text: str) -> list[str]:
        """The words of a text, or its characters."""
        if self.lower:
            text = text.lower()
        if self.char_level:
            return list(text)
        return [word for word in text.translate(self._table).split(self.split) if word]

    def ids(self, texts: Iterable[str]) -> list[list[int]]:
        """The ids of every text's words."""
        limit = self.num_words or math.inf
        known = {word: place for word, place in self.word_index.items() if place < limit}
        unknown = None if self.oov_token is None else self.word_index.get(self.oov_token)
        rows = ([known.get(word, unknown) for word in self.words(text)] for text in texts)
        return [[place for place in row if place is not None] for row in rows]


def pad_sequences(
    rows: Sequence[Sequence[int]],
    length: int | None = None,
    *,
    padding: Side = "pre",
    truncating: Side = "pre",
    value: int = 0,
) -> npt.NDArray[np.int32]:
    """Rows of one length (the longest's without one), filled and cut in front, as Keras does."""
    if length is None:
        length = max(map(len, rows), default=0)
    padded = np.full((len(rows), length), value, np.int32)
    for place, row in enumerate(rows):
        kept = row[max(0, len(row) - length) :] if truncating == "pre" else row[:length]
        start = length - len(kept) if padding == "pre" else 0
        padded[place, start : start + len(kept)] = kept
    return padded
