"""The models of ``tests/test_user_questions_models.py``, and what Keras makes of them.

Reads a job on standard input: ``folder``. Per model it writes ``<name>.keras``, its inputs, its
outputs in float64 in inference and in training, and into ``counts.json`` its numbers of parameters.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras2torch.verify.keras_worker import load_original, tensors_for

# Tokens of 0 are padding: none, behind, in front, in between, everywhere.
ROWS = [[1, 2, 3, 4, 5, 6], [1, 2, 3, 0, 0, 0], [0, 0, 1, 2, 3, 4], [1, 0, 2, 0, 0, 3], [0] * 6]


def padded():
    """Row 14: padding as masks, through both directions, poolings, a concatenation and merges."""
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    others = keras.Input((6,), dtype="int32", name="others")
    x = layers.Embedding(7, 5, mask_zero=True)(tokens)
    y = layers.Embedding(7, 5, mask_zero=True)(others)
    both = layers.Concatenate()([x, y])
    ahead = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(both)
    longer = layers.Concatenate(axis=1)([x, y])
    outputs = [
        ahead,
        layers.Bidirectional(layers.GRU(3))(ahead),
        layers.GlobalAveragePooling1D()(ahead),
        layers.LSTM(3)(longer),
        layers.LSTM(3)(layers.Multiply()([x, y])),
        layers.SimpleRNN(3, return_sequences=True)(layers.Maximum()([x, y])),
        layers.MultiHeadAttention(2, 3)(x, y),
        layers.Attention()([x, y]),
    ]
    return keras.Model([tokens, others], outputs)


def tied():
    """Row 25: a table that is used twice, a frozen layer, a frozen model, a shared layer."""
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    words = layers.ReversibleEmbedding(7, 4)
    steps = keras.Input((6, 4))
    frozen = keras.Model(steps, layers.Dense(4)(layers.LayerNormalization()(steps)), name="frozen")
    frozen.trainable = False
    shared = layers.Dense(4)
    x = shared(shared(frozen(words(tokens))))
    x = layers.BatchNormalization()(layers.Dense(4, trainable=False)(x))
    return keras.Model(tokens, words(x, reverse=True))


def siamese():
    """Row 29: one encoder for two inputs."""
    one = keras.Input((4,), name="one")
    two = keras.Input((4,), name="two")
    encoder = keras.Sequential([keras.Input((4,)), layers.Dense(8, "relu"), layers.Dense(3)])
    return keras.Model([one, two], layers.Dot(axes=1, normalize=True)([encoder(one), encoder(two)]))


def normalized():
    """Row 30: statistics of the batch while training, but where the layer is frozen."""
    inputs = keras.Input((5,), name="numbers")
    x = layers.BatchNormalization(name="learning")(inputs)
    frozen = layers.BatchNormalization(name="frozen", trainable=False)(inputs)
    return keras.Model(inputs, [x, frozen])


def dropped():
    """Row 30: half of the numbers, doubled, while training."""
    inputs = keras.Input((5,), name="numbers")
    return keras.Model(inputs, layers.Dropout(0.5)(inputs))


@keras.saving.register_keras_serializable("users")
class Scale(layers.Layer):
    """A user's own layer."""

    def call(self, x):
        return 2 * x


def custom():
    """Row 28: a model with a custom layer inside a nested model."""
    numbers = keras.Input((5,), name="numbers")
    inner = keras.Sequential([keras.Input((5,)), Scale(name="doubled"), layers.Dense(2)])
    return keras.Model(numbers, inner(numbers))


MODELS = (padded, tied, siamese, normalized, dropped, custom)


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    rng = np.random.default_rng(0)
    counts = {}
    for build in MODELS:
        name = build.__name__
        keras.config.set_floatx("float32")
        keras.utils.set_random_seed(5)
        model = build()
        for variable in model.weights:
            if variable.dtype == "float32":
                variable.assign(variable.numpy() + rng.uniform(0.05, 0.3, variable.shape))
        model.save(folder / f"{name}.keras")
        counts[name] = {
            "all": model.count_params(),
            "trained": sum(int(np.prod(v.shape)) for v in model.trainable_variables),
        }
        arrays = {
            tensor._keras_history.operation.name: (
                np.array(ROWS[::step], "int32")
                if tensor.dtype == "int32"
                else rng.standard_normal((5, *tensor.shape[1:])).astype("float32")
            )
            for tensor, step in zip(model.inputs, (1, -1), strict=False)
        }
        np.savez(folder / f"{name}.inputs.npz", **arrays)
        exact = load_original(str(folder / f"{name}.keras"), "float64")
        tensors = tensors_for(exact, arrays, "float64")
        for mode in ("inference", "training"):
            given = tensors[0] if len(tensors) == 1 else tensors
            outputs = keras.tree.flatten(exact(given, training=mode == "training"))
            np.savez(folder / f"{name}.{mode}.npz", *[o.numpy() for o in outputs])
    (folder / "counts.json").write_text(json.dumps(counts))


if __name__ == "__main__":
    main()
