from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import merging
from keras2torch.layers.concatenate import axis_of, joined
from keras2torch.registry import op


@op("Concatenate", any_order=True)
def concatenate(step: Step, xs: Any) -> Tensor:
    """Tensors, or the masks of tensors, side by side on one axis."""
    tensors = merging.inputs_of(step, xs)
    return joined(step, tensors, axis_of(step, tensors), None)
