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

from keras2torch.verify.keras_worker import keep_float64


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
    if activity:  # every layer has it, whether or not it takes it as an argument of its own
        config = {"activity_regularizer": None, **config}
    config = with_options(config, numbers, activity)
    return None if next(numbers) == 1 else build({**spec, "config": config})


def of_layers(job):
    """Per example ``<id>.keras``, ``<id>.constrained.keras``, ``<id>.npz`` with its inputs; and
    what it told: the regularized and the constrained variables' sizes, and their cost."""
    told = {}
    keras.config.set_floatx("float64")
    keep_float64()
    for spec in job["layers"]:
        rng = np.random.default_rng(len(spec["id"]))
        try:
            found = optioned(spec, job["activity"])
        except (TypeError, ValueError) as error:
            told[spec["id"]] = {"refused": str(error)[:200]}
            continue
        if found is None:
            continue
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
        given = [arrays[name] for name in specs]
        model(given[0] if len(given) == 1 else given)
        trained = model.trainable_variables
        told[spec["id"]] = {
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
        keras.backend.clear_session()  # else Keras keeps every model, and slows down
    keras.config.set_floatx("float32")
    Path(job["folder"], job["told"]).write_text(json.dumps(told))
