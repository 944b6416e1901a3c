"""Rows put together by the number of their segment. Source: keras/src/ops/math.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import Array, Drawn, call, ints, line
from keras2torch.ops.operands import cast
from keras2torch.ops.promotion import kind
from keras2torch.ops.table import is_integer
from keras2torch.registry import op

MOST_SEGMENTS = 1 << 20
_ROWS = Drawn((9, 2), batched=False)
_IDS = Array([0, 2, 1, 0, 2, 2, 1, 0, 1], "int32")


def _segments(name: str, start: str, reduced: str) -> None:
    """``start`` makes what segments without a row hold, ``reduced`` puts the rows into it."""

    def lower(step: OpStep, data: Any, segment_ids: Any) -> Tensor:
        count = step.config.int_or_none("num_segments", low=1)
        step.config.bool("sorted", False)  # a promise about the numbers, which changes nothing
        if count is None:
            raise step.unsupported("a number of segments that depends on the data")
        if count > MOST_SEGMENTS:
            raise step.config.wrong("num_segments", f"at most {MOST_SEGMENTS}", count)
        x, ids = (step.constant(v) if isinstance(v, Constant) else v for v in (data, segment_ids))
        if not isinstance(x, Tensor) or not isinstance(ids, Tensor) or kind(x.dtype) not in (1, 2):
            raise step.unsupported("segments of anything but numbers")
        if ids.rank != 1 or not is_integer(ids) or not x.rank:
            raise step.unsupported("segments numbered by anything but a row of whole numbers")
        if ids.dtype not in ("int32", "int64"):
            ids = cast(step, ids, "int32")
        step.limit(ids, count)
        shape = (count, *x.shape[1:])
        size = f"({count}, *{{0}}.shape[1:])" if None in shape else literal(shape)
        index = "{1}" if ids.dtype == "int64" else "{1}.long()"
        if x.rank > 1:
            index += f"[:, {', '.join(['None'] * (x.rank - 1))}].expand_as({{0}})"
        made = start.replace("SIZE", size)
        if is_integer(x):
            made = made.replace("finfo", "iinfo")
        text = f"{made}.{reduced.replace('INDEX', index)}"
        return step.compute(text, x, ids, like=x, shape=shape)

    function = "segment_" + name.removeprefix("Segment").lower()
    op(name, calls=[
        call(function, _ROWS, _IDS, num_segments=3),
        call(function, ints(2), Array([1, 0, 1], "int32"), num_segments=2),
        call(function, line(20), Drawn((20,), "int32", 0, 1, batched=False), num_segments=2),
    ])(lower)  # fmt: skip


_segments("SegmentSum", "{0}.new_zeros(SIZE)", "index_add(0, {1}, {0})")
_segments("SegmentProd", "{0}.new_ones(SIZE)", 'scatter_reduce(0, INDEX, {0}, "prod")')
_segments(
    "SegmentMax",
    "{0}.new_full(SIZE, torch.finfo({0}.dtype).min)",
    'scatter_reduce(0, INDEX, {0}, "amax")',
)
_segments(
    "SegmentMin",
    "{0}.new_full(SIZE, torch.finfo({0}.dtype).max)",
    'scatter_reduce(0, INDEX, {0}, "amin")',
)
