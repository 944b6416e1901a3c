from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "ELU",
    any_order=True,
    masks="keeps",
    examples=[example({}, (4,)), example({"alpha": 0.7}, (5, 4), masked=True)],
)
def elu(step: Step, x: Tensor) -> Tensor:
    """x, and alpha * (exp(x) - 1) where it is negative."""
    alpha = step.config.float("alpha", 1.0)
    given = "" if alpha == 1 else f", {literal(alpha)}"
    return step.compute(f"F.elu({{0}}{given})", x, like=x)
