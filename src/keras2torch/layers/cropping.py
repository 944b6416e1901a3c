"""Keras' Cropping1D, Cropping2D and Cropping3D: slices, in whatever order memory is."""

from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import Integers, example, layer


@layer(
    "Cropping1D",
    any_order=True,
    examples=[
        example({"cropping": 1}, (4, 2)),
        example({"cropping": [0, 3]}, (None, 2), masked=True),
        example({"cropping": [2, 0]}, Integers((4, 2), 9)),
    ],
)
def cropping1d(step: Step, x: Tensor) -> Tensor:
    """Without the first and last steps."""
    return _cropping(step, x, 1)


@layer(
    "Cropping2D",
    any_order=True,
    examples=[
        example({"cropping": 1}, (4, 5, 2)),
        example({"cropping": [[0, 1], [2, 0]]}, (None, 4, 2)),
        example({"cropping": [1, 2], "data_format": "channels_first"}, (2, 3, 5)),
        example({"cropping": 0}, (4, 5, 2)),
    ],
)
def cropping2d(step: Step, x: Tensor) -> Tensor:
    """Without the borders of images."""
    return _cropping(step, x, 2)


@layer(
    "Cropping3D",
    any_order=True,
    examples=[
        example({"cropping": 1}, (3, 4, 5, 2)),
        example({"cropping": [[0, 1], [2, 0], [0, 0]]}, (3, 4, None, 2)),
        example({"cropping": [1, 0, 1], "data_format": "channels_first"}, (2, 3, 2, 3)),
    ],
)
def cropping3d(step: Step, x: Tensor) -> Tensor:
    """Without the borders of volumes."""
    return _cropping(step, x, 3)


def _cropping(step: Step, x: Tensor, rank: int) -> Tensor:
    if x.rank != rank + 2:
        raise step.unsupported(f"an input of shape {x.shape}")
    pairs = step.config.pairs("cropping", rank)
    formats = ("channels_last", "channels_first")
    # Cropping1D has no data_format.
    last = rank == 1 or step.config.choice("data_format", formats, formats[0]) == formats[0]
    first_axis = 1 if last else 2
    shape, slices = list(x.shape), [":"] * x.rank
    for axis, (before, after) in enumerate(pairs, first_axis):
        size = x.shape[axis]
        if size is not None:
            if before + after >= size:
                raise step.config.wrong("cropping", f"less than {size} along an axis", pairs)
            shape[axis] = size - before - after
        slices[x.dim(axis)] = f"{before or ''}:{-after or ''}"
    while slices and slices[-1] == ":":
        slices.pop()
    if not slices:
        return x
    return step.compute(f"{{0}}[{', '.join(slices)}]", x, like=x, shape=tuple(shape))
