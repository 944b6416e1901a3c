from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ops import masks
from keras2torch.registry import op


@op("ZerosLike")
def zeros_like(step: Step, x: Tensor) -> Tensor:
    """A part of a mask: booleans of the shape of ``x``."""
    if step.config.raw("dtype", None) != "bool":
        raise step.unsupported("anything but booleans")
    return step.compute(masks.ZEROS, x, like=x, dtype="bool", mask=None, hint="mask")
