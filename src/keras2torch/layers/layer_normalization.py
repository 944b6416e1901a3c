"""Keras' LayerNormalization."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.registry import Integers, example, layer


@layer(
    "LayerNormalization",
    any_order=True,
    masks="keeps",
    autocast=False,
    wide=True,
    examples=[
        example({}, (4,)),
        example({"epsilon": 1e-6}, (None, 4), masked=True),
        example({"center": False}, (5, 4)),
        example({"scale": False}, (5, 4)),
        example({"center": False, "scale": False}, (3, 4)),
        example({"axis": [1, 2]}, (3, 4)),
        example({"axis": [-1, 1], "scale": False}, (3, 4)),
        example({"axis": [-1, 1]}, (3, 2, 4)),
        example({"axis": 1}, (3, 4)),
        example({"axis": [1, 3], "beta_initializer": "ones"}, (3, None, 4)),
        example({"rms_scaling": True}, (3, 4)),
        example({}, Integers((3, 4), 9)),
        example({"rms_scaling": True, "axis": [1, 2], "trainable": False}, (3, 4)),
    ],
)
def layer_normalization(step: Step, x: Tensor) -> Tensor:
    """``nn.LayerNorm`` over the last dimensions; other axes are brought there."""
    axes = axes_of(step, x)
    written = tuple(x.shape[axis] for axis in axes)
    normalized = tuple(sorted(axis % x.rank for axis in axes))
    sizes = tuple(x.shape[axis] for axis in normalized)
    if None in sizes:
        raise step.unsupported(f"axis={list(axes)} of an input of shape {x.shape}")
    others = tuple(axis for axis in range(x.rank) if axis not in normalized)
    order = (*others, *normalized)
    y = step.ordered(step.floating(x), None if order == tuple(range(x.rank)) else order)
    norm = _module(step, [s for s in sizes if s is not None], [s for s in written if s is not None])
    # Keras casts the result of whole numbers back to them, and to numbers again.
    call = "{0}({1}).trunc()" if x.dtype in INTEGER_DTYPES else "{0}({1})"
    return step.compute(call, norm, y, like=y)


def axes_of(step: Step, x: Tensor) -> tuple[int, ...]:
    """The axes of a normalization as Keras sorts them, as they are written: negative ones first."""
    raw = step.config.raw("axis", -1)
    axes = [raw] if type(raw) is int else list(raw) if isinstance(raw, list) else []
    if not axes or any(type(a) is not int or not -x.rank <= a < x.rank for a in axes):
        raise step.config.wrong("axis", f"axes of an input of shape {x.shape}", raw)
    places = {axis % x.rank for axis in axes}
    if len(places) != len(axes) or 0 in places:
        raise step.unsupported(f"axis={raw} of an input of shape {x.shape}")
    return tuple(sorted(axes))


def _module(step: Step, sizes: list[int], written: list[int]) -> Module:
    """The module with its weights: ``written`` is their shape in Keras, ``sizes`` in PyTorch.

    Where they differ Keras reshapes its weights, it does not transpose them.
    """
    config = step.config
    rms = config.bool("rms_scaling", False)
    scale = config.bool("scale", True) or rms
    center = config.bool("center", True) and not rms
    options: dict[str, Any] = {"eps": config.float("epsilon", 1e-3)}
    shape = sizes[0] if len(sizes) == 1 else tuple(sizes)
    if rms:
        norm = step.module(step.helper("VarianceNorm"), tuple(sizes), **options)
    elif center and not scale:
        norm = step.module(step.helper("ShiftedLayerNorm"), tuple(sizes), **options)
    else:
        if not scale:
            options["elementwise_affine"] = False
        elif not center:
            options["bias"] = False
        norm = step.module("nn.LayerNorm", shape, **options)
    for used, name, key in ((scale, "gamma", "weight"), (center, "beta", "bias")):
        if used:
            weight = step.weights.take(name, tuple(written))
            if written != sizes:
                weight = weight.reshape(*sizes)
            step.parameter(norm, key, weight, f"{name}_initializer")
        else:
            config.ignore(f"{name}_initializer")
    return norm
