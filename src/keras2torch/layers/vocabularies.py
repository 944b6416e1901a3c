"""What the lookup layers share: their vocabularies, from the config or from a stored file.

Source: keras/src/layers/preprocessing/index_lookup.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from keras2torch.errors import ConfigError, WeightsError, quoted
from keras2torch.ir.dtypes import DEFAULT
from keras2torch.ir.program import Samples, Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.weights import Weight, Weights
from keras2torch.layers import categories

FILE = "vocabulary.txt"
MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf", "binary", "tf-idf")
MOST_SAMPLES = 16
LONGEST_SAMPLE = 100
UNKNOWN_WORDS = ("", "unknown", "Not, in it!", "\u00c9t\u00e9")


@dataclass(frozen=True)
class Vocabulary:
    """The terms of a lookup layer, and the numbers around them.

    ``first`` numbers come before those of the terms: of the mask, and of unknown terms.
    """

    terms: list[Any]
    mask: Any
    unknown: int
    first: int
    mode: str
    depth: int

    @property
    def mask_id(self) -> int:
        """The mask has number 0; in encodings it counts for nothing."""
        return 0 if self.mode == "int" else -1


def vocabulary_of(
    step: Step, kind: type, mask: Any, oov: Any, unknown: int, files: Sequence[Weights]
) -> Vocabulary:
    """Read the vocabulary: terms are of the ``kind`` str or int. ``files`` may store it, the last
    one counts."""
    step.only_on_tensorflow()
    config = step.config
    mode = config.choice("output_mode", MODES, "int")
    mode = {"binary": "multi_hot", "tf-idf": "tf_idf"}.get(mode, mode)
    config.ignore("vocabulary_size", "has_input_vocabulary")  # they follow from the vocabulary
    config.ignore("idf_weights")  # stored among the weights as they are used
    categories.note_if_sparse(step)
    given = config.raw("vocabulary", None)
    stored = [found for file in files if (found := file.asset(FILE)) is not None]
    if given is None and stored:
        given = _terms(step, stored[-1], kind)
    _check(step, given, kind)
    before = 1 if mask is not None and mode == "int" else 0
    first = before + unknown
    special = [mask] * before + [oov] * unknown
    terms = given[first:] if given[:first] == special else given
    if len(set(terms)) < len(terms) or (mask is not None and mask in terms):
        raise ConfigError(f"{step.where}: its vocabulary has a term twice")
    size = first + len(terms)
    most = config.int_or_none("max_tokens", low=1)
    if most is not None and size > most:
        raise ConfigError(f"{step.where}: its vocabulary is longer than max_tokens={most}")
    padded = config.bool("pad_to_max_tokens", False)
    return Vocabulary(terms, mask, unknown, first, mode, most if padded and most else size)


def _terms(step: Step, stored: bytes, kind: type) -> list[Any]:
    """The terms in a stored file: one in each line, as Keras reads lines."""
    try:
        text = stored.decode()
    except UnicodeDecodeError as error:
        raise WeightsError(f"{step.where}: {FILE} is not text in UTF-8") from error
    lines = text.replace("\r\n", "\n").replace("\r", "\n").splitlines()
    while lines and lines[-1] == "":
        lines.pop()
    if kind is str:
        return lines
    strange = next((line for line in lines if not re.fullmatch(r"-?[0-9]{1,19}", line)), None)
    if strange is not None:
        raise WeightsError(f"{step.where}: {FILE} must hold numbers, found {quoted(strange)}")
    return [int(line) for line in lines]


def _check(step: Step, terms: Any, kind: type) -> None:
    if isinstance(terms, str):
        raise step.unsupported("a vocabulary in a file outside of the model")
    if not isinstance(terms, list) or not terms:
        raise step.unsupported("being saved without a vocabulary")
    for term in terms:
        if type(term) is not kind:
            raise ConfigError(f"{step.where}: {quoted(term)} in its vocabulary is of another kind")
        if isinstance(term, int) and not -(2**63) <= term < 2**63:
            raise ConfigError(f"{step.where}: {term} in its vocabulary has more than 64 bits")
        if isinstance(term, str) and any(c == "\0" or "\ud800" <= c <= "\udfff" for c in term):
            raise ConfigError(f"{step.where}: {quoted(term)} in its vocabulary is no text")


def samples_of(vocabulary: Vocabulary, x: Tensor, *, text: bool = False) -> Samples:
    """Values to try the layer with: known ones, the mask, and unknown ones if it takes them."""
    terms = vocabulary.terms
    chosen = terms[:: max(1, len(terms) // MOST_SAMPLES)][:MOST_SAMPLES]
    if vocabulary.mask is not None:
        chosen = [*chosen, vocabulary.mask]
    if x.dtype == "string":
        chosen = [term for term in chosen if len(term) <= LONGEST_SAMPLE]
        unknown: tuple[Any, ...] = UNKNOWN_WORDS
    else:
        limit = 2**31 if x.dtype != "int64" else 2**63
        chosen = [term for term in chosen if -limit <= term < limit]
        unknown = (max(terms) + 1, -77, 0) if max(terms) + 1 < limit else (-77, 0)
    if vocabulary.unknown:
        chosen = [*chosen, *unknown]
    return Samples(tuple(dict.fromkeys(chosen)), only=not vocabulary.unknown, text=text)


def encoded(step: Step, ids: Tensor, vocabulary: Vocabulary, weights: Sequence[Weights]) -> Tensor:
    """The encoding of the ids. ``weights`` may hold those of tf_idf, the last ones count."""
    if vocabulary.mode == "int":
        return ids
    depth = vocabulary.depth
    if vocabulary.mode != "tf_idf":
        inside = vocabulary.mask is None
        return categories.encoded(step, ids, vocabulary.mode, depth, "int64", inside=inside)
    counts = categories.encoded(step, ids, "count", depth, "int64", inside=False)
    found: list[Weight] = [w for group in weights if (w := group.named("idf_weights")) is not None]
    if not found or found[-1].shape != (depth,):
        raise WeightsError(f"{step.where}: idf_weights must be {depth} numbers")
    if step.precision.policy != DEFAULT:
        raise step.unsupported(f"dtype policy {step.precision.policy}")
    module = step.module(step.helper("InverseFrequency"), depth, part="idf")
    module.buffers["weight"] = found[-1]
    return step.compute("{0}({1})", module, counts, like=counts, dtype="float32")
