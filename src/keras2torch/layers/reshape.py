from __future__ import annotations

from dataclasses import replace
from math import prod

from keras2torch.errors import ConfigError
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.flatten import flattened
from keras2torch.registry import example, layer


@layer(
    "Reshape",
    any_order=True,
    examples=[
        example({"target_shape": [3, 4]}, (12,)),
        example({"target_shape": [-1, 2, 2]}, (12,)),
        example({"target_shape": [4, -1]}, (2, 6)),
        example({"target_shape": [-1]}, (2, 6)),
        example({"target_shape": [2, -1]}, (None, 4)),
        example({"target_shape": [3, 12]}, (None, None)),
        example({"target_shape": [1, 1, 4]}, (4,)),
        example({"target_shape": [1, 1]}, ()),
        example({"target_shape": []}, (1, 1)),
        example({"target_shape": [5, 4]}, (5, 4), masked=True),
    ],
)
def reshape(step: Step, x: Tensor) -> Tensor:
    """Other axes for the same elements, in Keras' order; Keras drops the mask."""
    target = _resolved(step, x.shape[1:])
    shape = (x.shape[0], *target)
    x = replace(x, mask=None)
    if x.shape == shape and None not in target:
        return x
    if len(target) == 1:
        return replace(flattened(step, x), shape=shape)
    if x.rank > 2 and x.order == x.channels_first and target[-1:] == x.shape[-1:] != (None,):
        return _beside_channels(step, x, target)
    x = step.keras_order(x)
    if x.rank == 2 and len(target) > 2 and _is_image_of_one(target):
        # One pixel with channels: what comes next will want the channels first.
        order = (0, len(target), *range(1, len(target)))
        index = ", ".join([":", ":", *["None"] * (len(target) - 1)])
        return step.compute(f"{{0}}[{index}]", x, like=x, shape=shape, order=order)
    return step.compute(_expression(x.shape, target), x, like=x, shape=shape)


def _resolved(step: Step, sizes: Shape) -> Shape:
    """The target shape with its -1 worked out, or None where that can't be known yet."""
    given = step.config.ints("target_shape", low=-1)
    if given.count(-1) > 1 or 0 in given:
        raise step.config.wrong("target_shape", "positive numbers and one -1", list(given))
    known = prod(size for size in given if size != -1)
    if None in sizes:
        return tuple(None if size == -1 else size for size in given)
    whole = prod(size or 0 for size in sizes)
    if whole % known or (-1 not in given and whole != known):
        raise ConfigError(f"{step.where}: {sizes} can't become {list(given)}")
    return tuple(whole // known if size == -1 else size for size in given)


def _is_image_of_one(target: Shape) -> bool:
    return all(size == 1 for size in target[:-1])


def _expression(old: Shape, target: Shape) -> str:
    """Only one size can be -1: beside an unknown one, the batch is kept by flattening first."""
    sizes = ", ".join(str(-1 if size is None else size) for size in target)
    if not target:
        return "{0}.reshape(-1)"
    if len(old) == 2:
        return f"torch.unflatten({{0}}, 1, ({sizes}))"
    if None in target or None in old[1:]:
        return f"torch.unflatten({{0}}.flatten(1), 1, ({sizes}))"
    return f"{{0}}.reshape(-1, {sizes})"


def _beside_channels(step: Step, x: Tensor, target: Shape) -> Tensor:
    """The channels stay what they are and lie first: only the axes behind them change."""
    spatial = target[:-1]
    sizes = ", ".join(str(-1 if size is None else size) for size in spatial)
    if len(spatial) == 1:
        expression = "{0}.flatten(2)"
    elif x.rank == 3:
        expression = f"torch.unflatten({{0}}, 2, ({sizes}))"
    else:
        expression = f"torch.unflatten({{0}}.flatten(2), 2, ({sizes}))"
    order = (0, len(target), *range(1, len(target)))
    return step.compute(expression, x, like=x, shape=(x.shape[0], *target), order=order)
