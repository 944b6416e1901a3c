"""Trains compiled models in Keras, step by step in float64, and saves them on the way.

A process of its own, started by the tests that follow with a port's ``train.py``. Reads a job on
standard input: ``folder`` and ``cases``, each with an ``id``, the name of a ``model`` here, its
``optimizer`` as Keras serialises it, the ``steps``, and where to save: the
numbers of ``stops``. It writes per case ``<id>.0.keras`` and, at each stop, ``<id>.<step>.keras``
and ``.h5``; ``<id>.data.npz`` with an array per input and ``y``, a row of which is a batch;
``<id>.losses.npy``. With ``orders`` it does the work of ``variable_orders.py`` first.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import trained_models
import variable_orders

from keras2torch.verify.keras_worker import keep_float64


def batches(model, draw, rng, steps, size):
    """Data for all steps: of each input and of the targets an array (steps, size, ...)."""
    drawn = [draw(rng, size) for _ in range(steps)]
    names = [tensor.name for tensor in model.inputs]
    arrays = {name: np.stack([x[place] for x, _ in drawn]) for place, name in enumerate(names)}
    targets = [y for _, y in drawn]
    if isinstance(targets[0], dict):
        return arrays | {f"y_{name}": np.stack([y[name] for y in targets]) for name in targets[0]}
    return arrays | {"y": np.stack(targets)}


def train(folder, case):
    keras.utils.clear_session()  # layers are numbered anew
    keras.utils.set_random_seed(case.get("seed", 1))
    made = trained_models.MODELS[case["model"]]()
    model, rng = made.model, np.random.default_rng(case.get("seed", 1))
    stir(model, rng)
    chosen = case["optimizer"]
    # Not all of Keras' optimizers can be had by their names alone.
    optimizer = getattr(keras.optimizers, chosen["class_name"]).from_config(chosen["config"])
    model.compile(optimizer=optimizer, loss=made.loss, jit_compile=False, **made.compiled)
    arrays = batches(model, made.draw, rng, case["steps"], case.get("size", 8))
    names = [tensor.name for tensor in model.inputs]
    losses = []
    for step in range(case["steps"] + 1):
        if step in (0, *case["stops"], case["steps"]):
            model.save(folder / f"{case['id']}.{step}.keras")
            if "h5" in case:
                model.save(folder / f"{case['id']}.{step}.h5")
                # Keras takes the optimizer out of what it will save from now on.
                model._compile_config.config["optimizer"] = model.optimizer
        if step < case["steps"]:
            targets = {k[2:]: a[step] for k, a in arrays.items() if k.startswith("y_")}
            logs = model.train_on_batch(
                [arrays[name][step] for name in names],
                targets or arrays["y"][step],
                return_dict=True,
            )
            losses.append(float(logs["loss"]))
            model.reset_metrics()
    np.savez(folder / f"{case['id']}.data.npz", **arrays)
    np.save(folder / f"{case['id']}.losses.npy", np.array(losses))


def stir(model, rng):
    """Weights that no test passes by luck: biases and statistics away from 0 and 1."""
    for variable in model.weights:
        shift = rng.uniform(0.05, 0.3, variable.shape)
        variable.assign(keras.ops.convert_to_numpy(variable) + shift)


def main():
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    if "orders" in job:
        variable_orders.save_all(folder / "orders", **job["orders"])
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    keep_float64()
    for case in job["cases"]:
        train(folder, case)


if __name__ == "__main__":
    main()
