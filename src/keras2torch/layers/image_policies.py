"""Keras' RandAugment and AugMix."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.step import Source, Step
from keras2torch.layers.augmentation import (
    INTERPOLATIONS,
    augment,
    channels_are_last,
    construction,
    factor,
    listed,
    value_range,
)
from keras2torch.registry import Integers, example, layer

MOST = 2**16  # layers in a row, or chains
RAND_AUGMENT = (
    "RandomShear RandomTranslation RandomRotation RandomBrightness RandomColorDegeneration "
    "RandomContrast RandomSharpness RandomPosterization Solarization AutoContrast Equalization"
).split()
AUG_MIX = (
    "RandomShear RandomTranslation RandomRotation RandomPosterization Solarization AutoContrast "
    "Equalization"
).split()
AUG_MIX_ALL = [
    *AUG_MIX,
    *"RandomBrightness RandomColorDegeneration RandomContrast RandomSharpness".split(),
]


@layer(
    "RandAugment",
    any_order=True,
    training="statistical",
    examples=[
        example({"num_ops": 3, "factor": 0.4, "seed": 3}, Integers((5, 4, 3), 256)),
        example(
            {
                "value_range": [0, 1],
                "interpolation": "nearest",
                "data_format": "channels_first",
                "factor": [0.2, 0.5],
            },
            (3, 5, 4),
        ),
    ],
)
def rand_augment(step: Step, data: Any) -> Any:
    """A few of eleven augmentations in a row while training; in inference it only casts."""
    count = _count(step, "num_ops", 2)
    layers = _layers(step, RAND_AUGMENT, factor(step, "factor", 0.0, 0.5))
    options = {"count": count}
    return augment(step, data, "RandAugment", layers, casts=True, beside="moves", **options)


@layer(
    "AugMix",
    any_order=True,
    training="statistical",
    examples=[
        example(
            {"num_chains": 2, "chain_depth": 4, "factor": 0.4, "alpha": 0.7, "seed": 3},
            Integers((5, 4, 3), 256),
        ),
        example(
            {
                "value_range": [0, 1],
                "all_ops": False,
                "interpolation": "nearest",
                "data_format": "channels_first",
                "factor": [0.2, 0.5],
            },
            (3, 5, 4),
        ),
    ],
)
def aug_mix(step: Step, data: Any) -> Any:
    """Mixes images with augmented versions while training; in inference it only casts."""
    names = AUG_MIX_ALL if step.config.bool("all_ops", True) else AUG_MIX
    layers = _layers(step, names, factor(step, "factor", 0.0, 0.3))
    options = {
        "chains": _count(step, "num_chains", 3),
        "depth": _count(step, "chain_depth", 3),
        "alpha": step.config.float("alpha", 1.0),
        "value_range": value_range(step),
    }
    return augment(step, data, "AugMix", layers, casts=True, beside="moves", **options)


def _count(step: Step, key: str, default: int) -> int:
    count = step.config.int(key, default, low=0)
    if count > MOST:
        raise step.unsupported(f"{key}={count}")
    return count


def _layers(step: Step, names: list[str], strength: tuple[float, float]) -> Source:
    """The augmentations as both layers make them, all of one strength."""
    given = value_range(step)
    values = (min(given), max(given))
    nearest = step.config.choice("interpolation", INTERPOLATIONS, "bilinear") == "nearest"
    sampled = ("nearest",) if nearest else ()
    bits = (1, max(1, int(8 * strength[1])))
    args: dict[str, tuple[Any, ...]] = {
        "RandomShear": (strength, strength, *sampled),
        "RandomTranslation": (strength, strength, *sampled),
        "RandomRotation": (strength, *sampled),
        "RandomBrightness": (strength, values),
        "RandomColorDegeneration": (strength, values),
        "RandomContrast": (strength, given),
        "RandomSharpness": (strength, values),
        "RandomPosterization": (bits, values),
        "Solarization": (strength, strength, values),
        "AutoContrast": (values,) if channels_are_last(step) else (values, (1, 2)),
        "Equalization": (values,),
    }
    return listed([construction(step, name, *args[name]) for name in names])
