"""Keras' MixUp, CutMix and RandomErasing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import (
    Beside,
    augment,
    beside_images,
    channels_are_last,
    factor,
    image_order,
    parts_of,
    value_range,
)
from keras2torch.registry import Integers, example, layer


@layer(
    "MixUp",
    any_order=True,
    training="statistical",
    examples=[
        example({"alpha": 0.4, "seed": 3}, Integers((5, 4, 3), 256)),
        example({"data_format": "channels_first"}, (3, None, 4)),
        example({}, {"images": (5, 4, 3), "labels": Integers((2,), 2)}),
    ],
)
def mix_up(step: Step, data: Any) -> Any:
    """Mixes images, and their labels, while training."""
    return _mix(step, data, "MixUp", step.config.float("alpha", 0.2), False, "moves")


@layer(
    "CutMix",
    any_order=True,
    training="statistical",
    examples=[
        example({"factor": 0.4, "seed": 3}, Integers((5, 4, 3), 256)),
        example({"factor": [0.2, 0.5], "data_format": "channels_first"}, (3, None, 4)),
        example({}, (4, 3)),
        example({}, {"images": (5, 4, 3), "labels": (2,)}),
    ],
)
def cut_mix(step: Step, data: Any) -> Any:
    """Pastes rectangles of other images while training, and mixes the labels; in inference it only
    casts."""
    if isinstance(data, dict) and "bounding_boxes" in data:
        raise step.unsupported("being called on bounding boxes, which fails in Keras,")
    return _mix(step, data, "CutMix", factor(step, "factor", 0.0, 1.0), True, "casts")


@layer(
    "RandomErasing",
    any_order=True,
    training="statistical",
    examples=[
        example({"factor": 0.4, "fill_value": [1, 2, 3], "seed": 3}, Integers((5, 4, 3), 256)),
        example(
            {
                "scale": [0.1, 0.2],
                "fill_value": 0.5,
                "value_range": [0, 1],
                "data_format": "channels_first",
            },
            (3, None, 4),
        ),
        example({"factor": [0.2, 0.5], "scale": 0.5}, (5, 4, 3)),
    ],
)
def random_erasing(step: Step, data: Any) -> Any:
    """Fills rectangles of images while training; in inference it only casts."""
    fill = step.config.raw("fill_value", None)
    if isinstance(fill, list | tuple):
        if len(fill) != 3 or any(type(n) not in (int, float) for n in fill):
            raise step.config.wrong("fill_value", "a number or three", fill)
        if not channels_are_last(step):
            raise step.unsupported("a fill_value for each column")
        fill = tuple(map(float, fill))
    else:
        fill = step.config.float_or_none("fill_value")
    chances, scale = factor(step, "factor", 0.0, 1.0), factor(step, "scale", 0.0, [0.02, 0.33])
    args = (chances, scale, fill, value_range(step))
    return augment(step, data, "RandomErasing", *args, casts=True)


def _mix(step: Step, data: Any, kind: str, option: Any, casts: bool, beside: Beside) -> Any:
    """Images alone, or together with their labels."""
    if isinstance(data, Tensor) or "labels" not in data:
        return augment(step, data, kind, option, casts=casts, beside=beside)
    parts = parts_of(step, data)
    images = image_order(step, parts["images"], channels_are_last(step))
    images = step.floating(images) if casts else images
    labels = step.keras_order(parts["labels"])
    module = step.module(step.helper(kind), option)
    hints = (step.name, f"{step.name}_labels")
    values = step.unpack("{0}, {1}", hints, "{0}({1}, {2})", module, images, labels)
    return {
        **beside_images(step, parts, beside),
        "images": replace(images, value=values[0]),
        "labels": replace(labels, value=values[1]),
    }
