"""A vocabulary as Keras' ``TextVectorization.adapt`` makes it, in the module that ports use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from keras2torch.runtime.lookup import TextVectorization


def vectorization(
    texts: Iterable[str], max_tokens: int | None = None, **options: Any
) -> TextVectorization:
    """``TextVectorization`` (see there for the ``options``) with the vocabulary of these texts.

    Id 0 pads, 1 stands for unknown words, then come the words by how often they occur, equally
    frequent ones from the last of the alphabet to the first. ``max_tokens`` counts 0 and 1 too.
    Source: keras/src/layers/preprocessing/index_lookup.py.
    """
    empty = TextVectorization([], **options)
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(word.encode() for word in empty.words(text))
    counts.pop(b"", None)
    ordered = sorted(counts, key=lambda word: (counts[word], word), reverse=True)
    kept = ordered if max_tokens is None else ordered[: max_tokens - 2]
    return TextVectorization([word.decode() for word in kept], **options)
