"""Keras' TextVectorization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch.errors import quoted
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import vocabularies
from keras2torch.registry import Values, example, layer

TEXTS = (
    "The quick brown fox, the lazy dog!",
    "",
    "don't PANIC -- \u00dcber-fox's \u00c9T\u00c9 \u00e9t\u00e9",
    " the\tfox\n\x0bthe \x1fdog\u00a0fox\u2003the ",
    "fox",
    "?!... the",
    "brown brown dog [UNK] \U0001f98a",
)
WIDEST_NGRAM = 100
KNOWN = ["the", "fox", "brown", "dog", "\u00c9t\u00e9", "\u00e9t\u00e9", "quick brown", "the lazy"]
# Keras' own from_config needs these.
KEYS = {"standardize": "lower_and_strip_punctuation", "split": "whitespace", "ngrams": None}
LETTERS = list("thefoxd \u00dc\u00e9")


@layer(
    "TextVectorization",
    any_dtype=True,
    autocast=False,
    strings=True,
    examples=[
        example({**KEYS, "vocabulary": KNOWN}, Values((1,), TEXTS)),
        example({**KEYS, "vocabulary": KNOWN, "output_sequence_length": 5}, Values((), TEXTS)),
        example(KEYS, Values((1,), TEXTS), adapt=list(TEXTS)),
        example({**KEYS, "ngrams": 2, "max_tokens": 30}, Values((1,), TEXTS), adapt=list(TEXTS)),
        example({**KEYS, "vocabulary": KNOWN, "ngrams": [2, 3]}, Values((1,), TEXTS)),
        example({**KEYS, "vocabulary": KNOWN, "ragged": True}, Values((1,), TEXTS)),
        example(
            {**KEYS, "vocabulary": KNOWN, "ragged": True, "output_sequence_length": 4},
            Values((), TEXTS),
        ),
        example({**KEYS, "vocabulary": KNOWN, "standardize": "lower"}, Values((1,), TEXTS)),
        example(
            {**KEYS, "vocabulary": KNOWN, "standardize": "strip_punctuation"}, Values((1,), TEXTS)
        ),
        example({**KEYS, "vocabulary": KNOWN, "standardize": None}, Values((1,), TEXTS)),
        example({**KEYS, "vocabulary": LETTERS, "split": "character"}, Values((1,), TEXTS)),
        example({**KEYS, "vocabulary": KNOWN, "split": None}, Values((), TEXTS)),
        example(
            {**KEYS, "vocabulary": KNOWN, "split": None, "output_sequence_length": 2},
            Values((3,), ("the", "Fox!", "", "zz")),
        ),
        example(
            {**KEYS, "vocabulary": KNOWN, "split": None, "ngrams": 2, "output_sequence_length": 6},
            Values((3,), ("the", "quick", "brown", "lazy")),
        ),
        example({**KEYS, "vocabulary": KNOWN, "output_mode": "multi_hot"}, Values((1,), TEXTS)),
        example(
            {
                **KEYS,
                "vocabulary": KNOWN,
                "output_mode": "count",
                "max_tokens": 12,
                "pad_to_max_tokens": True,
                "ngrams": 2,
            },
            Values((1,), TEXTS),
        ),
        example(
            {
                **KEYS,
                "vocabulary": KNOWN[:3],
                "output_mode": "tf_idf",
                "idf_weights": [0.3, 0.5, 0.7],
            },
            Values((1,), TEXTS),
        ),
        example({**KEYS, "output_mode": "tf_idf"}, Values((1,), TEXTS), adapt=list(TEXTS)),
        example(
            {**KEYS, "vocabulary": KNOWN, "output_mode": "one_hot"},
            Values((1,), ("fox the", "a b")),
        ),
        example(
            {**KEYS, "vocabulary": KNOWN, "output_mode": "one_hot", "split": None},
            Values((2,), TEXTS),
        ),
        example(
            {**KEYS, "vocabulary": KNOWN, "output_mode": "count", "split": None},
            Values((2,), TEXTS),
        ),
    ],
)
def text_vectorization(step: Step, inputs: Tensor) -> Tensor:
    """Texts to the numbers of their words in a vocabulary, or an encoding of them."""
    config = step.config
    if inputs.dtype != "string":
        raise step.unsupported(f"an input of dtype {inputs.dtype}")
    config.ignore("encoding")  # of terms that are read out
    options = _standardize(step)
    split = _named_or_none(step, "split", ("whitespace", "character"), "whitespace")
    if split != "whitespace":
        options["split"] = split
    ngrams = _ngrams(step)
    if ngrams is not None:
        options["ngrams"] = ngrams
    length = config.int_or_none("output_sequence_length", low=1)
    ragged = config.bool("ragged", False)
    lookup = step.weights.child("_lookup_layer")
    stores = [step.weights, lookup]
    vocabulary = vocabularies.vocabulary_of(step, str, "", "[UNK]", 1, stores)
    if length is not None:
        options["length"] = length
    if ragged:
        options["ragged"] = True
    step.sample(inputs, vocabularies.samples_of(vocabulary, inputs, text=split is not None))
    if vocabulary.mask_id:
        options["mask_id"] = vocabulary.mask_id
    if ragged or (vocabulary.mode == "one_hot" and split is not None):
        step.note("fills rows up to one length where Keras returns a ragged tensor")
    terms = step.vocabulary(vocabulary.terms)
    module = step.module(step.helper("TextVectorization"), terms, **options)
    ids = _ids(step, inputs, module, options)
    return vocabularies.encoded(step, ids, vocabulary, stores)


def _ids(step: Step, inputs: Tensor, module: Module, options: Mapping[str, Any]) -> Tensor:
    """The numbers of the words, (batch, words); without a split (batch) stays (batch)."""
    splits = "split" not in options or options["split"] is not None
    length = None if "ragged" in options else options.get("length")
    if (inputs.shape[1:] not in ((), (1,))) if splits else inputs.rank not in (1, 2):
        raise step.unsupported(f"this split of an input of shape {inputs.shape}")
    if splits or inputs.rank == 2:
        if not splits and not options.keys() & {"length", "ngrams"}:
            length = inputs.shape[1]
        shape = (inputs.shape[0], length)
        return step.compute("{0}({1})", module, inputs, like=inputs, shape=shape, dtype="int64")
    if options.keys() & {"length", "ngrams"}:  # Keras takes the batch for one row of words then
        raise step.unsupported(f"split=None on an input of shape {inputs.shape}")
    return step.compute(
        "{0}([[word] for word in {1}]).squeeze(1)", module, inputs, like=inputs, dtype="int64"
    )


def _standardize(step: Step) -> dict[str, Any]:
    choices = ("lower_and_strip_punctuation", "lower", "strip_punctuation")
    chosen = _named_or_none(step, "standardize", choices, choices[0])
    options = {}
    if chosen not in (choices[0], "lower"):
        options["lower"] = False
    if chosen not in (choices[0], "strip_punctuation"):
        options["strip_punctuation"] = False
    return options


def _named_or_none(step: Step, key: str, choices: tuple[str, ...], default: str) -> str | None:
    """An option that names a way; a Python function can't be ported."""
    value = step.config.raw(key, default)
    if isinstance(value, dict):
        raise step.unsupported(f"the Python function {quoted(value.get('config'), 60)} as {key}")
    return None if value is None else step.config.choice(key, choices, default)


def _ngrams(step: Step) -> tuple[int, ...] | None:
    value = step.config.raw("ngrams", None)
    if value is None:
        return None
    if type(value) is int and value <= WIDEST_NGRAM:
        value = list(range(1, value + 1))
    if not isinstance(value, list) or not value or any(type(v) is not int or v < 1 for v in value):
        raise step.config.wrong("ngrams", "positive whole numbers", value)
    return tuple(value)
