"""StochasticDepth of keras.applications, which ConvNeXt's blocks have."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "StochasticDepth",
    any_order=True,
    training="statistical",
    examples=[
        example({"drop_path_rate": 0.3}, (4,)),
        example({"drop_path_rate": 0.5}, (4, 5, 3)),
    ],
)
def stochastic_depth(step: Step, x: Tensor) -> Tensor:
    """Zeroes whole samples while training."""
    rate = step.config.rate("drop_path_rate")
    x = step.floating(x)
    drop = step.module(step.helper("StochasticDepth"), rate)
    return step.compute("{0}({1})", drop, x, like=x)
