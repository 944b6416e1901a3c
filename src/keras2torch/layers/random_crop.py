"""Keras' RandomCrop."""

from __future__ import annotations

from dataclasses import replace

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import LARGEST_SIDE, augment, channels_are_last
from keras2torch.registry import Integers, example, layer


@layer(
    "RandomCrop",
    any_order=True,
    training="statistical",
    examples=[
        example({"height": 3, "width": 2, "seed": 3}, Integers((5, 4, 3), 256)),
        example({"height": 5, "width": 9, "data_format": "channels_first"}, (3, 5, 4)),
        example({"height": 4, "width": 4}, (4, 3)),
    ],
)
def random_crop(step: Step, x: Tensor) -> Tensor:
    """Cuts out a window while training. In inference, as in Keras 3, images keep their size."""
    size = [step.config.int(key, low=1) for key in ("height", "width")]
    if max(size) > LARGEST_SIDE:
        raise step.unsupported(f"a window of {size[0]} x {size[1]}")
    channels_last = channels_are_last(step)
    y: Tensor = augment(step, x, "RandomCrop", *size, casts=False)
    first = x.rank - 3 if channels_last else x.rank - 2
    # Sizes that differ between training and inference are unknown.
    shape = [
        None if axis - first in (0, 1) and known != size[axis - first] else known
        for axis, known in enumerate(x.shape)
    ]
    return replace(y, shape=tuple(shape))
