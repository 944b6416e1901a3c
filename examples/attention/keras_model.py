"""A recurrence whose steps are weighed by attention instead of pooled."""

from __future__ import annotations

import keras
from keras import layers, ops

WORDS = 20_000
LENGTH = 200


def build() -> keras.Model:
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    x = layers.SpatialDropout1D(0.3)(
        layers.Embedding(WORDS, 300, trainable=False)(tokens)
    )
    x = layers.Bidirectional(layers.GRU(64, return_sequences=True), name="encoder")(x)
    scores = layers.Dense(1, activation="tanh", use_bias=False, name="scores")(x)
    weights = layers.Softmax(axis=1, name="weights")(scores)
    x = ops.sum(x * weights, axis=1)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(
        tokens,
        layers.Dense(1, activation="sigmoid", name="answer")(x),
        name="attention",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model
