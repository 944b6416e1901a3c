from typing import Any

from keras2torch.activations import EXPRESSIONS, activate
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


def _layer(kind: str, **options: Any) -> dict[str, Any]:
    return {"activation": {"class_name": kind, "config": options}}


@layer(
    "Activation",
    any_order=True,
    masks="keeps",
    examples=[
        *[
            example({"activation": name}, (3, 4))
            for name in sorted({*EXPRESSIONS} - {"keras2_hard_sigmoid"})
        ],
        example({"activation": "tanh"}, (5, 4), masked=True),
        example(_layer("LeakyReLU", negative_slope=0.25), (4,)),
        example(_layer("ReLU", max_value=6), (4,)),
        example(_layer("Softmax", axis=1), (3, 4)),
    ],
)
def activation(step: Step, x: Tensor) -> Tensor:
    """Keras' activation function of this name."""
    value = step.config.raw("activation")
    if isinstance(value, dict) and value.get("class_name") == "Softmax" and x.mask is not None:
        raise step.unsupported("a Softmax layer as activation of a masked input")
    return activate(step, x, value)
