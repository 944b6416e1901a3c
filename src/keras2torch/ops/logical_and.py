from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ops.logical_or import combined
from keras2torch.registry import op


@op("LogicalAnd")
def logical_and(step: Step, x1: Any, x2: Any) -> Tensor:
    """Where both are true."""
    return combined(step, x1, x2, "&")
