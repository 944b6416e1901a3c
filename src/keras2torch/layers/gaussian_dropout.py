from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "GaussianDropout",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"rate": 0.3}, (4,)),
        example({"rate": 0.5, "seed": 3}, (5, 4), masked=True),
        example({"rate": 1}, (4,)),
    ],
)
def gaussian_dropout(step: Step, x: Tensor) -> Tensor:
    """Multiplies by noise while training. Keras' seed belongs to its own random numbers."""
    rate = step.config.rate("rate")
    step.config.ignore("seed")
    if rate == 1:
        step.note("Keras can't train with a rate of 1; here the layer does nothing")
    if rate in (0, 1):
        return x
    return step.compute("{0}({1})", step.module(step.helper("GaussianDropout"), rate), x, like=x)
