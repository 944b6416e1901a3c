"""Keras' RandomRotation, RandomTranslation, RandomZoom, RandomShear and RandomPerspective."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import augment, factor, sampling
from keras2torch.registry import Example, Integers, example, layer


def _examples(**factors: Any) -> list[Example]:
    modes = {"fill_mode": "constant", "fill_value": 0.5, "interpolation": "nearest"}
    return [
        example({**factors, **modes, "seed": 3}, Integers((5, 4, 3), 256)),
        example({**factors, "data_format": "channels_first"}, (3, None, 4)),
    ]


@layer(
    "RandomRotation",
    any_order=True,
    training="statistical",
    examples=[*_examples(factor=0.2), example({"factor": [-0.1, 0.3]}, (4, 3))],
)
def random_rotation(step: Step, data: Any) -> Any:
    """Turns images while training; in inference it only casts."""
    return _warp(step, data, "RandomRotation", factor(step, "factor", -1.0))


@layer(
    "RandomTranslation",
    any_order=True,
    training="statistical",
    examples=_examples(height_factor=0.2, width_factor=[-0.1, 0.3]),
)
def random_translation(step: Step, data: Any) -> Any:
    """Moves images while training; in inference it only casts."""
    height, width = (factor(step, key, -1.0) for key in ("height_factor", "width_factor"))
    return _warp(step, data, "RandomTranslation", height, width)


@layer(
    "RandomZoom",
    any_order=True,
    training="statistical",
    examples=[
        *_examples(height_factor=0.2, width_factor=[-0.1, 0.3]),
        example({"height_factor": [-0.2, 0.1]}, (4, 4, 3)),
    ],
)
def random_zoom(step: Step, data: Any) -> Any:
    """Zooms images while training; in inference it only casts."""
    height = factor(step, "height_factor", -1.0)
    alike = step.config.raw("width_factor", None) is None
    widths = [] if alike else [factor(step, "width_factor", -1.0)]
    return _warp(step, data, "RandomZoom", height, *widths)


@layer(
    "RandomShear",
    any_order=True,
    training="statistical",
    examples=_examples(x_factor=[0.1, 0.3], y_factor=[0.0, 0.2]),
)
def random_shear(step: Step, data: Any) -> Any:
    """Slants images while training; in inference it only casts."""
    x, y = (factor(step, key, -1.0) for key in ("x_factor", "y_factor"))
    return _warp(step, data, "RandomShear", x, y)


@layer(
    "RandomPerspective",
    any_order=True,
    training="statistical",
    examples=[
        example({"factor": 0.5, "scale": 0.4, "seed": 3}, Integers((5, 4, 3), 256)),
        example(
            {"factor": [0.2, 0.5], "fill_value": 0.5, "interpolation": "nearest"}, (None, 4, 3)
        ),
        example({"data_format": "channels_first"}, (3, 5, 4)),
    ],
)
def random_perspective(step: Step, data: Any) -> Any:
    """Moves the corners of images while training; in inference it only casts."""
    chances, scale = factor(step, "factor", 0.0, 1.0), step.config.rate("scale", 1.0)
    args, options = (chances, scale), sampling(step, fills=False)
    return augment(step, data, "RandomPerspective", *args, casts=True, beside="moves", **options)


def _warp(step: Step, data: Any, kind: str, *factors: Any) -> Any:
    return augment(step, data, kind, *factors, casts=True, beside="moves", **sampling(step))
