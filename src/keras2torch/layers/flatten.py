from dataclasses import replace
from math import prod

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.permute import renamed
from keras2torch.registry import example, layer


@layer(
    "Flatten",
    any_order=True,
    examples=[
        example({}, (2, 3, 4)),
        example({}, (4,)),
        example({}, (None, 4)),
        example({}, ()),
        example({"data_format": "channels_first"}, (3, 2, 4)),
        example({"data_format": "channels_first"}, (3, None, 4)),
        example({"data_format": "channels_first"}, (4,)),
        example({"data_format": "channels_first"}, (1, 2, 4)),
        example({}, (5, 4), masked=True),
    ],
)
def flatten(step: Step, x: Tensor) -> Tensor:
    """All axes but the batch as one; Keras drops the mask."""
    formats = ("channels_last", "channels_first")
    if step.config.choice("data_format", formats, "channels_last") == formats[1] and x.rank > 2:
        x = renamed(x, (0, *range(2, x.rank), 1))
    return flattened(step, x)


def flattened(step: Step, x: Tensor) -> Tensor:
    """(batch, everything) as it lies in memory; ``flat`` says how it lay where that matters."""
    x = replace(x, mask=None)
    if x.rank == 2:
        return replace(step.keras_order(x), mask=None) if x.order else x
    if x.rank == 1:
        return step.compute("{0}.unsqueeze(1)", x, like=x, shape=(*x.shape, 1))
    flat = None
    if x.order is not None:
        # Axes of size 1 can lie anywhere.
        long = [axis for axis in x.order if x.shape[axis] != 1]
        if None in x.shape[1:] or x.order[0] != 0:
            x = step.keras_order(x)
        elif long != sorted(long):
            flat = (x.shape, x.order)
    sizes = [size for size in x.shape[1:] if size is not None]
    size = prod(sizes) if len(sizes) == x.rank - 1 else None
    shape = (x.shape[0], size)
    return step.compute("{0}.flatten(1)", x, like=x, shape=shape, order=None, flat=flat)
