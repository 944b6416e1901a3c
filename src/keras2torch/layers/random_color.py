"""Keras' random layers that change the colours of images."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Source, Step
from keras2torch.layers.augmentation import (
    augment,
    beside_images,
    channels_are_last,
    construction,
    factor,
    images_through,
    parts_of,
    value_range,
)
from keras2torch.registry import Example, Integers, example, layer


def _examples(**options: Any) -> list[Example]:
    return [
        example({**options, "seed": 3}, Integers((5, 4, 3), 256)),
        example({**options, "data_format": "channels_first"}, (3, None, 4)),
    ]


@layer(
    "RandomBrightness",
    any_order=True,
    training="statistical",
    examples=[
        *_examples(factor=0.2),
        example({"factor": [-0.1, 0.3], "value_range": [0, 1]}, (4, 3)),
    ],
)
def random_brightness(step: Step, data: Any) -> Any:
    """Adds to the values of images while training."""
    return _colour(step, data, "RandomBrightness", -1.0)


@layer(
    "RandomContrast",
    any_order=True,
    training="statistical",
    examples=_examples(factor=[0.2, 0.5], value_range=[0, 1]),
)
def random_contrast(step: Step, data: Any) -> Any:
    """Changes the contrast of images while training."""
    return _colour(step, data, "RandomContrast", 0.0, ordered=False)


@layer(
    "RandomColorDegeneration",
    any_order=True,
    training="statistical",
    examples=_examples(factor=0.4),
)
def random_color_degeneration(step: Step, data: Any) -> Any:
    """Mixes images with their grey versions while training."""
    return _colour(step, data, "RandomColorDegeneration", -1.0)


@layer(
    "RandomHue",
    any_order=True,
    training="statistical",
    examples=_examples(factor=0.4, value_range=[0, 1]),
)
def random_hue(step: Step, data: Any) -> Any:
    """Turns the hue of images while training."""
    return _colour(step, data, "RandomHue", 0.0, ordered=False)


@layer(
    "RandomSaturation",
    any_order=True,
    training="statistical",
    examples=_examples(factor=[0.2, 0.5]),
)
def random_saturation(step: Step, data: Any) -> Any:
    """Changes the saturation of images while training."""
    return _colour(step, data, "RandomSaturation", -1.0)


@layer(
    "RandomInvert",
    any_order=True,
    training="statistical",
    examples=_examples(factor=0.4, value_range=[0, 1]),
)
def random_invert(step: Step, data: Any) -> Any:
    """Inverts images while training."""
    return _colour(step, data, "RandomInvert", 0.0, 1.0, ordered=False)


@layer(
    "RandomGrayscale",
    any_order=True,
    training="statistical",
    examples=[
        example({"factor": 0.4}, Integers((5, 4, 3), 256)),
        example({"data_format": "channels_first"}, (3, None, 4)),
    ],
)
def random_grayscale(step: Step, data: Any) -> Any:
    """Makes images grey while training."""
    share = step.config.rate("factor", 0.5)
    return augment(step, data, "RandomGrayscale", share, casts=False)


@layer(
    "RandomColorJitter",
    any_order=True,
    training="statistical",
    examples=[
        example(
            {
                "brightness_factor": 0.2,
                "contrast_factor": 0.2,
                "saturation_factor": [0.2, 0.5],
                "hue_factor": 0.1,
                "value_range": [0, 1],
            },
            (5, 4, 3),
        ),
        example({"hue_factor": 0.1, "seed": 3}, Integers((5, 4, 3), 256)),
        example({"hue_factor": 0.1}, {"images": (5, 4, 3), "segmentation_masks": (5, 4, 1)}),
        example({"data_format": "channels_first"}, (3, 5, 4)),
    ],
)
def random_color_jitter(step: Step, data: Any) -> Any:
    """Brightness, contrast, saturation and hue in a row, as ``nn.Sequential``."""
    values, lows = value_range(step), {"brightness": -1.0, "saturation": -1.0}
    sources: list[Source] = []
    for name in ("brightness", "contrast", "saturation", "hue"):
        if step.config.raw(f"{name}_factor", None) is None:
            continue
        given = factor(step, f"{name}_factor", lows.get(name, 0.0))
        in_order = (min(values), max(values)) if name in lows else values
        sources.append(construction(step, f"Random{name.capitalize()}", given, in_order))
    # Keras tells the inner layers nothing of data_format: to them channels are last.
    channels_are_last(step)
    parts = {"images": data} if isinstance(data, Tensor) else parts_of(step, data)
    parts = beside_images(step, parts, "keeps")
    if sources:
        module = step.module("nn.Sequential", *sources)
        parts["images"] = images_through(step, parts["images"], module, False, True)
    return parts["images"] if isinstance(data, Tensor) else parts


def _colour(
    step: Step, data: Any, kind: str, low: float, default: float = 0.0, ordered: bool = True
) -> Any:
    args = (factor(step, "factor", low, default), value_range(step, ordered=ordered))
    return augment(step, data, kind, *args, casts=False)
