"""Keras' binary arithmetic on tensors and numbers: what ``x + y`` or ``2 * x`` recorded."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.layers import merging


def binary(step: Step, x1: Any, x2: Any, template: str) -> Tensor:
    """``template`` of two operands, ``{0}`` and ``{1}``, with NumPy's rules of broadcasting."""
    tensors = [x for x in (x1, x2) if isinstance(x, Tensor)]
    numbers = [x for x in (x1, x2) if type(x) in (int, float)]
    if len(tensors) + len(numbers) != 2 or not tensors:
        raise step.unsupported("an operand that is neither a tensor nor a number")
    dtype = merging.common_dtype(step, tensors)
    if dtype == "bool":
        raise step.unsupported("arithmetic with booleans")
    if dtype in INTEGER_DTYPES and (float in map(type, numbers) or "/" in template):
        dtype = "float32"
    if len({x.rank for x in tensors}) == 1:
        tensors = merging.in_one_order(step, tensors)
    else:
        tensors = [step.keras_order(x) for x in tensors]
    shape = merging.broadcast(step, [x.shape for x in tensors])
    like = max(tensors, key=lambda x: x.rank)
    if numbers:
        places = ["{0}", literal(x2)] if isinstance(x1, Tensor) else [literal(x1), "{0}"]
        template = template.replace("{0}", "{a}").replace("{1}", places[1])
        template = template.replace("{a}", places[0])
    return step.compute(template, *tensors, like=like, shape=shape, dtype=dtype, mask=None)
