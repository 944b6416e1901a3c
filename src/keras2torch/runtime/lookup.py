"""Keras' lookup layers: words and whole numbers to their numbers in a vocabulary, and back."""

from __future__ import annotations

import string
from typing import Any

import torch
from torch import Tensor, nn

from keras2torch.runtime.hashing import hash_bin
from keras2torch.runtime.nested import map_nested


class StringLookup(nn.Module):
    """Keras' StringLookup: words to their numbers.

    The numbers count ``mask`` (one, if there is a mask word and its number is 0), then ``unknown``
    numbers for words that are not in the vocabulary, then the vocabulary. A mask word with the
    number -1 counts for nothing.
    x: (batch, ...) nested lists of strings -> (batch, ...), int64.
    Source: keras/src/layers/preprocessing/index_lookup.py.
    """

    place: Tensor  # where the numbers are brought to: the module's device

    def __init__(
        self,
        vocabulary: list[str],
        *,
        unknown: int = 1,
        mask: str | None = None,
        mask_id: int = 0,
    ) -> None:
        super().__init__()
        self.unknown = unknown
        self.first = 1 if mask is not None and mask_id == 0 else 0
        start = self.first + unknown
        self.ids = dict(zip(vocabulary, range(start, start + len(vocabulary)), strict=True))
        if mask is not None:
            self.ids[mask] = mask_id
        self.register_buffer("place", torch.empty(0), persistent=False)

    def id_of(self, word: str) -> int:
        known = self.ids.get(word)
        return self.unknown_id(word) if known is None else known

    def unknown_id(self, word: str) -> int:
        if self.unknown == 0:
            raise ValueError(f"{word!r} is not in the vocabulary")
        return self.first

    def forward(self, x: list[Any]) -> Tensor:
        return torch.tensor(map_nested(self.id_of, x), device=self.place.device)


