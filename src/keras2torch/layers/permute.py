from dataclasses import replace

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "Permute",
    any_order=True,
    examples=[
        example({"dims": [2, 1]}, (5, 4)),
        example({"dims": [3, 1, 2]}, (2, 3, 4)),
        example({"dims": [1]}, (4,)),
        example({"dims": [2, 1]}, (5, 4), masked=True),
    ],
)
def permute(step: Step, x: Tensor) -> Tensor:
    """Renames the axes: who needs them in another order in memory permutes them there.

    Keras drops the mask.
    """
    axes = (0, *step.config.ints("dims"))
    if sorted(axes) != list(range(x.rank)):
        raise step.unsupported(f"dims={list(axes[1:])} of an input of shape {x.shape}")
    return renamed(x, axes)


def renamed(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    """The tensor whose Keras axis ``i`` is ``x``'s axis ``axes[i]``; it lies where ``x`` lies."""
    own = tuple(range(x.rank))
    order = tuple(axes.index(axis) for axis in x.order or own)
    shape = tuple(x.shape[axis] for axis in axes)
    return replace(x, shape=shape, order=None if order == own else order, mask=None)
