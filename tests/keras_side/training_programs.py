"""Compiled models, data for them, and what Keras' ``fit`` logs of each epoch.

A process of its own, started by ``tests/test_train.py`` with a job on standard input: ``folder``
and ``names`` of the models.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers, losses, metrics, optimizers

ROWS, HELD_OUT, SIZE, EPOCHS = 50, 19, 16, 2


def article_b(rng):
    """Article B's network, small, on tokens of which some are frequent."""
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32", name="tokens"),
            layers.Embedding(60, 8),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(4)),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model, {"tokens": rng.zipf(1.3, (ROWS, 12)) % 60, "y": rng.integers(0, 2, ROWS)}


def reviews(rng):
    """A bag of words, some of them frequent."""
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32", name="tokens"),
            layers.Embedding(60, 8),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile(optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model, {"tokens": rng.zipf(1.3, (ROWS, 12)) % 60, "y": rng.integers(0, 2, ROWS)}


def article_a(rng):
    """Article A's way: tokens and features, clipped gradients, weighted samples."""
    tokens = keras.Input((9,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(40, 6)(tokens)
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True))(x)
    x = layers.Concatenate()(
        [layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x), features]
    )
    x = layers.Dense(1, activation="sigmoid")(layers.Dense(6, activation="relu")(x))
    model = keras.Model([tokens, features], x, name="quora")
    model.compile(
        optimizers.Adam(0.02, clipvalue=0.02),
        losses.BinaryCrossentropy(label_smoothing=0.1),
        weighted_metrics=[metrics.AUC(), "accuracy"],
    )
    data = {
        "tokens": rng.zipf(1.3, (ROWS, 9)) % 40,
        "features": rng.standard_normal((ROWS, 2)),
        "y": rng.integers(0, 2, (ROWS, 1)),
        "sample_weight": rng.random(ROWS),
    }
    return model, data


def picture(rng):
    """Batch normalization; a mask and a class of each picture; a schedule, averaged weights."""
    image = keras.Input((8, 8, 3), name="image")
    x = layers.Conv2D(6, 3, padding="same", use_bias=False)(image)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
    area = layers.Conv2D(4, 1, activation="softmax", name="area")(x)
    kind = layers.GlobalAveragePooling2D()(x)
    kind = layers.Dense(3, activation="softmax", name="kind")(kind)
    model = keras.Model(image, [area, kind], name="picture")
    model.compile(
        optimizers.SGD(
            optimizers.schedules.ExponentialDecay(0.2, 3, 0.7),
            momentum=0.9,
            nesterov=True,
            use_ema=True,
            ema_momentum=0.6,
            ema_overwrite_frequency=3,
        ),
        {"area": "sparse_categorical_crossentropy", "kind": "categorical_crossentropy"},
        loss_weights={"area": 0.5, "kind": 2.0},
        metrics={"area": ["accuracy"], "kind": ["accuracy", "categorical_crossentropy"]},
    )
    data = {
        "image": rng.standard_normal((ROWS, 8, 8, 3)),
        "y_area": rng.integers(0, 4, (ROWS, 8, 8)),
        "y_kind": np.eye(3)[rng.integers(0, 3, ROWS)],
    }
    return model, data


def regression(rng):
    """No metrics; penalties and constraints; gradients of three batches for an update, all clipped
    together."""
    model = keras.Sequential(
        [
            keras.Input((5,), name="x"),
            layers.Dense(
                8, activation="tanh", activity_regularizer="l2", kernel_constraint="unit_norm"
            ),
            layers.Dense(1, kernel_regularizer="l1", bias_constraint="non_neg"),
        ],
        name="regression",
    )
    model.compile(
        optimizers.RMSprop(0.01, momentum=0.5, global_clipnorm=0.5, gradient_accumulation_steps=3),
        "mse",
    )
    return model, {"x": rng.standard_normal((ROWS, 5)), "y": rng.standard_normal(ROWS)}


def tags(rng):
    """A tag and a number for each token but the padding, with each gradient's norm clipped."""
    tokens = keras.Input((7,), dtype="int32", name="tokens")
    x = layers.Embedding(20, 5, mask_zero=True)(tokens)
    x = layers.GRU(4, return_sequences=True)(x)
    tag = layers.Dense(3, activation="softmax", name="tag")(x)
    end = layers.Dense(1, name="end")(x)
    model = keras.Model(tokens, [tag, end], name="tagger")
    model.compile(
        optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=0.01),
        [losses.SparseCategoricalCrossentropy(ignore_class=2), "mse"],
        metrics=[["accuracy"], ["mae"]],
    )
    length = rng.integers(1, 8, (ROWS, 1))
    data = {
        "tokens": np.where(np.arange(7) < length, rng.integers(1, 20, (ROWS, 7)), 0),
        "y_tag": rng.integers(0, 3, (ROWS, 7)),
        "y_end": rng.standard_normal((ROWS, 7, 1)),
    }
    return model, data


def parts(data, model, prefix=""):
    """What ``fit`` takes: inputs, targets and weights."""
    inputs = [data[prefix + t.name] for t in model.inputs]
    names = [""] if len(model.outputs) == 1 else [f"_{name}" for name in model.output_names]
    targets = [data[f"{prefix}y{name}"] for name in names]
    weights = data.get(f"{prefix}sample_weight")
    return inputs, targets if len(targets) > 1 else targets[0], weights


def main():
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    told = {}
    for number, make in enumerate(globals()[name] for name in job["names"]):
        keras.utils.set_random_seed(number)
        model, data = make(np.random.default_rng(number))
        data = {
            name: array.astype("int32" if array.dtype.kind == "i" else "float32")
            for name, array in data.items()
        }
        data |= {f"val_{name}": array[:HELD_OUT] for name, array in data.items()}
        path = folder / f"{make.__name__}.keras"
        model.save(path)
        np.savez(path.with_suffix(".npz"), **data)
        inputs, targets, weights = parts(data, model)
        history = model.fit(
            inputs,
            targets,
            sample_weight=weights,
            batch_size=SIZE,
            epochs=EPOCHS,
            shuffle=False,
            verbose=0,
            validation_data=parts(data, model, "val_"),
            validation_batch_size=SIZE,
        )
        told[make.__name__] = history.history
    (folder / "history.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
