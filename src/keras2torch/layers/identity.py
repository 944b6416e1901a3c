from typing import Any

from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "Identity",
    any_order=True,
    masks="keeps",
    examples=[example({}, (4,)), example({}, (5, 4), masked=True)],
)
def identity(step: Step, inputs: Any) -> Any:
    """Returns what it is given."""
    return inputs
