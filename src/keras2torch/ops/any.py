from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.ops import masks
from keras2torch.registry import op


@op("Any")
def any_(step: Step, x: Tensor) -> Tensor:
    """Whether anything is true along one axis: the masks of Masking and Concatenate."""
    axis = step.config.int("axis")
    keepdims = step.config.bool("keepdims", False)
    if not -x.rank <= axis < x.rank or x.dtype not in INTEGER_DTYPES:
        raise step.unsupported(f"axis={axis} of {x.dtype} of shape {x.shape}")
    axis %= x.rank
    last = axis == x.rank - 1
    found = masks.gathered(step, x) if last and not keepdims else None
    if found is not None:
        return found
    shape = (*x.shape[:axis], *([1] if keepdims else []), *x.shape[axis + 1 :])
    options = f"dim={-1 if last else axis}" + (", keepdim=True" if keepdims else "")
    return step.compute(
        f"{{0}}.any({options})", x, like=x, shape=shape, dtype="bool", mask=None, hint="mask"
    )
