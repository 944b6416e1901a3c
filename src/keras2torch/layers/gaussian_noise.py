from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "GaussianNoise",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"stddev": 0.3}, (4,)),
        example({"stddev": 0.5, "seed": 3}, (5, 4), masked=True),
        example({"stddev": 0}, (4,)),
    ],
)
def gaussian_noise(step: Step, x: Tensor) -> Tensor:
    """Adds noise while training. Keras' seed belongs to its own random numbers."""
    std = step.config.float("stddev")
    step.config.ignore("seed")
    if std == 0:
        return x
    return step.compute("{0}({1})", step.module(step.helper("GaussianNoise"), std), x, like=x)
