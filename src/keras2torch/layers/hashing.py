from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import categories
from keras2torch.registry import Integers, Values, example, layer

WORDS = categories.WORDS + categories.LONG_WORDS
NUMBERS = categories.NUMBERS


@layer(
    "Hashing",
    any_dtype=True,
    autocast=False,
    strings=True,
    examples=[
        example({"num_bins": 1000}, Values((7,), WORDS)),
        example({"num_bins": 1000, "salt": [133, 137]}, Values((7,), WORDS)),
        example({"num_bins": 1000, "salt": -5, "dtype": "int32"}, Values((), WORDS)),
        example({"num_bins": 9, "mask_value": ""}, Values((7, 2), WORDS)),
        example({"num_bins": 1, "mask_value": ""}, Values((1,), WORDS)),
        example({"num_bins": 9, "output_mode": "one_hot"}, Values((1,), WORDS)),
        example({"num_bins": 9, "output_mode": "count"}, Values((6,), WORDS)),
        example({"num_bins": 1000, "mask_value": 7}, Values((7,), NUMBERS)),
        example({"num_bins": 1000, "salt": 133}, Values((7,), NUMBERS)),
        example({"num_bins": 9, "output_mode": "one_hot", "mask_value": 0}, Values((3,), NUMBERS)),
        example({"num_bins": 9, "output_mode": "multi_hot"}, Values((3, 4), NUMBERS)),
        example({"num_bins": 9, "output_mode": "count"}, Integers((), 9)),
        example({"num_bins": 100}, (5,)),
    ],
)
def hashing(step: Step, inputs: Tensor) -> Tensor:
    """Values sorted into bins by a hash of their text."""
    bins = step.config.int("num_bins", low=1)
    mode = step.config.choice("output_mode", ("int", "one_hot", "multi_hot", "count"), "int")
    categories.note_if_sparse(step)
    options: dict[str, Any] = {}
    mask = _mask(step, inputs)
    if mask is not None:
        options["mask"] = mask
    salt = salt_of(step)
    if salt is not None:
        options["salt"] = salt
    categories.sample_values(step, inputs)
    module = step.module(step.helper("Hashing"), bins, **options)
    ids = step.compute("{0}({1})", module, inputs, like=inputs, dtype="int64")
    dtype = categories.dtype_of(step, mode)
    return categories.encoded(step, ids, mode, bins, dtype, inside=True)


def _mask(step: Step, inputs: Tensor) -> str | float | None:
    """The value of bin 0, which must be of the inputs' kind."""
    mask = step.config.raw("mask_value", None)
    if mask is None:
        return None
    kinds: tuple[type, ...] = (str,)
    if inputs.dtype != "string":
        kinds = (int, float) if inputs.dtype in FLOATS else (int,)
    if type(mask) not in kinds:
        raise step.config.wrong("mask_value", f"of the inputs' dtype, {inputs.dtype}", mask)
    if isinstance(mask, float) and float(np.float16(mask)) != mask:
        raise step.unsupported("a mask_value that not every floating dtype can hold")
    return mask  # type: ignore[no-any-return]


def salt_of(step: Step) -> tuple[int, int] | None:
    """The option ``salt``, a key of two numbers of 64 bits without a sign."""
    salt = step.config.raw("salt", None)
    if salt is None:
        return None
    parts = [salt, salt] if type(salt) is int else salt
    if (
        not isinstance(parts, list)
        or [type(part) for part in parts] != [int, int]
        or not all(-(2**63) <= part < 2**63 for part in parts)
    ):
        raise step.config.wrong("salt", "one or two whole numbers", salt)
    return parts[0] % 2**64, parts[1] % 2**64
