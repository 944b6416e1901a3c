"""Article A: insincere questions, from token ids and features made by hand.

The embedding is frozen: fill it with pretrained vectors before porting.
"""

from __future__ import annotations

import keras
from keras import layers

WORDS = 20_000


def build() -> keras.Model:
    tokens = keras.Input((70,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(WORDS, 300, trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(40, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(
        layers.GRU(40, return_sequences=True, return_state=True)
    )(x)
    average = layers.GlobalAveragePooling1D()(x)
    largest = layers.GlobalMaxPooling1D()(x)
    x = layers.Concatenate()([average, ahead, back, largest, features])
    x = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(x))
    x = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model([tokens, features], x, name="quora")
    model.compile(
        keras.optimizers.Adam(clipvalue=1.0),
        "binary_crossentropy",
        metrics=["accuracy"],
    )
    return model
