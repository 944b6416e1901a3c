from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.noise_shape import shared_dims
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
        example({"rate": 0.3, "noise_shape": [None, 1, None]}, (5, 4)),
    ],
)
def dropout(step: Step, x: Tensor) -> Tensor:
    """Zeroes elements while training. Keras' seed belongs to its own random numbers."""
    rate = step.config.rate("rate")
    step.config.ignore("seed")
    shared = shared_dims(step, x)
    if rate == 0:
        return x
    kind = step.helper("SharedDropout") if shared else "nn.Dropout"
    module = step.module(kind, rate, *([shared] if shared else []))
    return step.compute("{0}({1})", module, x, like=x)
