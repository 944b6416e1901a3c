"""Keras' MaxPooling and AveragePooling in one, two and three dimensions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers.window import Window, resized, short, spatial
from keras2torch.registry import Example, Integers, example, layer

_1D: list[Example] = [
    example({"pool_size": 2}, (7, 2)),
    example({"pool_size": 3, "strides": 1}, (None, 2)),
    example({"pool_size": 2, "padding": "same"}, (None, 2)),
    example({"pool_size": 2, "padding": "same"}, (5, 2)),
    example({"pool_size": 3, "strides": 2, "padding": "same"}, (6, 2)),
    example({"pool_size": 2, "strides": 1, "padding": "same"}, (None, 2)),
    example({"pool_size": 5, "strides": 4, "padding": "same"}, (None, 2)),
    example({"pool_size": 2, "strides": 3, "padding": "same"}, (None, 2)),
    example({"pool_size": 2, "data_format": "channels_first"}, (2, 7)),
]
_2D: list[Example] = [
    example({"pool_size": 2}, (5, 6, 2)),
    example({"pool_size": [3, 2], "strides": [1, 2]}, (None, 6, 2)),
    example({"pool_size": 2, "padding": "same"}, (5, 6, 2)),
    example({"pool_size": 2, "padding": "same"}, (None, None, 2)),
    example({"pool_size": 3, "padding": "same"}, (5, 7, 2)),
    example({"pool_size": 3, "strides": 2, "padding": "same"}, (6, 7, 2)),
    example({"pool_size": [4, 2], "strides": 1, "padding": "same"}, (5, 4, 2)),
    example({"pool_size": [2, 4], "strides": [1, 3], "padding": "same"}, (5, 7, 1)),
    example({"pool_size": [3, 2], "strides": [4, 1], "padding": "same"}, (None, 4, 2)),
    example(
        {"pool_size": 3, "strides": 2, "padding": "same", "data_format": "channels_first"},
        (2, 6, 7),
    ),
]
_3D: list[Example] = [
    example({"pool_size": 2}, (4, 5, 4, 1)),
    example({"pool_size": 2, "strides": [1, 2, 1]}, (3, 4, 3, 2)),
    example({"pool_size": [2, 3, 2], "strides": [2, 2, 1], "padding": "same"}, (3, 4, 3, 1)),
    example({"pool_size": 3, "strides": 4, "padding": "same"}, (None, 3, 4, 1)),
    example({"pool_size": [2, 3, 4], "strides": [1, 2, 1], "padding": "same"}, (3, 4, 3, 1)),
    example({"pool_size": [1, 2, 2], "data_format": "channels_first"}, (2, 2, 4, 5)),
]


_INTEGERS = [example({"pool_size": 2, "padding": "same"}, Integers((5, 2), 9))]


@layer("MaxPooling1D", any_order=True, examples=_1D + _INTEGERS)
def max_pooling1d(step: Step, x: Tensor) -> Tensor:
    """``nn.MaxPool1d``; what is padded never counts."""
    return pool(step, x, 1, "Max")


@layer("MaxPooling2D", any_order=True, examples=_2D)
def max_pooling2d(step: Step, x: Tensor) -> Tensor:
    """``nn.MaxPool2d``; what is padded never counts."""
    return pool(step, x, 2, "Max")


@layer("MaxPooling3D", any_order=True, examples=_3D)
def max_pooling3d(step: Step, x: Tensor) -> Tensor:
    """``nn.MaxPool3d``; what is padded never counts."""
    return pool(step, x, 3, "Max")


@layer("AveragePooling1D", any_order=True, examples=_1D)
def average_pooling1d(step: Step, x: Tensor) -> Tensor:
    """``nn.AvgPool1d``; what is padded never counts."""
    return pool(step, x, 1, "Avg")


@layer("AveragePooling2D", any_order=True, examples=_2D)
def average_pooling2d(step: Step, x: Tensor) -> Tensor:
    """``nn.AvgPool2d``; what is padded never counts."""
    return pool(step, x, 2, "Avg")


@layer("AveragePooling3D", any_order=True, examples=_3D)
def average_pooling3d(step: Step, x: Tensor) -> Tensor:
    """``nn.AvgPool3d``; what is padded never counts."""
    return pool(step, x, 3, "Avg")


def pool(step: Step, x: Tensor, rank: int, kind: str) -> Tensor:
    """A pooling over channels-first memory, ``kind`` is Max or Avg.

    What is padded never counts, neither for the largest value nor for the mean.
    """
    config = step.config
    size = config.window("pool_size", rank)
    strided = config.raw("strides", None) is not None
    stride = config.window("strides", rank) if strided else size
    window = Window(size, stride, (1,) * rank)
    padding = config.choice("padding", ("valid", "same"), "valid")
    if x.dtype in INTEGER_DTYPES:
        return of_integers(step, x, kind, partial(pool, rank=rank, kind=kind))
    x = spatial(step, x, rank)
    sizes = x.memory_shape[2:]
    shape = resized(x, (*x.memory_shape[:2], *window.output(step, sizes, padding))).shape

    options: dict[str, Any] = {} if stride == size else {"stride": short(stride)}
    call = "{0}({1})"
    if padding == "same":
        # nn.AvgPool3d refuses what is smaller than its window, padded or not.
        small = any(n is None or n < k for n, k in zip(sizes, size, strict=True))
        fitted = None if kind == "Avg" and rank == 3 and small else _same(window, sizes)
        if fitted is None:
            call = _padded(step, window, kind)
        else:
            options |= fitted[0]
            call += fitted[1]
            if kind == "Avg" and "padding" in options:
                options["count_include_pad"] = False
    module = step.module(f"nn.{kind}Pool{rank}d", short(size), **options)
    return step.compute(call, module, x, like=x, shape=shape)


def of_integers(step: Step, x: Tensor, kind: str, pool: Callable[[Step, Tensor], Tensor]) -> Tensor:
    """The largest of whole numbers, found among float64 ones; Keras has no means of them."""
    if kind != "Max" or x.dtype == "bool":
        raise step.unsupported(f"an input of dtype {x.dtype}")
    y = pool(step, step.compute("{0}.to(torch.float64)", x, like=x, dtype="float64"))
    return step.compute(f"{{0}}.to(torch.{x.dtype})", y, like=y, dtype=x.dtype)


def _same(window: Window, sizes: Shape) -> tuple[dict[str, Any], str] | None:
    """The module's options that make `same`, and the part of its output that is meant.

    PyTorch pads as much in front as behind; one step more behind is what ``ceil_mode`` allows
    windows to reach, except at stride 1. There it is padded in front too, and the first window is
    left out. None where the padding in front depends on an unknown size.
    """
    padding, cuts, ceil_mode = [], [], False
    for stride, choices in zip(window.stride, window.same_paddings(sizes), strict=True):
        fronts = {before for before, _ in choices}
        if len(fronts) > 1:
            return None
        uneven = any(before != after for before, after in choices)
        cut = uneven and stride == 1
        padding.append(fronts.pop() + int(cut))
        cuts.append("1:" if cut else ":")
        ceil_mode |= uneven and not cut
    options: dict[str, Any] = {"padding": short(padding)} if any(padding) else {}
    if ceil_mode:
        options["ceil_mode"] = True
    while cuts and cuts[-1] == ":":
        cuts.pop()
    return options, f"[:, :, {', '.join(cuts)}]" if cuts else ""


def _padded(step: Step, window: Window, kind: str) -> str:
    """The call on an input that is padded by its size; of a mean, the padding is taken out."""
    pad_same, where = step.helper("pad_same"), f"{window.extent}, {window.stride}"
    if kind == "Max":
        return f"{{0}}({pad_same}({{1}}, {where}, -torch.inf))"
    counted = f"{pad_same}(torch.ones_like({{1}}[:1, :1]), {where})"
    return f"{{0}}({pad_same}({{1}}, {where})) / {{0}}({counted})"
