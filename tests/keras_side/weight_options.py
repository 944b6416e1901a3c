"""Regularizers and constraints in Keras, of arrays and of every layer that takes them.

``of_arrays``: for recipes' examples, what Keras makes of arrays. ``of_layers``: for layers'
examples with all options set, the model, the model behind its constraints, and what they cost.
"""

import itertools
import json
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from examples import build, made, named, stir

from keras2torch.verify.keras_worker import keep_float64, load_original, tensors_for


def of_arrays(job):
    """``examples`` (kind, class, config, array's name) from ``arrays``: ``<number>.value`` and,
    of regularizers, ``<number>.gradient``."""
    keras.config.set_floatx("float64")
    keep_float64()
    told = {}
    with np.load(job["arrays"]) as stored:
        arrays = dict(stored)
    for number, (kind, name, config, array) in enumerate(job["examples"]):
        made_of = getattr(getattr(keras, f"{kind}s"), name).from_config(config)
        weight = tf.constant(arrays[array])
        with tf.GradientTape() as tape:
            tape.watch(weight)
            value = made_of(weight)
        told[f"{number}.value"] = value
        if kind == "regularizer":
            told[f"{number}.gradient"] = tape.gradient(value, weight)
    np.savez(job["told"], **told)
    keras.config.set_floatx("float32")


def with_options(config, numbers, activity):
    """The config with a regularizer of its own and a constraint for every option of such a name;
    ``activity``: those of outputs alone."""
    if isinstance(config, list):
        return [with_options(part, numbers, activity) for part in config]
    if not isinstance(config, dict):
        return config
    found = {}
    for key, value in config.items():
        if key.endswith("_regularizer") and (key == "activity_regularizer") == activity:
            value = {"class_name": "L2", "config": {"l2": next(numbers) / 128}}
        elif key.endswith("_constraint") and not activity:
            value = {"class_name": "NonNeg", "config": {}}
        else:
            value = with_options(value, numbers, activity)
        found[key] = value
    return found


def optioned(spec, activity):
    """The example's model with all options set; None if there are none."""
    layer = build(spec)[0].layers[-1]
    numbers = itertools.count(1)
    config = named(keras.layers.serialize(layer))["config"]
    if spec["layer"] == "ActivityRegularization":
        return build(spec) if activity else None
    if activity:  # every layer has it, whether or not it takes it as an argument of its own
        config = {"activity_regularizer": None, **config}
    config = with_options(config, numbers, activity)
    return None if next(numbers) == 1 else build({**spec, "config": config})


def of_layers(job):
    """Per example ``<id>.keras``, ``<id>.constrained.keras``, ``<id>.npz`` with its inputs; and
    what it told: the regularized and the constrained variables' sizes, and their cost."""
    told = {}
    for spec in job["layers"]:
        keras.config.set_floatx("float32")
        try:
            found = of_layer(spec, job)
        except Exception as error:  # told per layer, so that one bad one fails alone
            found = {"refused": f"{type(error).__name__}: {error}"[:300]}
        if found is not None:
            told[spec["id"]] = found
        keras.backend.clear_session()  # else Keras keeps every model, and slows down
    keras.config.set_floatx("float32")
    Path(job["folder"], job["told"]).write_text(json.dumps(told))


def of_layer(spec, job):
    rng = np.random.default_rng(len(spec["id"]))
    found = optioned(spec, job["activity"])
    if found is None:
        return None
    model, specs = found
    stir(model, rng)
    for variable in model.trainable_variables:
        variable.assign(variable - 0.2)
    path = Path(job["folder"], spec["id"])
    model.save(f"{path}.keras")
    arrays = {
        name: made(rng, (3, *(6 if s is None else s for s in shape)), dtype, drawn_from)
        for name, (shape, dtype, drawn_from) in specs.items()
    }
    np.savez(f"{path}.npz", **arrays)
    model = load_original(f"{path}.keras", "float64")
    given = tensors_for(model, arrays, "float64")
    model(given[0] if len(given) == 1 else given)
    trained = model.trainable_variables
    told = {
        "cost": float(sum(model.losses)) if model.losses else 0.0,
        "regularized": sorted(
            [v.regularizer.l2, *v.shape] for v in trained if v.regularizer is not None
        ),
        "constrained": sorted(list(v.shape) for v in trained if v.constraint is not None),
    }
    for variable in trained:
        if variable.constraint is not None:
            variable.assign(variable.constraint(variable))
    model.save(f"{path}.constrained.keras")
    return told


def shared(job):
    """A model and a layer that are called twice, and a recurrence of which only a state is used,
    all with costs of their outputs: ``shared.keras``, ``shared.npz`` with inputs and ``cost``."""
    keras.config.set_floatx("float64")
    layers = keras.layers
    x = keras.Input((4,))
    dense = layers.Dense(3, activity_regularizer="l2", activation="tanh")
    inner = keras.Model(x, layers.ActivityRegularization(l1=0.25)(dense(x)))
    a, b = keras.Input((4,), name="a"), keras.Input((4,), name="b")
    twice = layers.Dense(5, activity_regularizer=keras.regularizers.L1L2(0.1, 0.2))
    recurrence = layers.LSTM(2, return_state=True, activity_regularizer="l1")
    _, _, state = recurrence(layers.Reshape((2, 2))(a))
    parts = [inner(a), inner(b), twice(a), twice(b), state]
    model = keras.Model([a, b], layers.Dense(1)(layers.Concatenate()(parts)))
    rng = np.random.default_rng(1)
    arrays = {name: rng.standard_normal((3, 4)) for name in ("a", "b")}
    model([arrays["a"], arrays["b"]])
    model.save(f"{job['folder']}/shared.keras")
    np.savez(f"{job['folder']}/shared.npz", cost=float(sum(model.losses)), **arrays)
    keras.config.set_floatx("float32")
