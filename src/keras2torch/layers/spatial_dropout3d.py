from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "SpatialDropout3D",
    any_order=True,
    masks="keeps",
    examples=[
        example({"rate": 0.3}, (2, 4, 5, 3)),
        example({"rate": 0.5, "data_format": "channels_first", "seed": 3}, (3, 2, 4, 5)),
        example({"rate": 0}, (2, 4, 5, 3)),
    ],
)
def spatial_dropout3d(step: Step, x: Tensor) -> Tensor:
    """Zeroes whole channels while training. Keras' seed belongs to its own random numbers."""
    rate = step.config.float("rate")
    formats = ("channels_last", "channels_first")
    channels_last = step.config.choice("data_format", formats, "channels_last") == formats[0]
    step.config.ignore("seed")
    if rate == 0:
        return x
    if x.rank != 5:
        raise step.unsupported(f"an input of shape {x.shape}")
    drop = step.module("nn.Dropout3d", rate)
    x = step.channels_first(x) if channels_last else step.keras_order(x)
    return step.compute("{0}({1})", drop, x, like=x)
