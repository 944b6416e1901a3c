from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import categories
from keras2torch.registry import Integers, example, layer

BOUNDARIES = [-0.5, 0.0, 0.35, 1.0]


@layer(
    "Discretization",
    any_dtype=True,
    examples=[
        example({"bin_boundaries": BOUNDARIES}, (4,)),
        example({"bin_boundaries": BOUNDARIES}, ()),
        example({"bin_boundaries": [0, 2, 5]}, Integers((3, 2), 9)),
        example({"num_bins": 4}, (4,), adapt=[[0.1, 0.2, -0.9, 1.2, 0.3, 0.4, -0.3, -1.5]]),
        example({"bin_boundaries": BOUNDARIES, "output_mode": "one_hot"}, (3,)),
        example({"bin_boundaries": BOUNDARIES, "output_mode": "one_hot"}, (3, 1)),
        example({"bin_boundaries": BOUNDARIES, "output_mode": "multi_hot"}, (3,)),
        example({"bin_boundaries": BOUNDARIES, "output_mode": "multi_hot"}, (3, 4)),
        example({"bin_boundaries": BOUNDARIES, "output_mode": "count"}, (None,)),
        example({"bin_boundaries": BOUNDARIES, "output_mode": "count"}, ()),
    ],
)
def discretization(step: Step, inputs: Tensor) -> Tensor:
    """The number of the bin that each value lies in, or an encoding of it."""
    config = step.config
    mode = config.choice("output_mode", ("int", "one_hot", "multi_hot", "count"), "int")
    categories.note_if_sparse(step)
    config.ignore("num_bins", "epsilon")  # how the boundaries were found
    boundaries = config.raw("bin_boundaries", None)
    if boundaries is None:
        raise step.unsupported("being saved before it was adapted")
    numbers = isinstance(boundaries, list) and all(type(b) in (int, float) for b in boundaries)
    if not numbers or boundaries != sorted(boundaries):
        raise config.wrong("bin_boundaries", "a list of rising numbers", boundaries)
    values = [float(boundary) for boundary in boundaries]
    bins = step.module(step.helper("Discretization"), step.vocabulary(values))
    ids = step.compute("{0}({1})", bins, inputs, like=inputs, dtype="int64")
    dtype = "int32" if mode == "int" else categories.dtype_of(step)
    return categories.encoded(step, ids, mode, len(values) + 1, dtype, inside=True)
