"""Elements put at places of a tensor. Source: keras/src/ops/core.py."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import Array, Drawn, call, line
from keras2torch.ops.operands import array_of, cast
from keras2torch.ops.shaping import LARGEST, sizes_option
from keras2torch.ops.table import is_integer
from keras2torch.registry import op


@op("Scatter", calls=[
    call("scatter", Array([[0], [2], [0]], "int32"), Drawn((3, 2), batched=False), shape=(4, 2)),
    call("scatter", Array([[0, 1], [2, 3]], "int64"), line(2), shape=(3, 4)),
    call("scatter", Drawn((1,), "int32", 0, 4), (), shape=(5,)),
])  # fmt: skip
def scatter(step: OpStep, indices: Any, values: Any) -> Tensor:
    """Zeros, and values added at some places."""
    sizes = sizes_option(step, "shape")
    x = step.constant(values) if isinstance(values, Constant) else values
    if -1 in sizes or prod(sizes) >= LARGEST or not isinstance(x, Tensor):
        raise step.unsupported(f"a shape {sizes}")
    places, operands = _places(step, indices, sizes)
    text = f"{{0}}.new_zeros({literal(tuple(sizes))}).index_put({places}, {{0}}, accumulate=True)"
    return step.compute(text, x, *operands, like=x, shape=tuple(sizes))


@op("ScatterUpdate", calls=[
    call("scatter_update", (4,), Array([[0, 1], [2, 3]], "int32"), Array([9.0, 8.0])),
    call("scatter_update", (4,), Array([[0], [2]], "int32"),
         Array([[9.0, 8.0, 1.0, 2.0], [7.0, 6.0, 0.0, 1.0]])),
    call("scatter_update", (4,), Array([[0, 1], [0, 1], [2, 3]], "int32"), line(3),
         reduction="add"),
    call("scatter_update", line(5), Drawn((1,), "int32", 0, 4), (), reduction="add"),
])  # fmt: skip
def scatter_update(step: OpStep, inputs: Any, indices: Any, updates: Any) -> Tensor:
    """A tensor with the elements at some places replaced, or with something added to them."""
    adds = step.config.raw("reduction", None) == "add"
    if not adds:
        step.config.require("reduction", None, None)
    parts = [step.constant(v) if isinstance(v, Constant) else v for v in (inputs, updates)]
    if not all(isinstance(part, Tensor) for part in parts):
        raise step.unsupported("updates that are no tensor")
    x, values = parts
    if not adds and isinstance(indices, Tensor):
        raise step.unsupported("places that are computed, where one may be updated twice,")
    array = None if adds else array_of(step, indices)
    if array is not None and array.ndim == 2 and len(np.unique(array, axis=0)) < len(array):
        raise step.unsupported("a place that is updated twice")
    values = cast(step, values, x.dtype)
    places, operands = _places(step, indices, x.shape, 2)
    more = ", accumulate=True" if adds else ""
    return step.compute(f"{{0}}.index_put({places}, {{1}}{more})", x, values, *operands, like=x)


def _places(step: OpStep, indices: Any, sizes: Any, operand: int = 1) -> tuple[str, list[Tensor]]:
    """A tuple of the indices along each of the first axes, and the operands it needs."""
    if isinstance(indices, Tensor):
        depth = indices.shape[-1] if indices.rank > 1 and is_integer(indices) else None
        if depth is None or not 0 < depth <= len(sizes) or None in sizes[:depth]:
            raise step.unsupported(f"places of shape {indices.shape}")
        step.limit(indices, min(sizes[:depth]))
        return f"{{{operand}}}.unbind(-1)", [indices]
    array = array_of(step, indices)
    if array.ndim != 2 or array.dtype.kind not in "iu" or array.size > 64:
        raise step.unsupported(f"places of shape {array.shape}")
    if not 0 < array.shape[1] <= len(sizes):
        raise step.unsupported(f"{array.shape[1]} indices for {len(sizes)} axes")
    columns = [f"torch.tensor({literal(c)}, device={{0}}.device)" for c in array.T.tolist()]
    return f"({', '.join(columns)},)", []
