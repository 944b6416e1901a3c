from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "Dropout",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"rate": 0.3}, (4,)),
        example({"rate": 0.5}, (5, 4), masked=True),
        example({"rate": 0.0, "seed": 3}, (4,)),
    ],
)
def dropout(step: Step, x: Tensor) -> Tensor:
    """Zeroes elements while training. Keras' seed belongs to its own random numbers."""
    rate = step.config.rate("rate")
    step.config.ignore("seed")
    if step.config.raw("noise_shape", None) is not None:
        raise step.unsupported("noise_shape")
    if rate == 0:
        return x
    return step.compute("{0}({1})", step.module("nn.Dropout", rate), x, like=x)
