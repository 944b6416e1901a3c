"""Models with repeated blocks, built in Keras, saved and run.

A process of its own, started by ``tests/test_blocks.py`` with a job on standard input: ``folder``.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras2torch.verify.keras_worker import load_original, record, tensors_for


def unit(x, filters, strides=1, activation="relu"):
    x = layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x)


def residual(x, filters, strides=1):
    """Two convolutions and a shortcut, projected where its shape changes."""
    y = unit(x, filters, strides)
    y = layers.Conv2D(filters, 3, padding="same", use_bias=False)(y)
    y = layers.BatchNormalization()(y)
    if strides > 1:
        x = layers.Conv2D(filters, 1, strides=strides, use_bias=False)(x)
        x = layers.BatchNormalization()(x)
    return layers.ReLU()(layers.Add()([x, y]))


def resnet():
    """Residual blocks of three widths; no layer has a name of its own."""
    image = keras.Input((9, 9, 3))
    x = unit(image, 4)
    for filters in (4, 8, 12):
        x = residual(x, filters, 1 if filters == 4 else 2)
        x = residual(x, filters)
        x = residual(x, filters)
    return keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling2D()(x)))


def attend(x, mask, name, heads=2):
    """A Transformer's block on two values: the sequence and what it attends to."""
    y = layers.LayerNormalization(name=f"{name}_norm1")(x)
    y = layers.MultiHeadAttention(heads, 4, name=f"{name}_attention")(y, mask)
    x = layers.Add(name=f"{name}_add1")([x, y])
    y = layers.LayerNormalization(name=f"{name}_norm2")(x)
    y = layers.Dense(16, activation="gelu", name=f"{name}_dense1")(y)
    y = layers.Dense(8, name=f"{name}_dense2")(y)
    return layers.Add(name=f"{name}_add2")([x, y])


def transformer():
    """Blocks with two inputs, one of which all of them share."""
    x = keras.Input((6, 8))
    memory = keras.Input((5, 8))
    y = x
    for number in range(4):
        y = attend(y, memory, f"layer_{number}")
    return keras.Model([x, memory], layers.Dense(2)(y))


def literals():
    """Blocks that differ in one number of their forward."""
    x = y = keras.Input((8,))
    for number in range(6):
        z = layers.Dense(12, activation="tanh", name=f"block{number}_up")(y)
        z = layers.Dense(12, activation="tanh", name=f"block{number}_mid")(z)
        z = layers.Dense(8, name=f"block{number}_down")(z)
        z = layers.LayerNormalization(name=f"block{number}_norm")(z)
        y = layers.Add(name=f"block{number}_add")([y, z * (0.5 + number)])
    return keras.Model(x, y)


def dense_block(y, number, parts=None):
    parts = parts or [layers.Dense(8, activation="tanh", name=f"b{number}_{n}") for n in range(4)]
    z = y
    for part in parts:
        z = part(z)
    return layers.Add(name=f"b{number}_add")([y, z])


def shared():
    """The same layers in every block: there is one set of weights, and no class for it."""
    x = y = keras.Input((8,))
    parts = [layers.Dense(8, activation="tanh", name=f"part{n}") for n in range(4)]
    for number in range(5):
        y = dense_block(y, number, parts)
    return keras.Model(x, y)


def looked_into():
    """A value inside every block is used outside."""
    x = y = keras.Input((8,))
    inner = []
    for number in range(5):
        z = layers.Dense(8, activation="tanh", name=f"b{number}_0")(y)
        inner.append(layers.Dense(8, activation="tanh", name=f"b{number}_1")(z))
        z = layers.Dense(8, activation="tanh", name=f"b{number}_2")(inner[-1])
        z = layers.Dense(8, activation="tanh", name=f"b{number}_3")(z)
        y = layers.Add(name=f"b{number}_add")([y, z])
    return keras.Model(x, [y, layers.Concatenate()(inner)])


def frozen():
    """Half of the blocks don't train."""
    x = y = keras.Input((8,))
    for number in range(8):
        y = dense_block(y, number)
    model = keras.Model(x, y)
    for layer in model.layers:
        if layer.name.startswith(("b0", "b1", "b2", "b3")):
            layer.trainable = False
    return model


def twice():
    """A nested model of blocks that is called twice."""
    x = y = keras.Input((8,))
    for number in range(5):
        y = dense_block(y, number)
    tower = keras.Model(x, y, name="tower")
    a, b = keras.Input((8,)), keras.Input((8,))
    return keras.Model([a, b], layers.Subtract()([tower(a), tower(b)]))


def hostile():
    """Names that would be code, keywords or attributes of a module."""
    x = y = keras.Input((8,))
    for number in range(6):
        z = layers.Dense(8, name=f"for{number}_import os")(y)
        z = layers.Dense(8, name=f"for{number}_forward")(z)
        z = layers.Dense(8, name=f'for{number}_")\n{{0}}')(z)
        z = layers.Dense(8, name=f"for{number}_torch")(z)
        y = layers.Add(name=f"for{number}_self")([y, z])
    return keras.Model(x, y, name="class")


def cells():
    """As in NASNet: a cell is made of the two before it, and its branches share values."""

    def dense(name, x):
        return layers.Dense(8, activation="relu", name=name)(x)

    before = last = image = keras.Input((8,))
    for number in range(5):
        given = dense(f"adjust_{number}", before)
        if number % 2:
            given = layers.BatchNormalization(name=f"adjust_{number}_bn")(given)
        own = dense(f"cell_{number}_own", last)
        first = layers.Add()([dense(f"cell_{number}_left1", own), given])
        second = dense(f"cell_{number}_right2", dense(f"cell_{number}_left2", given))
        second = layers.Add()([dense(f"cell_{number}_middle2", own), second])
        third = layers.Add()([dense(f"cell_{number}_left3", second), first])
        fourth = layers.Add()([dense(f"cell_{number}_left4", second), own])
        before, last = last, layers.Concatenate()([first, third, fourth])
    return keras.Model(image, last)


MODELS = [resnet, transformer, literals, shared, looked_into, frozen, twice, hostile, cells]


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    rng = np.random.default_rng(5)
    for build in MODELS:
        keras.config.set_floatx("float32")
        keras.utils.set_random_seed(3)
        model = build()
        for variable in model.weights:
            shift = rng.uniform(0.02, 0.2, variable.shape)
            variable.assign(keras.ops.convert_to_numpy(variable) + shift)
        path = folder / f"{build.__name__}.keras"
        model.save(path)
        arrays = {
            tensor._keras_history.operation.name: rng.standard_normal((3, *tensor.shape[1:]))
            for tensor in model.inputs
        }
        arrays = {name: array.astype("float32") for name, array in arrays.items()}
        np.savez(folder / f"{build.__name__}.npz", **arrays)
        exact = load_original(path, "float64")
        recording = record(exact, tensors_for(exact, arrays, "float64"))
        recording.save(folder / f"{build.__name__}.float64.npz")


if __name__ == "__main__":
    main()
