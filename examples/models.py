"""The two articles' networks and their relatives, in Keras.

``keras2torch port examples/models.py:quora -o examples/ports/quora`` writes the port of one; all of
them are in ``ports/``, as written.
"""

from __future__ import annotations

import keras
from keras import layers, ops

WORDS = 20_000
LENGTH = 200


def imdb() -> keras.Model:
    """Article B: the sentiment of film reviews, two bidirectional LSTMs."""
    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32", name="tokens"),
            layers.Embedding(WORDS, 128),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(64)),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def quora() -> keras.Model:
    """Article A: insincere questions, from token ids and features made by hand.

    The embedding is frozen: fill it with pretrained vectors before porting.
    """
    tokens = keras.Input((70,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(WORDS, 300, trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(40, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(layers.GRU(40, return_sequences=True, return_state=True))(
        x
    )
    average = layers.GlobalAveragePooling1D()(x)
    largest = layers.GlobalMaxPooling1D()(x)
    x = layers.Concatenate()([average, ahead, back, largest, features])
    x = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(x))
    x = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model([tokens, features], x, name="quora")
    model.compile(keras.optimizers.Adam(clipvalue=1.0), "binary_crossentropy", metrics=["accuracy"])
    return model


def toxic() -> keras.Model:
    """Six labels of a comment at once: a third place in the toxic-comment challenge."""
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(WORDS, 300, trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.3)(x)
    x = layers.Bidirectional(layers.LSTM(128, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(layers.GRU(64, return_sequences=True, return_state=True))(
        x
    )
    average = layers.GlobalAveragePooling1D()(x)
    largest = layers.GlobalMaxPooling1D()(x)
    x = layers.Concatenate()([average, ahead, back, largest, features])
    labels = layers.Dense(6, activation="sigmoid", name="labels")(x)
    model = keras.Model([tokens, features], labels, name="toxic")
    model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.AUC(multi_label=True)])
    return model


def attention() -> keras.Model:
    """A recurrence whose steps are weighed by attention instead of pooled."""
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    x = layers.SpatialDropout1D(0.3)(layers.Embedding(WORDS, 300, trainable=False)(tokens))
    x = layers.Bidirectional(layers.GRU(64, return_sequences=True), name="encoder")(x)
    scores = layers.Dense(1, activation="tanh", use_bias=False, name="scores")(x)
    weights = layers.Softmax(axis=1, name="weights")(scores)
    x = ops.sum(x * weights, axis=1)
    x = layers.Dropout(0.2)(x)
    model = keras.Model(
        tokens, layers.Dense(1, activation="sigmoid", name="answer")(x), name="attention"
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def capsule(capsules: int = 10, size: int = 16, routings: int = 4) -> keras.Model:
    """Capsules with shared weights that are routed by agreement, above a recurrence."""
    tokens = keras.Input((LENGTH,), dtype="int32", name="tokens")
    x = layers.SpatialDropout1D(0.3)(layers.Embedding(WORDS, 300, trainable=False)(tokens))
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
