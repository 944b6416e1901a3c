"""What Keras logs of an epoch of ``fit`` that trains nothing: names and values of all metrics.

A case has the kind of model, ``loss``, ``metrics``, ``weighted_metrics`` as a file has them, and
``arrays``, an ``.npz`` with the model's input ``x``, targets ``y_<output>`` and ``w_<output>``.
"""

import json
from pathlib import Path

import keras
import numpy as np


def two(x):
    a = keras.layers.Dense(1, name="first_logits")(x)
    b = keras.layers.Dense(3, name="second_logits")(x)
    one = keras.layers.Activation("sigmoid", name="first")(a)
    return {"first": one, "second": keras.layers.Activation("softmax", name="second")(b)}, [a, b]


def made(kind):
    x = keras.Input((4,), name="x")
    if kind == "one":
        outputs, logits = two(x)
        return keras.Model(x, outputs["first"]), keras.Model(x, logits[:1])
    if kind == "three":
        outputs, logits = two(x)
        return keras.Model(x, outputs["second"]), keras.Model(x, logits[1:])
    if kind == "two":
        outputs, logits = two(x)
        return keras.Model(x, list(outputs.values())), keras.Model(x, logits)
    if kind == "dict":
        outputs, logits = two(x)
        keyed = {"z": outputs["first"], "k": outputs["second"]}
        return keras.Model(x, keyed), keras.Model(x, logits)
    hidden = keras.layers.Masking()(keras.layers.Reshape((2, 2))(x))
    logits = keras.layers.Dense(3, name="steps_logits")(hidden)
    steps = keras.layers.Activation("softmax", name="steps")(logits)
    return keras.Model(x, steps), keras.Model(x, [logits])


def log(case, folder):
    """Write ``<id>.json`` with the compile config and the logs as ``fit`` returns them, and
    ``<id>.npz`` with the outputs and the logits behind them."""
    keras.utils.set_random_seed(0)
    with np.load(case["arrays"]) as stored:
        arrays = dict(stored)
    model, logits = made(case["kind"])
    for weight in model.trainable_weights:
        weight.assign(keras.random.normal(weight.shape, stddev=case["size"], seed=1))
    config = keras.saving.deserialize_keras_object(
        {key: case[key] for key in ("loss", "metrics", "weighted_metrics")}
    )
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=case["eager"], **config)
    targets = [array for key, array in arrays.items() if key.startswith("y_")]
    weights = [array for key, array in arrays.items() if key.startswith("w_")] or [None]
    if case["kind"] == "dict":
        targets, weights = [dict(zip("zk", part, strict=True)) for part in (targets, weights)]
    elif case["kind"] != "two":
        targets, weights = targets[0], weights[0]
    history = model.fit(
        arrays["x"], targets, sample_weight=weights, batch_size=16, shuffle=False, verbose=0
    ).history
    told = {"compiled": model.get_compile_config(), "logs": history}
    Path(folder, f"{case['id']}.json").write_text(json.dumps(told))
    outputs = keras.tree.flatten(model(arrays["x"]))
    if case["kind"] == "dict":
        outputs = list(model(arrays["x"]).values())
    found = {f"outputs_{n}": np.asarray(part) for n, part in enumerate(outputs)}
    for number, part in enumerate(keras.tree.flatten(logits(arrays["x"]))):
        found[f"logits_{number}"] = np.asarray(part)
    np.savez(Path(folder, f"{case['id']}.npz"), **found)
