"""Compiled models and their data, for ``trajectories.py``."""

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
    optimizer: Any = "adam"
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
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.GlobalAveragePooling1D()(layers.Embedding(9, 4)(tokens))
    model = keras.Model(tokens, layers.Dense(3, activation="softmax")(x))
    return Made(model, "sparse_categorical_crossentropy", drawn([ids(9, 6)], classes(3)))


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


MODELS = {made.__name__: made for made in (dense, embedding, convolution, lstm, gru)}
