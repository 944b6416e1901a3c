"""What the merging layers share: inputs brought to one rank and one order, and their masks.

Source: keras/src/layers/merging/base_merge.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keras2torch.errors import ConfigError
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Tensor, Value
from keras2torch.ir.step import Step
from keras2torch.ops.promotion import result_type


def inputs_of(step: Step, inputs: Any) -> list[Tensor]:
    """The tensors of a layer that is called on a list."""
    tensors = list(inputs) if isinstance(inputs, (list, tuple)) else []
    if not tensors or not all(isinstance(x, Tensor) for x in tensors):
        raise step.unsupported("a call on anything but a list of tensors")
    return tensors


def in_one_order(step: Step, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The inputs of one rank, all as most of them lie in memory (the first, of several)."""
    if len({x.flat for x in inputs}) > 1:
        inputs = [step.keras_order(x) if x.flat else x for x in inputs]
    if inputs[0].flat is not None:
        return list(inputs)
    # Where an axis of size 1 lies costs nothing to change, so such inputs have no say.
    weighty = [x.order for x in inputs if all(size != 1 for size in x.shape[1:])]
    order = Counter(weighty or [x.order for x in inputs]).most_common(1)[0][0]
    return [step.ordered(x, order) for x in inputs]


def of_one_rank(step: Step, inputs: Sequence[Tensor]) -> list[Tensor]:
    """The inputs in one order. Those of lower rank get axes of size 1 behind the batch, as Keras
    gives them."""
    rank = max(x.rank for x in inputs)
    if any(x.rank < rank for x in inputs):
        inputs = [step.keras_order(x) if x.flat else x for x in inputs]
    high = in_one_order(step, [x for x in inputs if x.rank == rank])
    order = high[0].order or tuple(range(rank))
    same = iter(high)
    return [next(same) if x.rank == rank else _expanded(step, x, order) for x in inputs]


def _expanded(step: Step, x: Tensor, order: tuple[int, ...]) -> Tensor:
    """``x`` with axes of size 1 behind the batch, lying in this order; Keras forgets its mask."""
    x = replace(step.keras_order(x), mask=None)
    new = len(order) - x.rank
    old = [0, *range(new + 1, len(order))]
    kept = [old.index(axis) for axis in order if axis in old]
    x = step.ordered(x, None if kept == sorted(kept) else tuple(kept))
    places = [":" if axis in old else "None" for axis in order]
    while places[-1] == ":":
        places.pop()
    shape = (x.shape[0], *[1] * new, *x.shape[1:])
    natural = order == tuple(range(len(order)))
    expression = f"{{0}}[{', '.join(places)}]"
    if places == [":", "None"]:
        expression = "{0}.unsqueeze(1)"
    return step.compute(expression, x, like=x, shape=shape, order=None if natural else order)


def broadcast(step: Step, shapes: Sequence[Shape]) -> Shape:
    """The shape of an elementwise result; shapes of lower rank are aligned at their end."""
    rank = max(map(len, shapes))
    result: list[int | None] = []
    for sizes in zip(*[(*[1] * (rank - len(s)), *s) for s in shapes], strict=True):
        known = {size for size in sizes if size not in (1, None)}
        if len(known) > 1:
            raise ConfigError(f"{step.where}: shapes {list(shapes)} don't fit")
        if known:
            result.append(known.pop())
        else:
            result.append(None if None in sizes else 1)
    return tuple(result)


def common_dtype(inputs: Sequence[Tensor]) -> str:
    """Keras' dtype of a result, which is PyTorch's too."""
    return result_type(*(x.dtype for x in inputs))


def either_mask(step: Step, inputs: Sequence[Tensor]) -> Value | None:
    """Keras' rule for merged masks: a step counts if it counts anywhere, and all must tell."""
    masks = list(dict.fromkeys(x.mask for x in inputs))
    if None in masks:
        return None
    if len(masks) == 1:
        return masks[0]
    parts = " | ".join(f"{{{place}}}" for place in range(len(masks)))
    given = [mask for mask in masks if mask is not None]
    return step.compute(parts, *given, like=mask_like(inputs[0]), hint="mask").value


def mask_like(x: Tensor) -> Tensor:
    """What a mask of ``x`` is like: booleans for all its axes but the last."""
    return replace(x, shape=x.shape[:-1], dtype="bool", order=None, flat=None, mask=None)