class HashedStringLookup(StringLookup):
    """A StringLookup in which a hash chooses among several numbers for unknown words."""

    def __init__(
        self,
        vocabulary: list[str],
        *,
        unknown: int,
        mask: str | None = None,
        mask_id: int = 0,
        salt: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(vocabulary, unknown=unknown, mask=mask, mask_id=mask_id)
        self.salt = salt

    def unknown_id(self, word: str) -> int:
        return self.first + hash_bin(word, self.unknown, self.salt)


class TextVectorization(StringLookup):
    """Keras' TextVectorization: texts to the numbers of their words.

    As in TensorFlow, only ASCII letters are lowered, and only ASCII white space splits. Rows are
    cut to ``length`` and filled up to it with ``mask_id``; to the longest row without a length, or
    if ``ragged``.
    x: (batch) or (batch, 1) strings; without ``split`` (batch, words) -> (batch, length), int64.
    Source: keras/src/layers/preprocessing/text_vectorization.py.
    """

    def __init__(
        self,
        vocabulary: list[str],
        *,
        lower: bool = True,
        strip_punctuation: bool = True,
        split: str | None = "whitespace",
        ngrams: tuple[int, ...] = (1,),
        length: int | None = None,
        ragged: bool = False,
        mask_id: int = 0,
    ) -> None:
        super().__init__(vocabulary, mask="", mask_id=mask_id)
        self.lower = lower
        self.strip_punctuation = strip_punctuation
        self.split = split
        self.ngrams = ngrams
        self.length = length
        self.ragged = ragged
        self.fill = mask_id

    def standardize(self, text: str) -> bytes:
        data = text.encode()
        if self.lower:
            data = data.lower()
        if self.strip_punctuation:
            data = data.translate(None, string.punctuation.encode())
        return data

    def words(self, text: Any) -> list[str]:
        """The words, or groups of words, of one text."""
        if self.split is None:
            words = [self.standardize(word).decode() for word in text]
        else:
            data = self.standardize(text if isinstance(text, str) else text[0])
            characters = self.split == "character"
            words = list(data.decode()) if characters else [w.decode() for w in data.split()]
        return [
            " ".join(words[start : start + size])
            for size in self.ngrams
            for start in range(len(words) - size + 1)
        ]

    def forward(self, x: list[Any]) -> Tensor:
        rows = [[self.id_of(word) for word in self.words(text)] for text in x]
        length = max((len(row) for row in rows), default=0)
        if self.length is not None:
            length = min(length, self.length) if self.ragged else self.length
        filled = [row[:length] + [self.fill] * (length - len(row)) for row in rows]
        return torch.tensor(filled, dtype=torch.long, device=self.place.device)


class StringNames(nn.Module):
    """Keras' StringLookup with ``invert``: numbers back to words.

    ``first`` numbers come before the vocabulary; the number 0 is ``mask`` if there is one.
    x: (batch, ...) whole numbers -> nested lists of strings.
    """

    def __init__(
        self, vocabulary: list[str], *, first: int, unknown: str, mask: str | None = None
    ) -> None:
        super().__init__()
        self.unknown = unknown
        self.names = dict(enumerate(vocabulary, start=first))
        if mask is not None:
            self.names[0] = mask

    def name_of(self, number: int) -> str:
        return self.names.get(number, self.unknown)

    def forward(self, x: Tensor) -> Any:
        return map_nested(self.name_of, x.long().tolist())


class IntegerLookup(nn.Module):
    """Keras' IntegerLookup: whole numbers to their numbers in a vocabulary.

    As in StringLookup; several ``unknown`` numbers are chosen by remainder.
    x: (batch, ...) -> (batch, ...), int64.
    Source: keras/src/layers/preprocessing/index_lookup.py.
    """

    keys: Tensor  # the vocabulary, sorted
    ids: Tensor  # and its numbers

    def __init__(
        self,
        vocabulary: list[int],
        *,
        unknown: int = 1,
        mask: int | None = None,
        mask_id: int = 0,
    ) -> None:
        super().__init__()
        self.unknown = unknown
        self.first = 1 if mask is not None and mask_id == 0 else 0
        start = self.first + unknown
        ids = list(range(start, start + len(vocabulary)))
        if mask is not None:
            vocabulary, ids = [*vocabulary, mask], [*ids, mask_id]
        keys, order = torch.tensor(vocabulary).sort()
        self.register_buffer("keys", keys, persistent=False)
        self.register_buffer("ids", torch.tensor(ids)[order], persistent=False)

    def unknown_ids(self, x: Tensor) -> Tensor:
        return x.remainder(self.unknown) + self.first

    def forward(self, x: Tensor) -> Tensor:
        x = x.long()
        place = torch.searchsorted(self.keys, x).clamp(max=len(self.keys) - 1)
        known = self.keys[place] == x
        if self.unknown == 0:
            if not known.all():
                raise ValueError("a number is not in the vocabulary")
            return self.ids[place]
        return torch.where(known, self.ids[place], self.unknown_ids(x))


class HashedIntegerLookup(IntegerLookup):
    """An IntegerLookup in which a hash chooses among several numbers for unknown ones."""

    def __init__(
        self,
        vocabulary: list[int],
        *,
        unknown: int,
        mask: int | None = None,
        mask_id: int = 0,
        salt: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(vocabulary, unknown=unknown, mask=mask, mask_id=mask_id)
        self.salt = salt

    def bin_of(self, number: int) -> int:
        return self.first + hash_bin(number, self.unknown, self.salt)

    def unknown_ids(self, x: Tensor) -> Tensor:
        return torch.tensor(map_nested(self.bin_of, x.tolist()), device=x.device)


class IntegerNames(nn.Module):
    """Keras' IntegerLookup with ``invert``: numbers back to the vocabulary's.

    ``first`` numbers come before the vocabulary; the number 0 is ``mask`` if there is one.
    x: (batch, ...) -> (batch, ...), int64.
    """

    names: Tensor

    def __init__(
        self, vocabulary: list[int], *, first: int, unknown: int, mask: int | None = None
    ) -> None:
        super().__init__()
        self.first = first
        self.unknown = unknown
        self.mask = mask
        self.register_buffer("names", torch.tensor(vocabulary), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        place = x.long() - self.first
        known = (place >= 0) & (place < len(self.names))
        found = self.names[place.clamp(0, len(self.names) - 1)]
        found = torch.where(known, found, self.unknown)
        return found if self.mask is None else torch.where(x == 0, self.mask, found)
