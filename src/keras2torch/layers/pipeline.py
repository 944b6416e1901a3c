"""Keras' Pipeline: layers in a row that are one layer."""

from __future__ import annotations

from typing import Any

from keras2torch import registry
from keras2torch.errors import quoted
from keras2torch.ir.build import snake_case
from keras2torch.ir.step import Step
from keras2torch.registry import example, layer

MOST = 10_000  # layers in a row


def _in(class_name: str, **config: Any) -> dict[str, Any]:
    return {"class_name": class_name, "config": config}


@layer(
    "Pipeline",
    any_order=True,
    training="statistical",
    examples=[
        example(
            {
                "layers": [
                    _in("AutoContrast", value_range=[0, 1]),
                    _in("RandomFlip"),
                    _in("Equalization", value_range=[0, 1], bins=64),
                    _in("RandomZoom", height_factor=0.2),
                ]
            },
            (5, 4, 3),
        ),
        example(
            {
                "layers": [
                    _in("Dense", units=3, name="a"),
                    _in("Dense", units=3, name="b"),
                    _in("LSTM", units=2),
                ]
            },
            (5, 4),
            masked=True,
        ),
        example({"layers": [_in("Add"), _in("Dense", units=2)]}, [(4,), (4,)]),
    ],
)
def pipeline(step: Step, data: Any) -> Any:
    """Each layer is written as if it stood in the model itself."""
    entries = step.config.raw("layers")
    if not isinstance(entries, list) or not 0 < len(entries) < MOST:
        raise step.config.wrong("layers", "a list of layers", entries)
    counts: dict[str, int] = {}
    for entry in entries:
        class_name = entry.get("class_name") if isinstance(entry, dict) else None
        if not isinstance(class_name, str):
            raise step.config.wrong("layers", "a list of layers", entries)
        if not str(entry.get("module")).startswith("keras.") or entry.get("registered_name"):
            raise step.unsupported(f"the custom layer {quoted(class_name)} inside")
        key = snake_case(class_name)
        counts[key] = counts.get(key, -1) + 1
        key = f"{key}_{counts[key]}" if counts[key] else key
        part = step.part(f"layer {quoted(key)}", f"layers/{key}", entry, own=key)
        data = registry.find(class_name, False, part.where).outputs(part, [data], {})
        step.precision = part.precision  # Keras returns what the last layer does, as it is
    return data
