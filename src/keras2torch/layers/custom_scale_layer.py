"""CustomScaleLayer of keras.applications, which InceptionResNetV2's blocks have."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import merging
from keras2torch.registry import example, layer


@layer(
    "CustomScaleLayer",
    any_order=True,
    examples=[
        example({"scale": 0.17}, [(4,), (4,)]),
        example({"scale": 2}, [(4, 5, 3), (4, 5, 3)]),
        example({"scale": -0.5}, [(4, 3), (1, 3)]),
    ],
)
def custom_scale_layer(step: Step, inputs: Any) -> Tensor:
    """The first input plus the second times a number."""
    tensors = merging.inputs_of(step, inputs)
    scale = step.config.float("scale")
    if len(tensors) != 2 or tensors[0].rank != tensors[1].rank:
        raise step.unsupported("a call on anything but two tensors of one rank")
    x, y = merging.in_one_order(step, [step.floating(x) for x in tensors])
    shape = merging.broadcast(step, [x.shape, y.shape])
    return step.compute(f"{{0}} + {literal(scale)} * {{1}}", x, y, like=x, shape=shape)
