"""How much alike rows of numbers are. Source: keras/src/ops/numpy.py."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.graph import Constant
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import OpStep
from keras2torch.ops.calls import Array, call, line
from keras2torch.ops.promotion import kind
from keras2torch.registry import op


@op("Corrcoef", calls=[call("corrcoef", (5,)), call("corrcoef", (2,))])
def corrcoef(step: OpStep, x: Tensor) -> Tensor:
    """How rows go with each other, from -1 to 1."""
    if x.rank != 2:  # of more axes Keras' backends make different things
        raise step.unsupported(f"a tensor of rank {x.rank}")
    x = step.floating(x)
    return step.compute("torch.corrcoef({0})", x, like=x, shape=(x.shape[0], x.shape[0]))


@op("Correlate", calls=[
    call("correlate", line(7), line(3)), call("correlate", line(5), line(4), mode="full"),
    call("correlate", line(6), line(4), mode="same"),
    call("correlate", line(6), Array([0.5, -1.0, 2.0]), mode="same"),
])  # fmt: skip
def correlate(step: OpStep, x1: Any, x2: Any) -> Tensor:
    """One row against the other, at every shift."""
    rows = [step.constant(v) if isinstance(v, Constant) else v for v in (x1, x2)]
    if [isinstance(row, Tensor) and row.rank for row in rows] != [1, 1]:
        raise step.unsupported("a call on anything but two rows")
    size, short = rows[0].shape[0], rows[1].shape[0]
    dtype = rows[0].dtype
    if kind(dtype) != 2 or rows[1].dtype != dtype:
        raise step.unsupported("rows of anything but floats of one dtype")
    if size is None or short is None or size < short:
        # Keras' backends differ where the second row is the longer one.
        raise step.unsupported(f"rows of {size} and {short} numbers")
    mode = step.config.choice("mode", ("valid", "same", "full"), "valid")
    padding = "" if mode == "valid" or short == 1 else f", padding={short - 1}"
    length = size - short + 1
    cut = ""
    if mode != "valid":
        length = size + short - 1
    if mode == "same" and short > 1:
        first = (short - 1) // 2
        length, cut = size, f"[{first or ''}:{first + size}]"
    text = f"F.conv1d({{0}}[None, None], {{1}}[None, None]{padding})[0, 0]{cut}"
    return step.compute(text, *rows, like=rows[0], shape=(length,))
