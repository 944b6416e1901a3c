from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "SpatialDropout1D",
    any_order=True,
    masks="keeps",
    examples=[
        example({"rate": 0.3}, (5, 4)),
        example({"rate": 0.5}, (None, 4), masked=True),
    ],
)
def spatial_dropout1d(step: Step, x: Tensor) -> Tensor:
    """Zeroes whole channels while training: ``nn.Dropout1d`` wants them right after the batch."""
    rate = step.config.float("rate")
    step.config.ignore("seed")
    if rate == 0:
        return x
    if x.rank != 3:
        raise step.unsupported(f"an input of shape {x.shape}")
    drop = step.module("nn.Dropout1d", rate)
    if x.order is None:
        return step.compute("{0}({1}.transpose(1, 2)).transpose(1, 2)", drop, x, like=x)
    return step.compute("{0}({1})", drop, step.channels_first(x), like=x)
