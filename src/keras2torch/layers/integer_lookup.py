from __future__ import annotations

from typing import Any

from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import vocabularies
from keras2torch.layers.hashing import salt_of
from keras2torch.layers.vocabularies import Vocabulary
from keras2torch.registry import Integers, Values, example, layer

KNOWN = [12, -4, 7, 1_000_000]
NUMBERS = (12, -4, 7, 1_000_000, 0, 1, -9, 8, -1)


@layer(
    "IntegerLookup",
    any_dtype=True,
    autocast=False,
    examples=[
        example({"vocabulary": KNOWN}, Values((7,), NUMBERS)),
        example({"vocabulary": KNOWN}, Integers((), 13)),
        example({"vocabulary": KNOWN, "mask_token": 0}, Values((2, 7), NUMBERS)),
        example({"vocabulary": [0, -1, *KNOWN], "mask_token": 0}, Values((9,), NUMBERS)),
        example({"vocabulary": KNOWN, "num_oov_indices": 0}, Values((3,), tuple(KNOWN))),
        example({"vocabulary": KNOWN, "num_oov_indices": 3}, Values((None,), NUMBERS)),
        example(
            {"vocabulary": KNOWN, "num_oov_indices": 3, "oov_method": "farmhash"},
            Values((7,), NUMBERS),
        ),
        example(
            {
                "vocabulary": KNOWN,
                "num_oov_indices": 3,
                "oov_method": "farmhash",
                "salt": [1, 2],
                "mask_token": 8,
            },
            Values((7,), NUMBERS),
        ),
        example({"num_oov_indices": 2}, Values((7,), NUMBERS), adapt=[*KNOWN, 7, 7, -4]),
        example({"vocabulary": list(range(5, 105))}, Integers((7,), 120)),
        example({"vocabulary": KNOWN, "output_mode": "one_hot"}, Values((1,), NUMBERS)),
        example(
            {"vocabulary": KNOWN, "output_mode": "multi_hot", "mask_token": 8},
            Values((6,), NUMBERS),
        ),
        example({"vocabulary": KNOWN, "output_mode": "count"}, Values((3, 2), NUMBERS)),
        example(
            {
                "vocabulary": KNOWN,
                "output_mode": "tf_idf",
                "idf_weights": [0.3, 0.25, 1.5, 0.7],
                "max_tokens": 8,
                "pad_to_max_tokens": True,
            },
            Values((6,), NUMBERS),
        ),
        example({"vocabulary": KNOWN, "invert": True}, Values((4,), (-1, 0, 1, 2, 4, 5, 6))),
        example(
            {"vocabulary": KNOWN, "invert": True, "mask_token": 0, "oov_token": -8},
            Values((4,), (-1, 0, 1, 2, 5, 6)),
        ),
        example({"vocabulary": [0, 1, -1]}, (4,)),
    ],
)
def integer_lookup(step: Step, inputs: Tensor) -> Any:
    """Whole numbers to their numbers in a vocabulary, or back."""
    config = step.config
    config.require("vocabulary_dtype", "int64", "int64")
    unknown = config.int("num_oov_indices", 1, low=0)
    mask = _number_or_none(step, "mask_token", None)
    oov = _number_or_none(step, "oov_token", -1)
    hashed = config.choice("oov_method", ("floormod", "farmhash"), "floormod") == "farmhash"
    invert = config.bool("invert", False)
    salt = salt_of(step)
    if inputs.dtype == "string":
        raise step.unsupported("an input of strings")
    vocabulary = vocabularies.vocabulary_of(step, int, mask, oov, unknown, [step.weights])
    if not vocabulary.terms:
        raise step.unsupported("being saved without a vocabulary")
    if invert:
        return _names(step, inputs, vocabulary, oov)
    if inputs.dtype not in FLOATS:
        step.sample(inputs, vocabularies.samples_of(vocabulary, inputs))
    options: dict[str, Any] = {}
    if unknown != 1:
        options["unknown"] = unknown
    if mask is not None:
        options["mask"] = mask
        if vocabulary.mask_id:
            options["mask_id"] = vocabulary.mask_id
    kind = "HashedIntegerLookup" if hashed and unknown > 1 else "IntegerLookup"
    if kind == "HashedIntegerLookup" and salt is not None:
        options["salt"] = salt
    terms = step.vocabulary(vocabulary.terms)
    module = step.module(step.helper(kind), terms, **options)
    ids = step.compute("{0}({1})", module, inputs, like=inputs, dtype="int64")
    return vocabularies.encoded(step, ids, vocabulary, [step.weights])


def _names(step: Step, inputs: Tensor, vocabulary: Vocabulary, oov: int | None) -> Tensor:
    if oov is None or vocabulary.mode != "int":
        raise step.unsupported("invert without an oov_token")
    options = {} if vocabulary.mask is None else {"mask": vocabulary.mask}
    terms = step.vocabulary(vocabulary.terms)
    module = step.module(
        step.helper("IntegerNames"), terms, first=vocabulary.first, unknown=oov, **options
    )
    return step.compute("{0}({1})", module, inputs, like=inputs, dtype="int64")


def _number_or_none(step: Step, key: str, default: int | None) -> int | None:
    value = step.config.raw(key, default)
    if value is not None and (type(value) is not int or not -(2**63) <= value < 2**63):
        raise step.config.wrong(key, "a whole number of 64 bits", value)
    return value
