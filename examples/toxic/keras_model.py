"""Six labels of a comment at once: a third place in the toxic-comment challenge."""

from __future__ import annotations

import keras
from keras import layers

WORDS = 20_000
LENGTH = 200


def build() -> keras.Model:
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(WORDS, 300, trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.3)(x)
    x = layers.Bidirectional(layers.LSTM(128, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(
        layers.GRU(64, return_sequences=True, return_state=True)
    )(x)
    average = layers.GlobalAveragePooling1D()(x)
    largest = layers.GlobalMaxPooling1D()(x)
    x = layers.Concatenate()([average, ahead, back, largest, features])
    labels = layers.Dense(6, activation="sigmoid", name="labels")(x)
    model = keras.Model([tokens, features], labels, name="toxic")
    model.compile(
        "adam", "binary_crossentropy", metrics=[keras.metrics.AUC(multi_label=True)]
    )
    return model
