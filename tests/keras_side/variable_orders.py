"""Saves models whose trainable variables are filled with their own numbers in Keras' order.

A process of its own, started by ``tests/test_variable_order.py`` with a job on standard input:
``folder``, ``examples`` as those of ``examples.py`` and ``names`` of models here. It writes
``<id>.keras`` and for models ``<name>.h5`` too. ``counts.json`` and ``values.json`` tell how many
variables and numbers train, ``problems.json`` what it could not build.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from examples import build

layers = keras.layers


def shared():
    """Layers called at several depths, and a model inside that is called twice."""
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    tower_input = keras.Input((6,))
    tower = keras.Model(
        tower_input, layers.Dense(3)(layers.PReLU()(layers.Dense(6)(tower_input))), name="tower"
    )
    late, twice = layers.Dense(6, name="late"), layers.Dense(6, name="twice")
    x = twice(late(twice(a)))
    x = layers.Concatenate()([tower(x), tower(late(b)), layers.Dense(2)(b)])
    x = layers.BatchNormalization()(x)
    return keras.Model([a, b], [layers.Dense(1, name="p")(x), layers.Dense(2, name="q")(x)])


def wrapped():
    """A model inside a wrapper, which reads it from the wrapper's options."""
    branch_input = keras.Input((4,))
    left = layers.Dense(3, name="left")(branch_input)
    right = layers.Dense(3, name="right")(layers.Dense(2, name="right_first")(branch_input))
    branches = keras.Model(branch_input, layers.Add()([left, right]), name="branches")
    inputs = keras.Input((7, 4))
    return keras.Model(inputs, layers.Dense(2)(layers.TimeDistributed(branches)(inputs)))


def nested():
    """Models in models, Sequential and Functional."""
    branch_input = keras.Input((7, 4))
    left = layers.Dense(3, name="left")(branch_input)
    right = layers.Dense(3, name="right")(layers.Dense(2, name="right_first")(branch_input))
    branches = keras.Model(branch_input, layers.Add()([left, right]), name="branches")
    inputs = keras.Input((7, 4))
    x = layers.TimeDistributed(layers.Dense(5))(branches(inputs))
    x = layers.Bidirectional(layers.GRU(3, return_sequences=True))(x)
    head = keras.Sequential(
        [keras.Input((7, 6)), keras.Sequential([layers.LSTM(4), layers.Dense(3)]), layers.Dense(1)]
    )
    return keras.Model(inputs, head(x))


def tied():
    """Weights used twice, and layers that do not train."""
    tokens = keras.Input((5,), dtype="int32")
    table = layers.ReversibleEmbedding(11, 4)
    x = layers.Dense(4, trainable=False)(table(tokens))
    x = layers.MultiHeadAttention(2, 3)(x, x)
    frozen = keras.Sequential([keras.Input((5, 4)), layers.Dense(4), layers.Dense(4)])
    frozen.layers[0].trainable = False
    x = frozen(layers.BatchNormalization(trainable=False)(x))
    x = layers.BatchNormalization(scale=False)(x)
    return keras.Model(tokens, table(x, reverse=True))


def cells():
    """Stacked cells of several kinds, whose weights lie side by side in the file."""
    inputs = keras.Input((6, 3))
    stacked = layers.RNN(
        [layers.LSTMCell(4), layers.GRUCell(3), layers.LSTMCell(2)], return_sequences=True
    )
    x = layers.Bidirectional(layers.LSTM(2), backward_layer=layers.LSTM(2, go_backwards=True))(
        stacked(inputs)
    )
    return keras.Model(inputs, layers.Dense(2)(x))


def dropped():
    """Recurrences that drop inputs, and states."""
    series = keras.Input((6, 8))
    options = {"activation": "linear", "return_sequences": True}
    inputs_dropped = layers.SimpleRNN(16, dropout=0.5, name="inputs_dropped", **options)
    states_dropped = layers.SimpleRNN(16, recurrent_dropout=0.5, name="states_dropped", **options)
    return keras.Model(series, [inputs_dropped(series), states_dropped(series)])


MODELS = {made.__name__: made for made in (shared, nested, tied, cells, wrapped, dropped)}


def number(model):
    for variable in model.variables:
        if variable.dtype.startswith("float"):
            variable.assign(keras.ops.full(variable.shape, -1.0, variable.dtype))
    for place, variable in enumerate(model.trainable_variables):
        variable.assign(keras.ops.full(variable.shape, place, variable.dtype))
    return model


def save_all(folder, examples, names):
    """Save the examples and models in ``folder``, and tell what there is."""
    problems = {}
    counts = {}
    values = {}
    for spec in examples:
        try:
            model, _ = build(spec)
            counts[spec["id"]] = len(model.trainable_variables)
            if counts[spec["id"]]:
                number(model).save(folder / f"{spec['id']}.keras")
        except Exception as error:
            problems[spec["id"]] = f"{type(error).__name__}: {str(error)[:300]}"
    for name in names:
        model = number(MODELS[name]())
        counts[name] = len(model.trainable_variables)
        values[name] = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
        model.save(folder / f"{name}.keras")
        if name != "wrapped":
            model.save(folder / f"{name}.h5")
    (folder / "problems.json").write_text(json.dumps(problems))
    (folder / "counts.json").write_text(json.dumps(counts))
    (folder / "values.json").write_text(json.dumps(values))


if __name__ == "__main__":
    job = json.load(sys.stdin)
    save_all(Path(job["folder"]), job["examples"], job["names"])
