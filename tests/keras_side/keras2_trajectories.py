"""Trains compiled models of Keras 2, step by step in float64, and saves them on the way.

A process of its own, started by ``tests/test_resume.py`` with a job on standard input: ``folder``.
It writes for each case of ``CASES`` ``<id>.<step>.h5`` and, where Keras 2 keeps the optimizer's
state there, ``<id>.<step>.keras``; ``<id>.data.npz`` with a batch in each row, ``<id>.losses.npy``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

HALF, ALL = 50, 100
layers, optimizers = keras.layers, keras.optimizers
cast = tf.cast


def exact_cast(x, dtype, name=None):
    """A Python number that is cast to float64 goes through float32 otherwise."""
    if type(x) is float and tf.as_dtype(dtype) == tf.float64:
        return tf.constant(x, tf.float64)
    return cast(x, dtype, name)


def dense():
    inputs = keras.Input((7,), name="x")
    # A share that is exact in float32, in which Keras 2 takes it.
    x = layers.BatchNormalization(momentum=0.75)(layers.Dense(6, activation="tanh")(inputs))
    return keras.Model(inputs, layers.Dense(2)(x)), lambda rng: rng.normal(size=(8, 7)), 2


def gru():
    series = keras.Input((5, 3), name="series")
    x = layers.Bidirectional(layers.GRU(4))(series)
    return keras.Model(series, layers.Dense(1)(x)), lambda rng: rng.normal(size=(8, 5, 3)), 1


def embedding():
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(tokens))
    return keras.Model(tokens, layers.Dense(1)(x)), lambda rng: rng.integers(0, 4, (8, 6)), 1


# The numbers that older optimizers keep in float32 are exact there.
CASES = {
    "dense_adam": (dense, lambda: optimizers.Adam(0.02, amsgrad=True)),
    "gru_sgd": (gru, lambda: optimizers.SGD(0.02, momentum=0.9, nesterov=True)),
    "embedding_rmsprop": (embedding, lambda: optimizers.RMSprop(0.02, centered=True)),
    "dense_older_adam": (dense, lambda: optimizers.legacy.Adam(1 / 64)),
    "gru_older_sgd": (gru, lambda: optimizers.legacy.SGD(1 / 64, momentum=0.5)),
}


def train(folder, name):
    keras.utils.set_random_seed(1)
    make, optimizer = CASES[name]
    model, draw, outputs = make()
    model.compile(optimizer(), "mse")
    rng = np.random.default_rng(1)
    inputs = np.stack([draw(rng) for _ in range(ALL)])
    targets = rng.normal(size=(ALL, 8, outputs))
    losses = []
    for step in range(ALL + 1):
        if step in (0, HALF, ALL):
            model.save(folder / f"{name}.{step}.h5")
            if "older" not in name:
                model.save(folder / f"{name}.{step}.keras")
        if step < ALL:
            losses.append(float(model.train_on_batch(inputs[step], targets[step])))
            model.reset_metrics()
    np.savez(folder / f"{name}.data.npz", **{model.inputs[0].name: inputs, "y": targets})
    np.save(folder / f"{name}.losses.npy", np.array(losses))


if __name__ == "__main__":
    tf.cast = tf.compat.v2.cast = exact_cast
    keras.backend.set_floatx("float64")
    job = json.load(sys.stdin)
    for name in CASES:
        train(Path(job["folder"]), name)
