"""Keras' GlobalMaxPooling and GlobalAveragePooling: reductions, in whatever order memory is."""

from __future__ import annotations

from dataclasses import replace

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import Example, Integers, example, layer


def _examples(*sizes: int | None) -> list[Example]:
    return [
        example({}, (*sizes, 3)),
        example({"keepdims": True}, (*sizes, 3)),
        example({"data_format": "channels_first"}, (2, *sizes)),
        example({"data_format": "channels_first", "keepdims": True}, (2, *sizes)),
    ]


_MORE: list[Example] = [
    example({}, Integers((4, 3), 9)),
    example({}, (7, 3), masked=True),
    example({"keepdims": True}, (None, 2), masked=True),
]


@layer("GlobalMaxPooling1D", any_order=True, examples=_examples(None))
def global_max_pooling1d(step: Step, x: Tensor) -> Tensor:
    """The largest value over time."""
    return _reduce(step, x, 1, "amax")


@layer("GlobalMaxPooling2D", any_order=True, examples=_examples(4, None))
def global_max_pooling2d(step: Step, x: Tensor) -> Tensor:
    """The largest value over an image."""
    return _reduce(step, x, 2, "amax")


@layer("GlobalMaxPooling3D", any_order=True, examples=_examples(2, 3, 4))
def global_max_pooling3d(step: Step, x: Tensor) -> Tensor:
    """The largest value over a volume."""
    return _reduce(step, x, 3, "amax")


@layer(
    "GlobalAveragePooling1D",
    any_order=True,
    arguments=("mask",),
    examples=_examples(None) + _MORE,
)
def global_average_pooling1d(step: Step, x: Tensor) -> Tensor:
    """The mean over time; with a mask, over the steps that count."""
    x = step.floating(x)
    if x.mask is None:
        return _reduce(step, x, 1, "mean")
    last, keepdims = _channels_last(step), step.config.bool("keepdims", False)
    time, channels = (x.dim(1), x.dim(2)) if last else (x.dim(2), x.dim(1))
    steps = (x.shape[0], x.shape[1], 1) if last else (x.shape[0], 1, x.shape[2])
    mask = step.compute(
        f"{{0}}.unsqueeze({1 if channels == 1 else -1})",
        x.mask, like=x, shape=steps, dtype="bool", hint="mask",
    )  # fmt: skip
    reduced = replace(
        x,
        shape=_reduced_shape(x, last, keepdims),
        order=x.order if keepdims else None,
        mask=None,
    )
    dim = f"dim={time}{', keepdim=True' if keepdims else ''}"
    total = step.compute(f"{{0}}.masked_fill(~{{1}}, 0.0).sum({dim})", x, mask, like=reduced)
    return step.compute(f"{{0}} / {{1}}.sum({dim})", total, mask, like=reduced)


@layer("GlobalAveragePooling2D", any_order=True, examples=_examples(4, None))
def global_average_pooling2d(step: Step, x: Tensor) -> Tensor:
    """The mean over an image."""
    return _reduce(step, step.floating(x), 2, "mean")


@layer("GlobalAveragePooling3D", any_order=True, examples=_examples(2, 3, 4))
def global_average_pooling3d(step: Step, x: Tensor) -> Tensor:
    """The mean over a volume."""
    return _reduce(step, step.floating(x), 3, "mean")


def _channels_last(step: Step) -> bool:
    formats = ("channels_last", "channels_first")
    return step.config.choice("data_format", formats, "channels_last") == "channels_last"


def _reduced_shape(x: Tensor, last: bool, keepdims: bool) -> tuple[int | None, ...]:
    ones = (1,) * (x.rank - 2) if keepdims else ()
    return (x.shape[0], *ones, x.shape[-1]) if last else (x.shape[0], x.shape[1], *ones)


def _reduce(step: Step, x: Tensor, rank: int, method: str) -> Tensor:
    """``x.<method>`` over all axes but the batch and the channels."""
    if x.rank != rank + 2:
        raise step.unsupported(f"an input of shape {x.shape}")
    last, keepdims = _channels_last(step), step.config.bool("keepdims", False)
    axes = range(1, rank + 1) if last else range(2, rank + 2)
    dims = sorted(x.dim(axis) for axis in axes)
    dim = str(dims[0]) if rank == 1 else f"({', '.join(map(str, dims))})"
    call = f"{{0}}.{method}(dim={dim}{', keepdim=True' if keepdims else ''})"
    order = x.order if keepdims else None
    return step.compute(
        call, x, like=x, shape=_reduced_shape(x, last, keepdims), order=order, mask=None
    )
