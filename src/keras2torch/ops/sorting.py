"""Orders, ranks and neighbours in ``keras.ops``. Source: keras/src/ops/numpy.py, math.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.layers import merging
from keras2torch.ops.calls import Array, booleans, call, ints, line
from keras2torch.ops.joining import several
from keras2torch.ops.linear import factors
from keras2torch.ops.operands import array_of, axis_option
from keras2torch.ops.reductions import flat
from keras2torch.ops.table import is_integer
from keras2torch.registry import op


def _on_axis(step: OpStep, x: Tensor) -> tuple[Tensor, int]:
    if step.config.raw("axis", -1) is None:
        return flat(step, x), 0
    axis = axis_option(step, x.rank, default=-1)
    return (step.keras_order(x) if x.flat else x), axis


def _dim(x: Tensor, axis: int) -> int:
    dim = x.dim(axis)
    return -1 if dim == x.rank - 1 else dim


@op("Sort", any_order=True, calls=[
    call("sort", (3, 4)), call("sort", (4, 2), axis=1), call("sort", ints(9)),
    call("sort", (3, 2), axis=None),
])  # fmt: skip
def sort(step: OpStep, x: Tensor) -> Tensor:
    """From the smallest to the largest."""
    x, axis = _on_axis(step, x)
    return step.compute(f"{{0}}.sort(dim={_dim(x, axis)}).values", x, like=x)


@op("Argsort", any_order=True, calls=[
    call("argsort", (3, 4)), call("argsort", (4, 2), axis=1), call("argsort", ints(9)),
    call("argsort", booleans(9)),
])  # fmt: skip
def argsort(step: OpStep, x: Tensor) -> Tensor:
    """Where the elements stand that come first, second and so on; equal ones keep their order."""
    x, axis = _on_axis(step, x)
    text = f"{{0}}.argsort(dim={_dim(x, axis)}, stable=True).int()"
    return step.compute(text, x, like=x, dtype="int32")


@op("TopK", calls=[
    call("top_k", (5,), 2), call("top_k", (3, 4), 3), call("top_k", ints(9, low=0, high=3), 4),
])  # fmt: skip
def top_k(step: OpStep, x: Tensor) -> list[Tensor]:
    """The largest and where they stand; of equal ones the first."""
    k = step.config.int("k", low=1)
    step.config.require("sorted", True, True)
    size = x.shape[-1]
    if size is not None and k > size:
        raise step.config.wrong("k", f"a number up to {size}", k)
    shape = (*x.shape[:-1], k)
    function = step.helper("top_k")
    values, places = several(step, f"{function}({{0}}, {k})", [shape, shape], x)
    return [values, replace(places, dtype="int32")]


@op("SearchSorted", calls=[
    call("searchsorted", Array([-1.0, 0.0, 1.0]), line(4)),
    call("searchsorted", Array([-1.0, 0.0, 1.0]), line(9), side="right"),
])  # fmt: skip
def searchsorted(step: OpStep, sorted_sequence: Any, values: Any) -> Tensor:
    """Where values belong in a sorted row."""
    right = step.config.choice("side", ("left", "right"), "left") == "right"
    return _bucket(step, values, sorted_sequence, right)


@op("Digitize", calls=[
    call("digitize", (4,), Array([-1.0, 0.0, 1.0])),
    call("digitize", ints(9), Array([-1, 0, 2], "int32")),
])  # fmt: skip
def digitize(step: OpStep, x: Any, bins: Any) -> Tensor:
    """The number of the bin that each value falls into."""
    return _bucket(step, x, bins, True)


def _bucket(step: OpStep, values: Any, edges: Any, right: bool) -> Tensor:
    if not isinstance(values, Tensor):
        raise step.unsupported("a call on what is no tensor")
    if not isinstance(edges, Tensor):
        array = array_of(step, edges)
        edges = step.constant(
            Constant(array if isinstance(edges, Constant) else array.astype("float32"))
        )
    if edges.rank != 1:
        raise step.unsupported("edges of several axes")
    if is_integer(values) != is_integer(edges):
        values, edges = step.floating(values), step.floating(edges)
    side = ", right=True" if right else ""
    text = f"torch.bucketize({{0}}, {{1}}{side}, out_int32=True)"
    return step.compute(text, values, edges, like=values, dtype="int32")


@op("Diff", any_order=True, calls=[
    call("diff", (4, 2), axis=1), call("diff", (5,), n=2), call("diff", ints(4)),
    call("diff", booleans(4)),
])  # fmt: skip
def diff(step: OpStep, x: Tensor) -> Tensor:
    """Each element less the one before."""
    n = step.config.int("n", 1, low=0)
    axis = axis_option(step, x.rank, default=-1)
    x = step.keras_order(x) if x.flat else x
    if n == 0:
        return x
    size = x.shape[axis]
    if size is not None and n >= size:
        raise step.unsupported(f"{n} differences of {size} elements")
    shape = (*x.shape[:axis], None if size is None else size - n, *x.shape[axis + 1 :])
    times = f"n={n}, " if n > 1 else ""
    return step.compute(f"torch.diff({{0}}, {times}dim={_dim(x, axis)})", x, like=x, shape=shape)


@op("Trapezoid", any_order=True, calls=[
    call("trapezoid", (4, 2), axis=1), call("trapezoid", (4,), dx=0.5), call("trapezoid", ints(4)),
])  # fmt: skip
def trapezoid(step: OpStep, y: Tensor) -> Tensor:
    """The integral along an axis."""
    step.config.require("x", None, None)
    dx = step.config.float("dx", 1.0)
    axis = axis_option(step, y.rank, default=-1)
    y = step.keras_order(step.floating(y))
    shape = (*y.shape[:axis], *y.shape[axis + 1 :])
    given = "" if dx == 1 else f"dx={literal(dx)}, "
    return step.compute(f"torch.trapezoid({{0}}, {given}dim={axis})", y, like=y, shape=shape)


@op("CDist", calls=[call("cdist", (3, 2), (4, 2))])
def cdist(step: OpStep, x: Any, y: Any) -> Tensor:
    """The distance of every vector of one from every vector of the other."""
    x, y = (step.floating(t) for t in factors(step, (x, y)))
    batch = merging.broadcast(step, [x.shape[:-2], y.shape[:-2]]) if x.rank > 2 else ()
    text = "({0}.unsqueeze(-2) - {1}.unsqueeze(-3)).square().sum(dim=-1).sqrt()"
    return step.compute(text, x, y, like=x, shape=(*batch, x.shape[-2], y.shape[-2]))


@op("ExtractSequences", calls=[
    call("extract_sequences", (8,), 3, 2), call("extract_sequences", (2, 7), 4, 1),
])  # fmt: skip
def extract_sequences(step: OpStep, x: Tensor) -> Tensor:
    """Windows along the last axis."""
    length = step.config.int("sequence_length", low=1)
    stride = step.config.int("sequence_stride", low=1)
    size = x.shape[-1]
    count = None if size is None else (size - length) // stride + 1
    shape = (*x.shape[:-1], count, length)
    return step.compute(f"{{0}}.unfold(-1, {length}, {stride})", x, like=x, shape=shape)
