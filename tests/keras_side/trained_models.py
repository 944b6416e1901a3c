"""Compiled models and their data, for ``trajectories.py``.

What a normalisation follows has no bias: the gradient of one is 0 but for rounding, which Adam
makes steps of.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

layers = keras.layers


@dataclass
class Made:
    """A model, what it is compiled with, and how a batch of inputs and targets is drawn."""

    model: Any
    loss: Any
    draw: Callable[[Any, int], tuple[list[Any], Any]]
    compiled: dict[str, Any] = field(default_factory=dict)


def numbers(*shape):
    return lambda rng, size: rng.normal(size=(size, *shape))


def ids(below, *shape):
    """Whole numbers, the small ones often, as in texts: batches have each several times."""
    return lambda rng, size: np.minimum(rng.geometric(0.3, (size, *shape)) - 1, below - 1).astype(
        "int32"
    )


def drawn(inputs, targets):
    """Draws each input, then the targets."""
    return lambda rng, size: ([draw(rng, size) for draw in inputs], targets(rng, size))


def yes_or_no(*shape):
    return lambda rng, size: rng.integers(0, 2, (size, *(shape or (1,)))).astype("float64")


def classes(count):
    return lambda rng, size: rng.integers(0, count, (size,))


def dense():
    inputs = keras.Input((7,), name="x")
    x = layers.Dense(6, activation="tanh")(inputs)
    return Made(keras.Model(inputs, layers.Dense(2)(x)), "mse", drawn([numbers(7)], numbers(2)))


def embedding():
    """One embedding of two texts, which have words in common."""
    texts = [keras.Input((size,), dtype="int32", name=f"text_{size}") for size in (6, 3)]
    words = layers.Embedding(9, 4)
    parts = [layers.GlobalAveragePooling1D()(words(text)) for text in texts]
    model = keras.Model(texts, layers.Dense(3, activation="softmax")(layers.Concatenate()(parts)))
    return Made(model, "sparse_categorical_crossentropy", drawn([ids(9, 6), ids(9, 3)], classes(3)))


def convolution():
    images = keras.Input((6, 6, 2), name="images")
    x = layers.Conv2D(3, 3, padding="same", use_bias=False)(images)
    x = layers.BatchNormalization()(x)
    x = layers.Flatten()(layers.MaxPooling2D()(layers.Activation("relu")(x)))
    model = keras.Model(images, layers.Dense(1, activation="sigmoid")(x))
    return Made(model, "binary_crossentropy", drawn([numbers(6, 6, 2)], yes_or_no()))


def lstm():
    series = keras.Input((5, 3), name="series")
    model = keras.Model(series, layers.Dense(1)(layers.LSTM(4)(series)))
    return Made(model, "mse", drawn([numbers(5, 3)], numbers(1)))


def gru():
    series = keras.Input((5, 3), name="series")
    model = keras.Model(series, layers.Dense(1)(layers.GRU(4)(series)))
    return Made(model, "mse", drawn([numbers(5, 3)], numbers(1)))


def both_ways():
    series = keras.Input((6, 3), name="series")
    x = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(series)
    x = layers.Dense(1, activation="sigmoid")(layers.Bidirectional(layers.LSTM(2))(x))
    return Made(keras.Model(series, x), "binary_crossentropy", drawn([numbers(6, 3)], yes_or_no()))


def volumes():
    """Three dimensions, and a normalisation of axis 1."""
    scans = keras.Input((4, 4, 4, 2), name="scans")
    x = layers.Conv3D(3, 2, use_bias=False)(scans)
    x = layers.Activation("relu")(layers.BatchNormalization()(x))
    x = layers.BatchNormalization(axis=1, momentum=0.9)(layers.Permute((4, 1, 2, 3))(x))
    x = layers.Flatten()(layers.Conv3D(2, 2)(x))
    return Made(
        keras.Model(scans, layers.Dense(1)(x)), "mse", drawn([numbers(4, 4, 4, 2)], numbers(1))
    )


def normalized():
    images = keras.Input((5, 5, 2), name="images")
    x = layers.BatchNormalization(momentum=0.9)(layers.Conv2D(3, 3, use_bias=False)(images))
    x = layers.Dense(4, use_bias=False)(layers.Flatten()(layers.Activation("relu")(x)))
    x = layers.Dense(1)(layers.BatchNormalization(momentum=0.5, epsilon=1e-2)(x))
    return Made(keras.Model(images, x), "mse", drawn([numbers(5, 5, 2)], numbers(1)))


def tiny_gradients():
    made = dense()
    made.compiled["loss_weights"] = [1e-8]
    return made


def regularized():
    inputs = keras.Input((7,), name="x")
    x = layers.Dense(6, activation="tanh", kernel_regularizer="l2")(inputs)
    x = layers.Dense(4, kernel_regularizer=keras.regularizers.L1L2(0.02, 0.03))(x)
    x = layers.Dense(2, bias_regularizer=keras.regularizers.L2(0.1))(x)
    return Made(keras.Model(inputs, x), "mse", drawn([numbers(7)], numbers(2)))


def entities():
    """An embedding per category, as in the book; a dropout that drops nothing."""
    inputs = [keras.Input((1,), dtype="int32", name=f"category_{n}") for n in range(3)]
    parts = [
        layers.Flatten()(layers.SpatialDropout1D(0.0)(layers.Embedding(size, 3)(column)))
        for column, size in zip(inputs, (5, 9, 4), strict=True)
    ]
    x = layers.BatchNormalization()(layers.Concatenate()(parts))
    x = layers.BatchNormalization()(layers.Dense(6, use_bias=False)(x))
    model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))

    def one_of_two(rng, size):
        return np.eye(2)[rng.integers(0, 2, size)]

    return Made(model, "binary_crossentropy", drawn([ids(5, 1), ids(9, 1), ids(4, 1)], one_of_two))


def frozen_norm():
    """A pretrained part that stays in inference, its normalisation too."""
    images = keras.Input((6, 6, 2), name="images")
    x = layers.Conv2D(3, 3, trainable=False)(images)
    x = layers.BatchNormalization(trainable=False)(x)
    x = layers.Flatten()(layers.Activation("relu")(x))
    x = layers.BatchNormalization()(layers.Dense(3, use_bias=False)(x))
    return Made(
        keras.Model(images, layers.Dense(1)(x)), "mse", drawn([numbers(6, 6, 2)], numbers(1))
    )


def two_outputs():
    """Outputs that weigh differently, of an embedding and a recurrence in the middle."""
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    extra = keras.Input((3,), name="extra")
    x = layers.GRU(4)(layers.Embedding(9, 4)(tokens))
    x = layers.BatchNormalization()(layers.Concatenate()([x, extra]))
    kind = layers.Dense(3, activation="softmax", name="kind")(x)
    model = keras.Model([tokens, extra], {"kind": kind, "size": layers.Dense(1, name="size")(x)})

    def targets(rng, size):
        return {"kind": rng.integers(0, 3, (size,)), "size": rng.normal(size=(size, 1))}

    return Made(
        model,
        {"kind": "sparse_categorical_crossentropy", "size": "mse"},
        drawn([ids(9, 6), numbers(3)], targets),
        compiled={"loss_weights": {"kind": 0.3, "size": 2.0}},
    )


MODELS = {
    made.__name__: made
    for made in (
        *(dense, embedding, convolution, lstm, gru, both_ways, volumes, normalized),
        *(tiny_gradients, regularized, entities, frozen_norm, two_outputs),
    )
}
