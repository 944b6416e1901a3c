"""Keras' image layers that map values: AutoContrast, Equalization, posterization, solarization."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import augment, channels_are_last, factor, value_range
from keras2torch.registry import Integers, example, layer


@layer(
    "AutoContrast",
    any_order=True,
    examples=[
        example({}, Integers((5, 4, 3), 256)),
        example({"value_range": [0, 1]}, (5, None, 3)),
        example({"value_range": [-1, 1], "data_format": "channels_first"}, (3, 5, 4)),
        example({"value_range": [0, 1]}, (4, 3)),
        example({}, Integers((1, 1, 3), 256)),
    ],
)
def auto_contrast(step: Step, data: Any) -> Any:
    """Stretches the values of images to the whole range, in training and in inference."""
    args: list[Any] = [value_range(step, ordered=True)]
    # Keras looks for the extremes along axes 1 and 2, whatever data_format says.
    if not channels_are_last(step):
        args.append((1, 2))
    return augment(step, data, "AutoContrast", *args, casts=True)


@layer("Equalization", any_order=True, examples=[])
def equalization(step: Step, data: Any) -> Any:
    """Makes the values of a batch equally frequent while training."""
    bins = step.config.int("bins", 256, low=1)
    if bins > 2**20:
        raise step.unsupported(f"{bins} bins")
    args = (value_range(step, ordered=True), bins)
    return augment(step, data, "Equalization", *args, casts=False)


@layer(
    "RandomPosterization",
    any_order=True,
    training="statistical",
    examples=[
        example({"factor": 3, "seed": 3}, Integers((5, 4, 3), 256)),
        example(
            {"factor": [2, 5], "value_range": [0, 1], "data_format": "channels_first"}, (3, 5, 4)
        ),
    ],
)
def random_posterization(step: Step, data: Any) -> Any:
    """Keeps the upper bits of images while training."""
    bits = tuple(int(n) for n in factor(step, "factor", 1.0))
    if not 0 <= bits[0] <= bits[1] <= 8:
        raise step.config.wrong("factor", "numbers of bits", list(bits))
    args = (bits, value_range(step, ordered=True))
    return augment(step, data, "RandomPosterization", *args, casts=False)


@layer(
    "Solarization",
    any_order=True,
    training="statistical",
    examples=[
        example({"addition_factor": 0.2, "threshold_factor": 0.5}, Integers((5, 4, 3), 256)),
        example(
            {
                "addition_factor": [0.1, 0.2],
                "value_range": [0, 1],
                "seed": 3,
                "data_format": "channels_first",
            },
            (3, 5, 4),
        ),
    ],
)
def solarization(step: Step, data: Any) -> Any:
    """Inverts what is not below a threshold, while training; in inference it only casts."""
    args = (
        factor(step, "addition_factor", 0.0),
        factor(step, "threshold_factor", 0.0),
        value_range(step, ordered=True),
    )
    return augment(step, data, "Solarization", *args, casts=True)
