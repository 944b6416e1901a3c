from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.merging import broadcast
from keras2torch.ops import masks
from keras2torch.registry import op


@op("LogicalOr")
def logical_or(step: Step, x1: Any, x2: Any) -> Tensor:
    """The mask of merged inputs, or a mask spread over the features (``ops/masks.py``)."""
    return combined(step, x1, x2, "|")


def combined(step: Step, x1: Any, x2: Any, operator: str) -> Tensor:
    """Booleans, element by element."""
    if not all(isinstance(x, Tensor) and x.dtype == "bool" for x in (x1, x2)):
        raise step.unsupported("anything but two boolean tensors")
    shape = broadcast(step, [x1.shape, x2.shape])
    like = max(x1, x2, key=lambda x: x.rank)
    column, zeros = masks.made_by(step, x1.value), masks.made_by(step, x2.value)
    if (
        column is not None
        and zeros is not None
        and operator == "|"
        and (column.expression, zeros.expression) == (masks.COLUMN, masks.ZEROS)
        and x1.rank == x2.rank
    ):
        operands = (column.operands[0], zeros.operands[0])
        return step.compute(masks.SPREAD, *operands, like=x2, mask=None, hint="mask")
    expression = f"{{0}} {operator} {{1}}"
    return step.compute(expression, x1, x2, like=like, shape=shape, mask=None, hint="mask")
