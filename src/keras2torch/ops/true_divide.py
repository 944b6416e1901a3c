from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ops.arithmetic import binary
from keras2torch.registry import op


@op("TrueDivide", "Divide", any_order=True)
def true_divide(step: Step, x1: Any, x2: Any) -> Tensor:
    return binary(step, x1, x2, "{0} / {1}")
