from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "LeakyReLU",
    any_order=True,
    masks="keeps",
    examples=[
        example({}, (4,)),
        example({"negative_slope": 0.1}, (5, 4), masked=True),
        example({"negative_slope": 0}, (4,)),
    ],
)
def leaky_relu(step: Step, x: Tensor) -> Tensor:
    """x, times ``negative_slope`` where it is negative."""
    slope = step.config.float("negative_slope", 0.3)
    if "alpha" in step.config:  # Keras 2's name, which Keras 3 reads too
        slope = step.config.float("alpha")
    return step.compute(f"F.leaky_relu({{0}}, {literal(slope)})", x, like=x)
