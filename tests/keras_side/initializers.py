"""Layers as Keras starts them."""

from pathlib import Path

import keras


def initial_weights(job):
    """``cases`` of id, layer's class, its config and its input's shape: ``<id>.keras``."""
    folder = Path(job["folder"])
    folder.mkdir()
    keras.utils.set_random_seed(7)
    for case in job["cases"]:
        layer = keras.layers.deserialize(
            {
                "module": "keras.layers",
                "class_name": case["layer"],
                "config": case["config"],
                "registered_name": None,
            }
        )
        x = keras.Input(case["shape"], dtype=case["dtype"])
        outputs = layer(x, x) if case["layer"] == "MultiHeadAttention" else layer(x)
        keras.Model(x, outputs).save(folder / f"{case['id']}.keras")
        keras.backend.clear_session()
