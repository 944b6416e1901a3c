"""Streams of gradients through Keras' optimizers: the weights after some steps, and the state.

A case's gradients stand in ``<folder>/<stream>.npz``: ``<variable>_start`` is what it starts with,
``<variable>_values`` (steps, ...) its gradients, ``<variable>_rows`` (steps, occurrences) the rows
that those belong to, of a sparse one. On JAX a sparse one is summed up first.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np


def main() -> None:
    job = json.load(sys.stdin)
    import keras

    keras.config.set_floatx(job["dtype"])
    if job["dtype"] == "float64":
        if keras.backend.backend() == "tensorflow":
            from keras2torch.verify.keras_worker import keep_float64

            keep_float64()
        else:
            keep_float64_on_jax()
    folder = Path(job["folder"])
    for case in job["cases"]:
        arrays = np.load(folder / f"{case['stream']}.npz")
        try:
            told, found = run(case, arrays)
        except Exception as error:
            told, found = {"problem": f"{type(error).__name__}: {error}"}, {}
        name = f"{case['id']}.{keras.backend.backend()}.{job['dtype']}"
        (folder / f"{name}.json").write_text(json.dumps(told))
        np.savez(folder / f"{name}.npz", **found)


def keep_float64_on_jax() -> None:
    """Keras on JAX takes means, norms and roots of whole numbers in float32 always."""
    import jax
    import keras

    jax.config.update("jax_enable_x64", True)
    backend, numpy = keras.src.backend.jax, jax.numpy
    root, tensor = backend.numpy.sqrt, backend.convert_to_tensor
    backend.numpy.mean = lambda x, **options: numpy.mean(tensor(x), **options)
    backend.numpy.sqrt = lambda x: root(numpy.asarray(tensor(x), "float64"))
    backend.linalg.norm = lambda x, **options: numpy.linalg.norm(tensor(x), **options)


def run(case, arrays):
    """The optimizer's config and the names of its variables; the weights and variables' values."""
    import keras

    names = case["variables"]
    optimizer = keras.saving.deserialize_keras_object(
        {
            "module": "keras.optimizers",
            "class_name": case["name"],
            "config": case["config"],
            "registered_name": None,
        }
    )
    config = keras.optimizers.serialize(optimizer)
    dtype = keras.config.floatx()
    weights = [keras.Variable(arrays[f"{name}_start"], dtype=dtype, name=name) for name in names]
    optimizer.exclude_from_weight_decay(var_names=case.get("undecayed"))
    optimizer.build(weights)
    found, rate = {}, float(optimizer.learning_rate)
    for step in range(case["steps"]):
        if case["rates"]:
            optimizer.learning_rate = rate * case["rates"][step % len(case["rates"])]
        apply(optimizer, [gradient(arrays, name, step) for name in names], weights)
        if step + 1 in case["looks"]:
            for name, weight in zip(names, weights, strict=True):
                found[f"{name}_{step + 1}"] = keras.ops.convert_to_numpy(weight)
    for number, variable in enumerate(optimizer.variables):
        found[f"slot_{number}"] = keras.ops.convert_to_numpy(variable)
    return {"config": config, "slots": [v.name for v in optimizer.variables]}, found


def apply(optimizer, gradients, weights):
    """One step, as the backend's trainer makes it."""
    import keras

    if keras.backend.backend() == "tensorflow":
        optimizer.apply(gradients, weights)
        return
    variables = optimizer.variables
    values = [[v.value for v in variables], gradients, [w.value for w in weights]]
    changed, state = optimizer.stateless_apply(*values)
    for variable, value in zip([*weights, *variables], [*changed, *state], strict=True):
        variable.assign(value)


def gradient(arrays, name, step):
    import keras

    values = arrays[f"{name}_values"][step].astype(keras.config.floatx())
    if f"{name}_rows" not in arrays:
        return keras.ops.convert_to_tensor(values)
    shape, rows = arrays[f"{name}_start"].shape, arrays[f"{name}_rows"][step]
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant(shape))
    dense = np.zeros(shape, values.dtype)
    np.add.at(dense, rows, values)
    return keras.ops.convert_to_tensor(dense)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
