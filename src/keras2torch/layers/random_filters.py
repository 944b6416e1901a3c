"""Keras' RandomSharpness and RandomGaussianBlur."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import LARGEST_SIDE, augment, factor, value_range
from keras2torch.registry import Integers, example, layer


@layer(
    "RandomSharpness",
    any_order=True,
    training="statistical",
    examples=[
        example({"factor": 0.4, "seed": 3}, Integers((5, 4, 3), 256)),
        example(
            {"factor": [0.2, 0.5], "value_range": [0, 1], "data_format": "channels_first"},
            (3, None, 4),
        ),
    ],
)
def random_sharpness(step: Step, data: Any) -> Any:
    """Sharpens and smooths images while training; in inference it only casts."""
    args = (factor(step, "factor", 0.0), value_range(step, ordered=True))
    return augment(step, data, "RandomSharpness", *args, casts=True)


@layer(
    "RandomGaussianBlur",
    any_order=True,
    training="statistical",
    examples=[
        example({"kernel_size": 5, "sigma": 0.7, "seed": 3}, Integers((5, 4, 3), 256)),
        example(
            {
                "factor": [0.2, 0.5],
                "kernel_size": [3, 5],
                "sigma": [0.2, 0.8],
                "value_range": [0, 1],
                "data_format": "channels_first",
            },
            (3, None, 4),
        ),
    ],
)
def random_gaussian_blur(step: Step, data: Any) -> Any:
    """Blurs images while training; in inference it only casts."""
    size = step.config.window("kernel_size", 2, 3)
    if not all(side % 2 and side < LARGEST_SIDE for side in size):
        raise step.config.wrong("kernel_size", "odd", list(size))
    chances, sigma = factor(step, "factor", 0.0, 1.0), factor(step, "sigma", 0.0, 1.0)
    args = (chances, size, sigma, value_range(step))
    return augment(step, data, "RandomGaussianBlur", *args, casts=True)
