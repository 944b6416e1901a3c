"""Models whose tensors lie in memory in several orders, and masks on their way: expected values.

A process of its own, started by ``tests/test_orders.py``, on TensorFlow. Reads a job on standard
input: ``folder``. Writes for each model ``<name>.keras``, its inputs and recording in float64, and
``<name>.grad.keras``, the model with its gradients for weights.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from examples import gradients, stir
from keras import layers as L  # noqa: N812

from keras2torch.verify.keras_worker import load_original, record, tensors_for


def image(channels=3):
    return keras.Input((4, 5, channels), name="image")


def conv(filters=4, **options):
    return L.Conv2D(filters, 3, padding="same", **options)


def residual():
    x = first = conv(activation="relu")(inputs := image())
    x = L.Add()([conv()(x), first])
    x = conv()(L.Dropout(0.5)(L.ReLU()(x)))
    x = L.Maximum()([L.Average()([x, first]), L.Multiply()([x, first]), L.Subtract()([x, first])])
    return inputs, L.Dense(3)(L.Flatten()(L.Activation("tanh")(x)))


def operators():
    x = first = conv(activation="relu")(inputs := image())
    x = 2.0 * conv()(x) + first / 3
    x = conv()(1 - x * first)
    return inputs, L.Dense(3)(L.Flatten()(x))


def inception():
    x = conv()(inputs := image())
    x = L.Concatenate()([conv(2, activation="relu")(x), conv(3)(x), L.LeakyReLU(0.25)(conv(1)(x))])
    x = conv(2)(L.Concatenate(axis=1)([x, x]))
    return inputs, L.Dense(3)(L.Reshape((-1,))(x))


def attention_on_channels():
    x = conv()(inputs := image())
    s = L.Reshape((1, 1, 4))(L.GlobalAveragePooling2D()(x))
    s = L.Conv2D(4, 1, activation="sigmoid")(L.Conv2D(2, 1, activation="relu")(s))
    x = L.Multiply()([x, s])
    return inputs, [conv(2)(x), L.Flatten()(s)]


def mixed_orders():
    x = conv(3)(inputs := image())
    a = L.Add()([x, inputs])
    b = L.Concatenate(axis=2)([inputs, x])
    c = L.Concatenate()([x, conv(2)(x), inputs])
    return inputs, [a, b, c, x - inputs]


def ranks():
    x = conv()(inputs := image())
    vector = L.Dense(4)(L.Flatten()(x))
    rows = L.Reshape((5, 4))(L.Dense(20)(vector))
    a = L.Multiply()([vector, x])
    b = L.Add()([x, rows, vector])
    return inputs, [conv(2)(a), conv(2)(b), L.Multiply()([rows, vector])]


def softmaxes():
    x = conv()(inputs := image())
    by_channel = conv(2)(L.Softmax()(x))
    by_row = conv(2)(L.Softmax(axis=1)(x))
    by_place = conv(2)(L.Softmax(axis=[1, 2])(x))
    others = [L.Activation(n)(x) for n in ("log_softmax", "glu", "sparsemax")]
    return inputs, [by_channel, by_row, by_place, *others, conv(2, activation="softmax")(x)]


def slopes():
    x = L.PReLU(shared_axes=[1, 2])(conv()(inputs := image()))
    x = conv()(L.PReLU()(x))
    x = conv()(L.PReLU(shared_axes=[1, 2, 3])(x))
    x = conv(2)(L.PReLU(shared_axes=[2])(x))
    return inputs, L.Dense(3)(L.PReLU()(L.Flatten()(x)))


def flats():
    x = conv()(inputs := image())
    f = L.Flatten()(x)
    both = L.Add()([f, L.Flatten()(conv()(x))])
    one = L.Flatten()(conv(1)(x))
    pooled = L.Flatten()(L.GlobalAveragePooling2D(keepdims=True)(x))
    outputs = [
        f,
        L.Dense(2)(both),
        L.Dense(2)(L.Activation("softmax")(f)),
        L.Activation("glu")(f),
        L.Dense(2)(L.Flatten()(L.Dropout(0.5)(f))),
        L.Reshape((5, 4, 4))(f),
        L.Dense(2)(L.Concatenate()([f, one])),
        L.Concatenate(axis=0)([f, f]),
        L.RepeatVector(2)(f),
        L.Dense(2)(L.Flatten(data_format="channels_first")(x)),
        L.Dense(2)(one),
        L.Dense(2)(pooled),
        L.Dot(1)([f, both]),
    ]
    return inputs, outputs


def reshapes():
    x = conv()(inputs := image())
    patches = L.Reshape((20, 4))(x)
    outputs = [
        L.Dense(2)(patches),
        conv(2)(L.Reshape((2, 10, 4))(patches)),
        conv(2)(L.Reshape((10, 2, 4))(x)),
        L.Reshape((-1, 8))(x),
        L.Reshape((4, 4, 5))(x),
        L.Permute((2, 1, 3))(x),
        L.Dense(3)(L.Permute((3, 1, 2))(x)),
        conv(2)(L.Permute((2, 1, 3))(x)),
        L.Dense(2)(L.Flatten()(L.Permute((3, 2, 1))(x))),
        L.LSTM(2)(L.Permute((2, 1))(patches)),
        L.Identity()(x),
    ]
    return inputs, outputs


def unknown_sizes():
    x = conv()(inputs := keras.Input((None, None, 3), name="image"))
    return inputs, [
        L.LSTM(2)(L.Reshape((-1, 4))(x)),
        L.Flatten()(x),
        L.Reshape((-1, 2, 4))(x),
        conv(2)(L.SpatialDropout2D(0.5)(x)),
    ]


def sequences():
    inputs = keras.Input((6, 3), name="steps")
    x = L.SpatialDropout1D(0.5)(L.Conv1D(4, 3, activation="relu")(inputs))
    y = L.Conv1D(2, 2)(L.Concatenate()([x, L.Softmax(axis=1)(x)]))
    dots = L.Dot(axes=[2, 2], normalize=True)([x, x])
    return inputs, [L.LSTM(2)(y), dots, L.Dot(axes=[2, 1])([dots, x]), L.Dense(2)(L.Flatten()(y))]


def masks():
    a = keras.Input((5,), dtype="int32", name="a")
    b = keras.Input((5,), dtype="int32", name="b")
    c = keras.Input((5, 4), name="c")
    x, y = (L.Embedding(3, 4, mask_zero=True)(tokens) for tokens in (a, b))
    m = L.Masking(0.0)(c)
    n = L.Masking(1.0)(L.ReLU(max_value=1)(10 * c))
    merged = [
        L.Add()([x, y]),
        L.Add()([x, x, c]),
        L.Maximum()([x, y, m]),
        L.Minimum()([c, x]),
        L.Multiply()([x, y]),
        L.Multiply()([x, c, y]),
        L.Concatenate()([x, y]),
        L.Concatenate(axis=1)([x, m, c]),
        L.Concatenate()([x, c]),
        L.Average()([L.Dropout(0.5)(x), L.Dense(4)(y)]),
        m,
        n,
    ]
    outputs = [L.GRU(3)(part) for part in merged] + merged
    return [a, b, c], [*outputs, L.LSTM(2, return_sequences=True)(L.Activation("tanh")(x))]


def masked_chain():
    model = keras.Sequential([keras.Input((5, 4), name="steps")])
    for layer in (L.ReLU(), L.Masking(0.0), L.Identity(), L.GRU(3, return_sequences=True)):
        model.add(layer)
    model.add(L.LSTM(3))
    return model.inputs[0], model.outputs[0], model


MODELS = [
    residual,
    operators,
    inception,
    attention_on_channels,
    mixed_orders,
    ranks,
    softmaxes,
    slopes,
    flats,
    reshapes,
    unknown_sizes,
    sequences,
    masks,
    masked_chain,
]


def write(build, folder):
    """Everything about one model."""
    keras.config.set_floatx("float32")
    inputs, outputs, *model = build()
    model = model[0] if model else keras.Model(inputs, outputs)
    rng = np.random.default_rng(0)
    stir(model, rng)
    path = f"{folder}/{build.__name__}"
    model.save(f"{path}.keras")
    exact = load_original(f"{path}.keras", "float64")
    arrays = {}
    for tensor in model.inputs:
        shape = [3, *(6 if size is None else size for size in tensor.shape[1:])]
        numbers = rng.standard_normal(shape).astype("float32")
        numbers[0, :2] = numbers[1, -1:] = 0  # masked steps in front and behind
        name = tensor._keras_history.operation.name
        arrays[name] = rng.integers(0, 3, shape).astype("int32") if len(shape) == 2 else numbers
    np.savez(f"{path}.npz", **arrays)
    tensors = tensors_for(exact, arrays, "float64")
    record(exact, tensors).save(Path(f"{path}.float64.npz"))
    gradients(exact, tensors)
    exact.save(f"{path}.grad.keras")


def main():
    folder = json.load(sys.stdin)["folder"]
    for build in MODELS:
        write(build, folder)


if __name__ == "__main__":
    main()
