from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers import vocabularies
from keras2torch.layers.hashing import salt_of
from keras2torch.layers.vocabularies import Vocabulary
from keras2torch.registry import Integers, Values, example, layer

WORDS = ("alpha", "beta", "\u00fcber", "", "omega", "a 'b\" \\ {0}", "Alpha", "unseen", "[UNK]")
KNOWN = ["beta", "\u00fcber", "alpha", "a 'b\" \\ {0}"]
NUMBERED = [f"word{n}" for n in range(60)]


@layer(
    "StringLookup",
    any_dtype=True,
    autocast=False,
    strings=True,
    examples=[
        example({"vocabulary": KNOWN}, Values((7,), WORDS)),
        example({"vocabulary": KNOWN, "mask_token": ""}, Values((2, 7), WORDS)),
        example({"vocabulary": ["", "[UNK]", *KNOWN], "mask_token": ""}, Values((9,), WORDS)),
        example({"vocabulary": KNOWN, "num_oov_indices": 0}, Values((), tuple(KNOWN))),
        example({"vocabulary": KNOWN, "num_oov_indices": 3}, Values((None,), WORDS)),
        example({"vocabulary": NUMBERED}, Values((7,), ("word0", "word59", "word60"))),
        example({"vocabulary": KNOWN, "num_oov_indices": 3, "salt": 7}, Values((7,), WORDS)),
        example({"mask_token": ""}, Values((7,), WORDS), adapt=[*KNOWN, "beta", "\x1f\t b"]),
        example({"vocabulary": KNOWN, "output_mode": "one_hot"}, Values((4,), WORDS)),
        example(
            {"vocabulary": KNOWN, "output_mode": "one_hot", "mask_token": ""}, Values((1,), WORDS)
        ),
        example(
            {"vocabulary": KNOWN, "output_mode": "multi_hot", "mask_token": ""},
            Values((6,), WORDS),
        ),
        example(
            {
                "vocabulary": KNOWN,
                "output_mode": "count",
                "max_tokens": 9,
                "pad_to_max_tokens": True,
            },
            Values((6,), WORDS),
        ),
        example(
            {
                "vocabulary": KNOWN,
                "output_mode": "tf_idf",
                "idf_weights": [0.3, 0.25, 1.5, 0.7],
                "num_oov_indices": 2,
            },
            Values((6,), WORDS),
        ),
        example({"output_mode": "tf_idf"}, Values((6,), WORDS), adapt=[KNOWN[:2], KNOWN[1:3]]),
        example({"vocabulary": KNOWN, "invert": True}, Integers((4,), 6)),
        example(
            {"vocabulary": KNOWN, "invert": True, "mask_token": "", "num_oov_indices": 2},
            Values((4,), (-1, 0, 1, 2, 3, 6, 7)),
        ),
    ],
)
def string_lookup(step: Step, inputs: Tensor) -> Any:
    """Words to their numbers in a vocabulary, or back."""
    config = step.config
    config.ignore("encoding", "oov_method")  # of terms that are read out; of whole numbers
    unknown = config.int("num_oov_indices", 1, low=0)
    mask, oov = (_text_or_none(step, key) for key in ("mask_token", "oov_token"))
    invert = config.bool("invert", False)
    salt = salt_of(step)
    vocabulary = vocabularies.vocabulary_of(step, str, mask, oov, unknown, [step.weights])
    if invert:
        return _names(step, inputs, vocabulary, oov)
    if inputs.dtype != "string":
        raise step.unsupported(f"an input of dtype {inputs.dtype}")
    step.sample(inputs, vocabularies.samples_of(vocabulary, inputs))
    options: dict[str, Any] = {}
    if unknown != 1:
        options["unknown"] = unknown
    if mask is not None:
        options["mask"] = mask
        if vocabulary.mask_id:
            options["mask_id"] = vocabulary.mask_id
    kind = "HashedStringLookup" if unknown > 1 else "StringLookup"
    if salt is not None and unknown > 1:
        options["salt"] = salt
    terms = step.vocabulary(vocabulary.terms)
    module = step.module(step.helper(kind), terms, **options)
    ids = step.compute("{0}({1})", module, inputs, like=inputs, dtype="int64")
    return vocabularies.encoded(step, ids, vocabulary, [step.weights])


def _names(step: Step, inputs: Tensor, vocabulary: Vocabulary, oov: str | None) -> Tensor:
    if inputs.dtype not in INTEGER_DTYPES or oov is None or vocabulary.mode != "int":
        raise step.unsupported(f"invert of an input of dtype {inputs.dtype}")
    options = {} if vocabulary.mask is None else {"mask": vocabulary.mask}
    terms = step.vocabulary(vocabulary.terms)
    module = step.module(
        step.helper("StringNames"), terms, first=vocabulary.first, unknown=oov, **options
    )
    step.limit(inputs, vocabulary.first + len(vocabulary.terms))
    return step.compute("{0}({1})", module, inputs, like=inputs, dtype="string")


def _text_or_none(step: Step, key: str) -> str | None:
    default = "[UNK]" if key == "oov_token" else None
    if step.config.raw(key, default) is None:
        return None
    return step.config.text(key, "[UNK]")
