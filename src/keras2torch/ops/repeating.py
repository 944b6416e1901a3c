"""Operations that repeat elements or make new ones of a shape. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from keras2torch.ir.graph import Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops import masks
from keras2torch.ops.calls import booleans, call, ints, on_tensorflow
from keras2torch.ops.operands import axis_option, dtype_option, torch_dtype
from keras2torch.ops.reductions import flat
from keras2torch.ops.shaping import LARGEST, sizes_option
from keras2torch.registry import op


@op(
    "BroadcastTo",
    calls=[
        call("broadcast_to", ints(3), shape=(2, 3, 3)),
        call("broadcast_to", (1,), shape=(3, 2)),
    ],
)
def broadcast_to(step: OpStep, x: Tensor) -> Tensor:
    """The same elements again and again, up to a shape."""
    target = sizes_option(step, "shape")
    shape: Shape = tuple(None if size == -1 else size for size in target)
    return step.compute(f"{{0}}.expand({', '.join(map(str, target))})", x, like=x, shape=shape)


@op("Repeat", any_order=True, calls=[
    call("repeat", (3, 2), 2, axis=1), call("repeat", (3, 2), 2),
    on_tensorflow(call("repeat", (3, 2), repeats=(1, 0, 2), axis=1)),
    call("repeat", (3, 2), 3, axis=0),
])  # fmt: skip
def repeat(step: OpStep, x: Tensor) -> Tensor:
    """Each element several times."""
    value = step.config.raw("repeats")
    counts = [value] if type(value) is int else value
    if not isinstance(counts, list) or any(
        type(c) is not int or not 0 <= c < LARGEST for c in counts
    ):
        raise step.config.wrong("repeats", "whole numbers", value)
    if step.config.raw("axis", None) is None:
        x, axis = flat(step, x), 0
    else:
        axis = axis_option(step, x.rank)
        x = step.keras_order(x) if x.flat else x
    size = x.shape[axis]
    if len(counts) == 1:
        new = None if size is None else size * counts[0]
        text = f"{{0}}.repeat_interleave({counts[0]}, dim={x.dim(axis)})"
    else:
        new = sum(counts)
        given = f"torch.tensor({literal(counts)}, device={{0}}.device)"
        text = f"{{0}}.repeat_interleave({given}, dim={x.dim(axis)})"
    return step.compute(text, x, like=x, shape=(*x.shape[:axis], new, *x.shape[axis + 1 :]))


@op("Tile", calls=[
    call("tile", (3, 2), repeats=(1, 2, 1)), call("tile", (3, 2), 2),
    call("tile", (3,), repeats=(2, 1, 2)),
])  # fmt: skip
def tile(step: OpStep, x: Tensor) -> Tensor:
    """The whole tensor several times along each axis."""
    value = step.config.raw("repeats")
    counts = [value] if type(value) is int else value
    if not isinstance(counts, list) or any(
        type(c) is not int or not 0 <= c < LARGEST for c in counts
    ):
        raise step.config.wrong("repeats", "whole numbers", value)
    rank = max(x.rank, len(counts))
    sizes = (1,) * (rank - x.rank) + x.shape
    counts = [1] * (rank - len(counts)) + counts
    shape = tuple(None if s is None else s * c for s, c in zip(sizes, counts, strict=True))
    return step.compute(f"{{0}}.tile({literal(tuple(counts))})", x, like=x, shape=shape)


@op("OnesLike", any_order=True, calls=[
    call("ones_like", (3, 2)), call("ones_like", (3,), dtype="int32"),
    call("ones_like", ints(3), dtype="bool"),
])  # fmt: skip
def ones_like(step: OpStep, x: Tensor) -> Tensor:
    """Ones of the shape of another tensor."""
    return _filled(step, x, "torch.ones_like({0})", masks.ONES)


@op("ZerosLike", "EmptyLike", any_order=True, calls=[
    call("zeros_like", (3, 2)), call("zeros_like", booleans(3), dtype="float32"),
    call("zeros_like", (3, 2), dtype="bool"), call("empty_like", (3, 2)),
])  # fmt: skip
def zeros_like(step: OpStep, x: Tensor) -> Tensor:
    """Zeros of the shape of another tensor; Keras' empty ones are zeros on every backend."""
    return _filled(step, x, "torch.zeros_like({0})", masks.ZEROS)


def _filled(step: OpStep, x: Tensor, plain: str, mask: str) -> Tensor:
    dtype = dtype_option(step) or x.dtype
    if dtype == "bool" and x.dtype != "bool":
        x = step.keras_order(x)
        return step.compute(mask, x, like=x, dtype="bool", hint="mask")
    text = plain if dtype == x.dtype else plain[:-1] + f", dtype={torch_dtype(dtype)})"
    return step.compute(text, x, like=x, dtype=dtype)
