from typing import Any

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import op


@op("NotEqual")
def not_equal(step: Step, x1: Any, x2: Any) -> Tensor:
    """The mask that an Embedding makes: ``tokens != 0``."""
    if not isinstance(x1, Tensor) or type(x2) not in (int, float):
        raise step.unsupported("a comparison of anything but a tensor with a number")
    return step.compute(f"{{0}} != {literal(x2)}", x1, like=x1, dtype="bool", hint="mask")
