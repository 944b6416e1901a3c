"""Capsules with shared weights that are routed by agreement, above a recurrence."""

from __future__ import annotations

import keras
from keras import layers, ops

WORDS = 20_000
LENGTH = 200


def build(capsules: int = 10, size: int = 16, routings: int = 4) -> keras.Model:
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    x = layers.SpatialDropout1D(0.3)(
        layers.Embedding(WORDS, 300, trainable=False)(tokens)
    )
    x = layers.Bidirectional(layers.GRU(64, return_sequences=True), name="encoder")(x)
    votes = layers.Dense(capsules * size, use_bias=False, name="votes")(x)
    votes = layers.Reshape((LENGTH, capsules, size))(votes)
    agreement = ops.zeros_like(votes[..., 0])
    for routing in range(routings):
        coupling = ops.softmax(agreement, axis=-1)
        output = ops.einsum("btn,btns->bns", coupling, votes)
        norm = ops.sqrt(ops.sum(ops.square(output), axis=-1, keepdims=True) + 1e-7)
        output = output / norm
        if routing < routings - 1:
            agreement = agreement + ops.einsum("bns,btns->btn", output, votes)
    x = layers.Dropout(0.25)(layers.Flatten()(output))
    model = keras.Model(
        tokens, layers.Dense(1, activation="sigmoid", name="answer")(x), name="capsule"
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model
