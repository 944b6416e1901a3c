"""What Keras' FeatureSpace puts into models beside public layers; it has no public names."""

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import concatenate, merging
from keras2torch.registry import Values, example, layer


@layer(
    "TFDConcat",
    any_order=True,
    examples=[example({"axis": -1}, [(4,), (3,)]), example({"axis": 1}, [(2, 4), (3, 4)])],
)
def tfd_concat(step: Step, xs: Any) -> Tensor:
    """The encoded features side by side."""
    tensors = merging.inputs_of(step, xs)
    return concatenate.joined(step, tensors, concatenate.axis_of(step, tensors), None)


@layer(
    "TFDIdentity",
    any_order=True,
    any_dtype=True,
    strings=True,
    examples=[example({}, (4,)), example({}, Values((2,), ("a", "b", "")))],
)
def tfd_identity(step: Step, x: Tensor) -> Tensor:
    """A feature that is used as it is."""
    return x
