from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers import categories, merging
from keras2torch.registry import Integers, Values, example, layer

STRINGS = Values((1,), categories.WORDS + categories.LONG_WORDS)


@layer(
    "HashedCrossing",
    any_dtype=True,
    autocast=False,
    strings=True,
    examples=[
        example({"num_bins": 1000}, [STRINGS, Values((1,), categories.NUMBERS)]),
        example({"num_bins": 7}, [Integers((), 9), Values((), ("a", "b"))]),
        example({"num_bins": 7, "dtype": "int32"}, [Values((1,), categories.NUMBERS)] * 2),
        example({"num_bins": 7, "output_mode": "one_hot"}, [STRINGS, STRINGS]),
        example({"num_bins": 7, "output_mode": "one_hot"}, [Integers((), 9)] * 2),
    ],
)
def hashed_crossing(step: Step, inputs: Any) -> Tensor:
    """One bin for each combination of several features' values, by a hash."""
    step.only_on_tensorflow()
    bins = step.config.int("num_bins", low=1)
    mode = step.config.choice("output_mode", ("int", "one_hot"), "int")
    categories.note_if_sparse(step)
    features = merging.inputs_of(step, inputs)
    first = features[0]
    for x in features:
        if x.dtype not in INTEGER_DTYPES[:-1] and x.dtype != "string":
            raise step.unsupported(f"an input of dtype {x.dtype}")
        if x.shape != first.shape or x.rank > 2 or (x.rank == 2 and x.shape[1] != 1):
            raise step.unsupported(f"an input of shape {x.shape}")
        categories.sample_values(step, x)
    if len(features) < 2:
        raise step.unsupported("a call on one input")
    module = step.module(step.helper("HashedCrossing"), bins)
    given = ", ".join(f"{{{place}}}" for place in range(1, len(features) + 1))
    ids = step.compute(f"{{0}}({given})", module, *features, like=first, dtype="int64")
    dtype = categories.dtype_of(step, mode)
    return categories.encoded(step, ids, mode, bins, dtype, inside=True)
