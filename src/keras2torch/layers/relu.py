from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.writer import INTEGER_DTYPES
from keras2torch.registry import example, layer


@layer(
    "ReLU",
    any_order=True,
    masks="keeps",
    examples=[
        example({}, (4,)),
        example({"max_value": 6}, (4,)),
        example({"max_value": 0.6}, (5, 4), masked=True),
        example({"negative_slope": 0.2}, (4,)),
        example({"threshold": 0.3}, (4,)),
        example({"threshold": 0.3, "max_value": 0.7}, (4,)),
        example({"max_value": 6.0, "negative_slope": 0.3}, (4,)),
        example({"max_value": 0.7, "negative_slope": 0.3, "threshold": 0.1}, (4,)),
    ],
)
def relu(step: Step, x: Tensor) -> Tensor:
    """x above the threshold, at most ``max_value``; a line below the threshold."""
    slope = step.config.float("negative_slope", 0.0)
    highest = step.config.float_or_none("max_value")
    threshold = step.config.float("threshold", 0.0)
    if x.dtype in INTEGER_DTYPES and (slope or threshold or highest is not None):
        raise step.unsupported("whole numbers with a limit, a slope or a threshold")
    if slope and (highest is not None or threshold):
        function = step.helper("thresholded_relu")
        options = f"{literal(slope)}, {literal(highest)}, {literal(threshold)}"
        return step.compute(f"{function}({{0}}, {options})", x, like=x)
    if slope:
        expression = f"F.leaky_relu({{0}}, {literal(slope)})"
    elif highest == 6 and not threshold:
        expression = "F.relu6({0})"
    else:
        start = f"F.threshold({{0}}, {literal(threshold)}, 0.0)" if threshold else "torch.relu({0})"
        expression = start if highest is None else f"{start}.clamp(max={literal(highest)})"
    return step.compute(expression, x, like=x)
