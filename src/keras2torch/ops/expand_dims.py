from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import op


@op("ExpandDims")
def expand_dims(step: Step, x: Tensor) -> Tensor:
    """A new axis of size 1."""
    axis = step.config.int("axis")
    if not -x.rank - 1 <= axis <= x.rank or axis % (x.rank + 1) == 0:
        raise step.unsupported(f"axis={axis} of shape {x.shape}")
    place = axis % (x.rank + 1)
    shape = (*x.shape[:place], 1, *x.shape[place:])
    dim = -1 if place == x.rank else place
    return step.compute(f"{{0}}.unsqueeze({dim})", x, like=x, shape=shape, mask=None)
