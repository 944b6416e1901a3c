from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import categories
from keras2torch.registry import Integers, example, layer


@layer(
    "CategoryEncoding",
    any_dtype=True,
    autocast=False,
    examples=[
        example({"num_tokens": 5}, Integers((4,), 5)),
        example({"num_tokens": 5, "output_mode": "one_hot"}, Integers((4,), 7)),
        example({"num_tokens": 5, "output_mode": "one_hot"}, Integers((1,), 5)),
        example({"num_tokens": 5, "output_mode": "one_hot"}, Integers((), 5)),
        example({"num_tokens": 5, "output_mode": "count"}, Integers((None,), 7)),
        example({"num_tokens": 5, "output_mode": "count"}, Integers((3, 4), 7)),
        example({"num_tokens": 5, "output_mode": "multi_hot"}, Integers((3, 4), 5)),
        example({"num_tokens": 5}, Integers((), 5)),
        example({"num_tokens": 6, "output_mode": "count", "dtype": "int32"}, Integers((4,), 5)),
        example(
            {"num_tokens": 6, "output_mode": "count"},
            Integers((4,), 5),
            call={"count_weights": [4]},
        ),
        example(
            {"num_tokens": 6, "output_mode": "count"},
            Integers((3, 2), 5),
            call={"count_weights": [3, 2]},
        ),
    ],
)
def category_encoding(step: Step, inputs: Tensor, count_weights: Tensor | None = None) -> Tensor:
    """Category numbers as vectors of ``num_tokens``; numbers out of range count for nothing."""
    depth = step.config.int("num_tokens", low=1)
    modes = ("binary", "multi_hot", "one_hot", "count")
    mode = step.config.choice("output_mode", modes, "multi_hot")
    mode = "multi_hot" if mode == "binary" else mode
    categories.note_if_sparse(step)
    dtype = categories.dtype_of(step)
    if inputs.dtype in FLOATS:
        inputs = step.compute("{0}.long()", inputs, like=inputs, dtype="int64")
    else:
        step.limit(inputs, depth)
    if count_weights is not None:
        if mode != "count" or dtype not in FLOATS or count_weights.shape != inputs.shape:
            raise step.unsupported("count_weights of this kind")
        count_weights = step.floating(count_weights)
    return categories.encoded(step, inputs, mode, depth, dtype, inside=False, weights=count_weights)
