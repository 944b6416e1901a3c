from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "SpatialDropout1D",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"rate": 0.3}, (5, 4)),
        example({"rate": 0.5}, (None, 4), masked=True),
    ],
)
def spatial_dropout1d(step: Step, x: Tensor) -> Tensor:
    """Zeroes whole channels while training: ``nn.Dropout1d`` wants them right after the batch."""
    rate = _rate(step, x, 3)
    if rate == 0 or x.order is not None:
        return _drop(step, x, "nn.Dropout1d", rate)
    drop = step.module("nn.Dropout1d", rate)
    return step.compute("{0}({1}.transpose(1, 2)).transpose(1, 2)", drop, x, like=x)


@layer(
    "SpatialDropout2D",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"rate": 0.3}, (4, 5, 3)),
        example({"rate": 0.5, "data_format": "channels_first", "seed": 3}, (3, 4, 5)),
        example({"rate": 0}, (4, 5, 3)),
    ],
)
def spatial_dropout2d(step: Step, x: Tensor) -> Tensor:
    """Zeroes whole channels of images while training: ``nn.Dropout2d``."""
    return _of_images(step, x, 2)


@layer(
    "SpatialDropout3D",
    any_order=True,
    masks="keeps",
    training="statistical",
    examples=[
        example({"rate": 0.3}, (2, 4, 5, 3)),
        example({"rate": 0.5, "data_format": "channels_first", "seed": 3}, (3, 2, 4, 5)),
        example({"rate": 0}, (2, 4, 5, 3)),
    ],
)
def spatial_dropout3d(step: Step, x: Tensor) -> Tensor:
    """Zeroes whole channels of volumes while training: ``nn.Dropout3d``."""
    return _of_images(step, x, 3)


def _of_images(step: Step, x: Tensor, rank: int) -> Tensor:
    formats = ("channels_last", "channels_first")
    channels_last = step.config.choice("data_format", formats, "channels_last") == formats[0]
    rate = _rate(step, x, rank + 2)
    if rate == 0 or channels_last:
        return _drop(step, x, f"nn.Dropout{rank}d", rate)
    x = step.keras_order(x)
    return step.compute("{0}({1})", step.module(f"nn.Dropout{rank}d", rate), x, like=x)


def _rate(step: Step, x: Tensor, rank: int) -> float:
    step.config.ignore("seed")  # it belongs to Keras' own random numbers
    if x.rank != rank:
        raise step.unsupported(f"an input of shape {x.shape}")
    return step.config.rate("rate")


def _drop(step: Step, x: Tensor, kind: str, rate: float) -> Tensor:
    """Channels dropped where they lie in front; a rate of 0 drops none."""
    if rate == 0:
        return x
    x = step.channels_first(x)
    return step.compute("{0}({1})", step.module(kind, rate), x, like=x)
