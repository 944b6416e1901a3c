from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.noise_shape import shared_dims
from keras2torch.registry import example, layer


@layer(
    "AlphaDropout",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"rate": 0.3}, (4,)),
        example({"rate": 0.5, "seed": 3}, (5, 4), masked=True),
        example({"rate": 1}, (4,)),
        example({"rate": 0.3, "noise_shape": [None, 1, 4]}, (5, 4)),
    ],
)
def alpha_dropout(step: Step, x: Tensor) -> Tensor:
    """Sets elements to SELU's lower limit while training, and rescales as PyTorch's does."""
    rate = step.config.rate("rate")
    step.config.ignore("seed")
    shared = shared_dims(step, x)
    if rate == 1:
        step.note("Keras can't train with a rate of 1; here the layer does nothing")
    if rate in (0, 1):
        return x
    kind = step.helper("SharedAlphaDropout") if shared else "nn.AlphaDropout"
    module = step.module(kind, rate, *([shared] if shared else []))
    return step.compute("{0}({1})", module, x, like=x)
