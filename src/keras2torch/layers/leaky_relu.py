from keras2torch.emit.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "LeakyReLU",
    any_order=True,
    masks="keeps",
    examples=[
        # TensorFlow keeps the slope in float32 even for float64: these are the same in both.
        example({"negative_slope": 0.125}, (4,)),
        example({"negative_slope": 0.25}, (5, 4), masked=True),
        example({"negative_slope": 0}, (4,)),
    ],
)
def leaky_relu(step: Step, x: Tensor) -> Tensor:
    """x, times ``negative_slope`` where it is negative."""
    slope = step.config.float("negative_slope", 0.3)
    if "alpha" in step.config:  # Keras 2's name, which Keras 3 reads too
        slope = step.config.float("alpha")
    return step.compute(f"F.leaky_relu({{0}}, {literal(slope)})", x, like=x)
