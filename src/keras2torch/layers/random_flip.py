"""Keras' RandomFlip."""

from typing import Any

from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import augment
from keras2torch.registry import Integers, example, layer


@layer(
    "RandomFlip",
    any_order=True,
    training="statistical",
    examples=[
        example({"mode": "horizontal", "seed": 3}, Integers((5, 4, 3), 256)),
        example({"mode": "vertical", "data_format": "channels_first"}, (3, None, 4)),
        example({}, (None, 3)),
        example({}, {"images": (5, 4, 3), "labels": (2,), "weights": (1,)}),
        example(
            {"bounding_box_format": "xyxy"},
            {
                "images": Integers((5, 4, 3), 256),
                "bounding_boxes": {"boxes": Integers((2, 4), 5), "labels": (2,)},
                "segmentation_masks": Integers((5, 4, 1), 2),
            },
        ),
    ],
)
def random_flip(step: Step, data: Any) -> Any:
    """Mirrors images while training; in inference it only casts."""
    modes = ("horizontal", "vertical", "horizontal_and_vertical")
    mode = step.config.choice("mode", modes, "horizontal_and_vertical")
    return augment(step, data, "RandomFlip", mode, casts=True, beside="casts")
