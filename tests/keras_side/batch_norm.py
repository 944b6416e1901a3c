"""Trains Keras' BatchNormalization for some steps in float64: the expected values.

Reads a job on standard input: ``folder`` and ``cases``, each with an id, the layer's config, the
shape of its input and whether it is masked. Writes ``<id>.npz`` with the inputs ``x<step>`` and
``mask<step>``, the variables before the first step, and per step the output, the gradients by the
input and the weights, and the moving statistics after it.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

STEPS = 3


def train(case):
    """Run the layer in training mode on a new batch per step; nothing updates gamma and beta."""
    rng = np.random.default_rng(len(case["id"]))
    layer = keras.layers.BatchNormalization(**case["config"])
    layer.build((None, *case["shape"][1:]))
    told = {}
    for variable in layer.variables:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        told[variable.name] = variable.numpy()
    for step in range(STEPS):
        x = tf.constant(rng.normal(0.3, 2.0, case["shape"]))
        kwargs = {}
        if case["masked"]:
            mask = rng.random(case["shape"][:-1]) < (0.6 if step else 0.0)
            told[f"mask{step}"] = mask
            kwargs["mask"] = tf.constant(mask)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=True, **kwargs)
            weigh = tf.reshape(tf.cos(tf.range(tf.size(y), dtype=y.dtype)), tf.shape(y))
            loss = tf.reduce_sum(y * weigh)
        weights = {v.name: v.value for v in layer.trainable_variables}
        found = tape.gradient(loss, {"x": x, **weights})
        told |= {f"x{step}": x.numpy(), f"y{step}": y.numpy()}
        told |= {f"grad_{name}{step}": g.numpy() for name, g in found.items()}
        for variable in layer.non_trainable_variables:
            told[f"{variable.name}{step}"] = variable.numpy()
    return told


def main():
    keras.config.set_floatx("float64")
    job = json.load(sys.stdin)
    for case in job["cases"]:
        np.savez(Path(job["folder"], f"{case['id']}.npz"), **train(case))


if __name__ == "__main__":
    main()
