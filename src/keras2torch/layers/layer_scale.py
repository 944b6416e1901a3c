"""LayerScale of keras.applications, which ConvNeXt's blocks have."""

from __future__ import annotations

from keras2torch.ir.literals import literal
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer


@layer(
    "LayerScale",
    any_order=True,
    examples=[
        example({"init_values": 0.5, "projection_dim": 4}, (4,)),
        example({"init_values": 1e-6, "projection_dim": 3}, (4, 5, 3)),
        example({"init_values": 0.1, "projection_dim": 2, "trainable": False}, (3, 2)),
    ],
)
def layer_scale(step: Step, x: Tensor) -> Tensor:
    """Every channel times a learned number."""
    size = step.config.int("projection_dim", low=1)
    start = step.config.float("init_values")
    if x.shape[-1] not in (1, size):
        raise step.unsupported(f"{size} numbers for an input of shape {x.shape}")
    x = step.floating(step.keras_order(x))
    scale = step.module(step.helper("LayerScale"), size, start)
    step.parameter(scale, "weight", step.weights.take("variable", (size,)))
    if step.trainable and not scale.reset:
        scale.reset.append(f"nn.init.constant_({{0}}.weight, {literal(start)})")
    return step.compute("{0}({1})", scale, x, like=x, shape=(*x.shape[:-1], size))
