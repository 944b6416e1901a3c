from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "AlphaDropout",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"rate": 0.3}, (4,)),
        example({"rate": 0.5, "seed": 3}, (5, 4), masked=True),
        example({"rate": 0}, (4,)),
    ],
)
def alpha_dropout(step: Step, x: Tensor) -> Tensor:
    """Sets elements to SELU's lower limit while training, and rescales as PyTorch's does."""
    rate = step.config.rate("rate")
    step.config.ignore("seed")
    if step.config.raw("noise_shape", None) is not None:
        raise step.unsupported("noise_shape")
    if rate == 0:
        return x
    if rate == 1:
        raise step.unsupported(f"rate={rate}, which drops everything,")
    return step.compute("{0}({1})", step.module("nn.AlphaDropout", rate), x, like=x)
