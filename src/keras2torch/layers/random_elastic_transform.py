"""Keras' RandomElasticTransform."""

from typing import Any

from keras2torch.ir.step import Step
from keras2torch.layers.augmentation import augment, factor, sampling, value_range
from keras2torch.registry import Integers, example, layer


@layer(
    "RandomElasticTransform",
    any_order=True,
    training="statistical",
    examples=[
        example({"factor": 0.5, "scale": [0.2, 0.6], "seed": 3}, Integers((5, 4, 3), 256)),
        example(
            {
                "interpolation": "nearest",
                "fill_mode": "constant",
                "fill_value": 0.5,
                "value_range": [0, 1],
                "data_format": "channels_first",
            },
            (3, None, 4),
        ),
    ],
)
def random_elastic_transform(step: Step, data: Any) -> Any:
    """Moves pixels by smoothed noise while training; in inference it only casts."""
    # Keras takes fill_mode="mirror" too, and then fails to train on TensorFlow.
    chances, scale = factor(step, "factor", 0.0, 1.0), factor(step, "scale", 0.0, 1.0)
    args, options = (chances, scale, value_range(step)), sampling(step)
    kind = "RandomElasticTransform"
    return augment(step, data, kind, *args, casts=True, beside="moves", **options)
