"""Keras' Normalization by a mean and a variance for each place of some axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.weights import Weight
from keras2torch.registry import Integers, example, layer

GIVEN = {"mean": [0.1, 0.2, -0.3, 2], "variance": [0.1, 0.2, 0, 3]}


@layer(
    "Normalization",
    any_order=True,
    masks="keeps",
    examples=[
        example({}, (4,)),
        example(
            {}, (4,), adapt=[[0.1, 2.0, -3.0, 0.7], [0.2, 1.0, 5.0, 0.7], [0.0, 9.0, 1.0, 0.7]]
        ),
        example({"invert": True}, (5, 4), masked=True),
        example({"axis": None}, (5, 4)),
        example({"axis": [1, -1]}, (3, 2, 4)),
        example({"axis": 1}, (3, None)),
        example({"axis": 2}, (3, 5, 2)),
        example(GIVEN, (5, 4)),
        example({**GIVEN, "invert": True}, Integers((4,), 9)),
        example({"mean": 3.3, "variance": 2.1}, (4,)),
        example({"mean": 3.3, "variance": 2.1, "axis": None}, (3, 4)),
        example({**GIVEN, "dtype": "mixed_float16"}, (4,)),
        example({**GIVEN, "axis": [1, 2]}, (3, 4, 2)),
        example({"mean": [[1.5], [2]], "variance": [[3], [0.4]], "axis": [1, 2]}, (2, 4, 3)),
    ],
)
def normalization(step: Step, inputs: Tensor) -> Tensor:
    """Subtracts the mean and divides by the standard deviation, or does the opposite."""
    config = step.config
    raw = config.raw("axis", -1)
    axes = [] if raw is None else [raw] if type(raw) is int else raw
    rank = inputs.rank
    if not isinstance(axes, list) or any(
        type(axis) is not int or not -rank <= axis < rank for axis in axes
    ):
        raise config.wrong("axis", f"axes of an input of shape {inputs.shape}", raw)
    kept = sorted(axis % rank for axis in axes)
    sizes = tuple(inputs.shape[axis] for axis in kept)
    if None in sizes or len(set(kept)) < len(kept):
        raise step.unsupported(f"axis={raw} of an input of shape {inputs.shape}")
    if inputs.flat is not None:
        inputs = step.keras_order(inputs)
    known = tuple(size for size in sizes if size is not None)
    mean, variance = _given(step, kept, known, rank) or _adapted(step, kept, known, rank)
    order = inputs.order or tuple(range(rank))
    options: dict[str, Any] = {"invert": True} if config.bool("invert", False) else {}
    statistics = [_in_memory(weight, order) for weight in (mean, variance)]
    module = step.module(step.helper("Normalization"), *statistics[0].shape, **options)
    _load(step, module, *statistics)
    x = step.floating(inputs, module, "mean")
    return step.compute("{0}({1})", module, x, like=x)


def _adapted(step: Step, kept: list[int], sizes: tuple[int, ...], rank: int) -> list[Weight]:
    """The statistics that Keras found, with sizes of 1 where they are broadcast."""
    whole = _spread(kept, sizes, rank)
    found = [step.weights.take(name, sizes).reshape(*whole) for name in ("mean", "variance")]
    step.weights.take("count", ())  # read by old versions of Keras only
    return found


def _given(step: Step, kept: list[int], sizes: tuple[int, ...], rank: int) -> list[Weight] | None:
    """Statistics in the options; fewer axes than ``kept`` are aligned to the right."""
    values = [step.config.raw(name, None) for name in ("mean", "variance")]
    if values == [None, None]:
        return None
    found = []
    for name, value in zip(("mean", "variance"), values, strict=True):
        array = _array(step, name, value)
        fits = zip(array.shape[::-1], sizes[::-1], strict=False)
        if array.ndim > len(sizes) or any(size not in (1, whole) for size, whole in fits):
            raise step.unsupported(f"a {name} of shape {array.shape}")
        aligned = (1,) * (len(sizes) - array.ndim) + array.shape
        whole = _spread(kept, aligned, rank)
        # TensorFlow makes float32 of them, whatever the layer computes in; but a single number is
        # exact where Keras' float32 model is run in float64, to be compared with.
        single = array.ndim == 0 and step.precision.policy.compute != "float64"
        made = (array if single else array.astype(np.float32)).reshape(whole)
        found.append(Weight(whole, made.dtype, made.copy, whole, None, "from the layer's options"))
    return found


def _array(step: Step, name: str, value: Any) -> np.ndarray[Any, Any]:
    def plain(part: Any) -> bool:
        return type(part) in (int, float) or (isinstance(part, list) and all(map(plain, part)))

    try:
        if plain(value):
            return np.array(value, dtype=np.float64)
    except ValueError:
        pass  # lists of unequal lengths
    raise step.config.wrong(name, "numbers in lists of equal lengths", value)


def _spread(kept: list[int], sizes: tuple[int, ...], rank: int) -> tuple[int, ...]:
    whole = [1] * rank
    for axis, size in zip(kept, sizes, strict=True):
        whole[axis] = size
    return tuple(whole)


def _in_memory(weight: Weight, order: tuple[int, ...]) -> Weight:
    """A statistic as the input lies in memory, without the axes of size 1 in front."""
    if order != tuple(range(len(order))):
        weight = weight.permute(*order)
    shape = list(weight.shape)
    while shape and shape[0] == 1:
        del shape[0]
    return weight.reshape(*shape)


def _load(step: Step, module: Module, mean: Weight, variance: Weight) -> None:
    for key, weight in (("mean", mean), ("variance", variance)):
        if module.buffers.setdefault(key, weight).how != weight.how:
            raise step.unsupported("being called on inputs that lie in memory in different orders")
