"""Keras' activations of many numbers, and their gradients, in float64: the expected values.

A process of its own, started by ``tests/test_activations.py``. Reads a job on standard input:
``names``, ``inputs`` (an ``.npz`` with ``x`` and ``weights``) and ``outputs``, the ``.npz`` to
write, with ``<name>`` and ``<name>.gradient`` (of the sum of the outputs times the weights).
"""

import json
import sys

import keras
import numpy as np


def on_tensorflow(function, x, weights):
    import tensorflow as tf

    x = tf.convert_to_tensor(x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = function(x)
        loss = tf.reduce_sum(y * weights[:, : y.shape[1]])
    return y, tape.gradient(loss, x)


def on_jax(function, x, weights):
    import jax

    jax.config.update("jax_enable_x64", True)
    x = jax.numpy.asarray(x)
    y = function(x)
    return y, jax.grad(lambda v: (function(v) * weights[:, : y.shape[1]]).sum())(x)


def main():
    job = json.load(sys.stdin)
    keras.config.set_floatx("float64")
    run = on_tensorflow if keras.backend.backend() == "tensorflow" else on_jax
    found = {}
    with np.load(job["inputs"]) as stored:
        for name in job["names"]:
            y, gradient = run(keras.activations.get(name), stored["x"], stored["weights"])
            found[name] = np.asarray(y)
            found[f"{name}.gradient"] = np.asarray(gradient)
    np.savez(job["outputs"], **found)


if __name__ == "__main__":
    main()
