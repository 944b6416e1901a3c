from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.integer_lookup import integer_lookup
from keras2torch.layers.string_lookup import string_lookup
from keras2torch.registry import Values, example, layer

OPTIONS = {"max_tokens": None, "num_oov_indices": 1, "mask_token": None}


@layer(
    "IndexLookup",
    autocast=False,
    strings=True,
    examples=[
        example(
            {**OPTIONS, "oov_token": "?", "vocabulary_dtype": "string", "vocabulary": ["a", "b"]},
            Values((3,), ("a", "b", "?", "c")),
        ),
        example(
            {**OPTIONS, "oov_token": -1, "vocabulary_dtype": "int64", "vocabulary": [5, 4, 7]},
            Values((3,), (4, 5, 6, 7)),
        ),
    ],
)
def index_lookup(step: Step, inputs: Tensor) -> Any:
    """StringLookup or IntegerLookup, by the dtype of its vocabulary."""
    dtype = step.config.choice("vocabulary_dtype", ("string", "int64"))
    return string_lookup(step, inputs) if dtype == "string" else integer_lookup(step, inputs)
