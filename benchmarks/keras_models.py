"""The models of the benchmarks in Keras, with their inputs."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers


def article_a() -> Any:
    tokens = keras.Input((70,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(50000, 300, trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(40, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(layers.GRU(40, return_sequences=True, return_state=True))(
        x
    )
    average, largest = layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)
    x = layers.Concatenate()([average, ahead, back, largest, features])
    x = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(x))
    x = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model([tokens, features], x, name="quora")
    model.compile(keras.optimizers.Adam(clipvalue=1.0), "binary_crossentropy", metrics=["accuracy"])
    return model


def article_b() -> Any:
    model = keras.Sequential(
        [
            keras.Input((200,), dtype="int32", name="tokens"),
            layers.Embedding(20000, 128),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(64)),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def cnn() -> Any:
    model = keras.Sequential(
        [
            keras.Input((32, 32, 3), name="image"),
            layers.Conv2D(32, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ],
        name="cnn",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def transformer() -> Any:
    tokens = keras.Input((128,), dtype="int32", name="tokens")
    x = layers.Embedding(20000, 256)(tokens)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(8, 32)(x, x))
    y = layers.Dense(256)(layers.Dense(1024, activation="gelu")(x))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x + y))
    return keras.Model(tokens, layers.Dense(2, activation="softmax")(x), name="transformer")


def resnet50() -> Any:
    return keras.applications.ResNet50(weights=None)


def efficientnet_b0() -> Any:
    return keras.applications.EfficientNetB0(weights=None)


MODELS = {
    "article A": (article_a, 512),
    "article B": (article_b, 32),
    "CNN": (cnn, 64),
    "ResNet50": (resnet50, 8),
    "EfficientNetB0": (efficientnet_b0, 8),
    "Transformer": (transformer, 32),
}


def inputs_of(model: Any, batch: int) -> list[Any]:
    """A batch for each of the model's inputs."""
    rng = np.random.default_rng(0)
    return [
        rng.integers(1, 20000, (batch, *tensor.shape[1:])).astype("int32")
        if "int" in tensor.dtype
        else rng.uniform(0, 1, (batch, *tensor.shape[1:])).astype("float32")
        for tensor in model.inputs
    ]


def targets_of(model: Any, batch: int) -> Any:
    """What such a model is trained on: 0 or 1 for one output, else a class."""
    rng = np.random.default_rng(1)
    classes = model.output_shape[-1]
    if classes == 1:
        return rng.integers(0, 2, (batch, 1)).astype("float32")
    return rng.integers(0, classes, batch)
