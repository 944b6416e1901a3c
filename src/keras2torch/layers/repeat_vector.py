from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer("RepeatVector", examples=[example({"n": 3}, (4,)), example({"n": 1}, (None,))])
def repeat_vector(step: Step, x: Tensor) -> Tensor:
    """(batch, features) to (batch, n, features); Keras drops the mask."""
    n = step.config.int("n", low=1)
    if x.rank != 2:
        raise step.unsupported(f"an input of shape {x.shape}")
    shape = (x.shape[0], n, x.shape[1])
    return step.compute(
        f"{{0}}.unsqueeze(1).expand(-1, {n}, -1)", x, like=x, shape=shape, mask=None
    )
