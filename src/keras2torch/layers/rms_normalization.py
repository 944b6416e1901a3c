from __future__ import annotations

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers.layer_normalization import axes_of
from keras2torch.registry import Integers, example, layer

SIGNED = ("int8", "int16", "int32", "int64")


@layer(
    "RMSNormalization",
    any_order=True,
    wide=True,
    examples=[
        example({}, (4,)),
        example({"epsilon": 1e-3}, (None, 4), masked=True),
        example({"axis": [2, 1], "trainable": False}, (3, 4)),
        example({"axis": 1}, (4, 4)),
        example({"axis": [1, -1]}, (3, 3, 3)),
        example({"axis": 1}, (1, 2, 4)),
        example({}, Integers((3, 4), 9)),
    ],
)
def rms_normalization(step: Step, x: Tensor) -> Tensor:
    """``nn.RMSNorm`` over the last dimensions; ``AnyRMSNorm`` for other axes.

    Keras multiplies by its weight along the last axes, whichever are normalized.
    """
    config = step.config
    written = axes_of(step, x)
    sizes = tuple(x.shape[axis] for axis in written)
    eps = config.float("epsilon", 1e-6)
    last = x.shape[x.rank - len(sizes) :]
    if None in sizes or any(a not in (1, b) for a, b in zip(sizes, last, strict=True)):
        raise step.unsupported(f"axis={list(written)} of an input of shape {x.shape}")
    shape = tuple(size for size in sizes if size is not None)
    dims = tuple(sorted(axis % x.rank for axis in written))
    y = step.keras_order(step.floating(x))
    if dims == tuple(range(x.rank - len(dims), x.rank)) and shape == last:
        norm = step.module("nn.RMSNorm", shape[0] if len(shape) == 1 else shape, eps=eps)
    else:
        norm = step.module(step.helper("AnyRMSNorm"), shape, dims=dims, eps=eps)
    step.parameter(norm, "weight", step.weights.take("scale", shape))
    if step.trainable and not norm.reset:
        norm.reset.append("nn.init.ones_({0}.weight)")
    if x.dtype not in INTEGER_DTYPES:
        return step.compute("{0}({1})", norm, y, like=y)
    if x.dtype not in SIGNED:
        raise step.unsupported(f"an input of dtype {x.dtype}")
    # Keras casts the result back to what it came from.
    return step.compute(f"{{0}}({{1}}).to(torch.{x.dtype})", norm, y, like=y, dtype=x.dtype)
