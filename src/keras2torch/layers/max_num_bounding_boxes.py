"""Keras' MaxNumBoundingBoxes."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import (
    LARGEST_SIDE,
    beside_images,
    channels_are_last,
    parts_of,
)
from keras2torch.registry import Integers, example, layer


@layer(
    "MaxNumBoundingBoxes",
    any_order=True,
    examples=[
        example({"max_number": 3}, Integers((5, 4, 3), 256)),
        *(
            example(
                {"max_number": number, "bounding_box_format": "xyxy"},
                {"images": (5, 4, 3), "bounding_boxes": {"boxes": (4, 4), "labels": (4,)}},
            )
            for number in (3, 4, 6)
        ),
    ],
)
def max_num_bounding_boxes(step: Step, data: Any) -> Any:
    """Brings the number of bounding boxes to a fixed one; images stay as they are."""
    number = step.config.int("max_number", low=1)
    # Keras does not save it, so that a loaded layer always has its default.
    step.config.require("fill_value", -1, -1)
    channels_are_last(step)
    if number > LARGEST_SIDE:
        raise step.unsupported(f"{number} bounding boxes")
    if isinstance(data, Tensor):
        step.config.ignore("bounding_box_format")
        return data
    parts = beside_images(step, parts_of(step, data), "keeps")
    boxes = parts.get("bounding_boxes")
    if boxes is not None:
        parts["bounding_boxes"] = {
            "boxes": _resized(step, boxes["boxes"], number, 3),
            "labels": _resized(step, boxes["labels"], number, 2),
        }
    return parts


def _resized(step: Step, x: Tensor, number: int, rank: int) -> Tensor:
    """Axis 1 cut off behind, or padded with -1."""
    x, count = step.keras_order(x), x.shape[1]
    if x.rank != rank or count is None:
        raise step.unsupported(f"bounding boxes of shape {x.shape}")
    shape = (x.shape[0], number, *x.shape[2:])
    if count > number:
        return step.compute(f"{{0}}[:, :{number}]", x, like=x, shape=shape)
    if count == number:
        return x
    pads = f"({'0, 0, ' * (rank - 2)}0, {number - count})"
    return step.compute(f"F.pad({{0}}, {pads}, value=-1)", x, like=x, shape=shape)
