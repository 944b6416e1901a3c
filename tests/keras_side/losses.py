"""Keras' losses of given arrays, and their gradients: the expected values.

A process of its own, started by ``tests/training/test_losses.py``. Reads a job on standard input:
``folder`` (where ``arrays.npz`` is), ``cases`` (``id``, ``loss``, ``arrays``: their names by role,
``activation`` and ``class_weight``), ``compiled`` (``id``, ``loss``, ``loss_weights``, ``names``
and ``keyed``). In ``results.npz`` there ``<id>.<precision>`` has the loss,
``<id>.<precision>.gradient`` that with respect to the outputs, ``<id>.problem`` the error where
there was one. What was compiled is computed in float64 alone, which its names leave out.
``names`` are those of all that ``keras.losses`` has.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras.src import backend
from keras.src.trainers.compile_utils import CompileLoss
from keras.src.trainers.data_adapters.data_adapter_utils import class_weight_to_sample_weights

from keras2torch.verify.keras_worker import keep_float64


def loss_of(case, outputs, targets, weights, mask):
    if case["class_weight"]:
        classes = {int(number): weight for number, weight in case["class_weight"].items()}
        weights = class_weight_to_sample_weights(targets, classes)
    if case["activation"]:
        outputs = keras.activations.get(case["activation"])(outputs)
    if mask is not None:
        backend.set_keras_mask(outputs, mask)
    loss = keras.saving.deserialize_keras_object(case["loss"])
    if not isinstance(loss, keras.Loss):
        loss = keras.losses.get(loss)
        loss = keras.src.losses.losses.LossFunctionWrapper(loss)
    return loss(targets, outputs, weights)


def on_tensorflow(case, outputs, *others):
    import tensorflow as tf

    outputs, *others = (None if x is None else tf.convert_to_tensor(x) for x in (outputs, *others))
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = loss_of(case, outputs, *others)
    return loss, tape.gradient(loss, outputs)


def on_jax(case, outputs, *others):
    import jax

    outputs, *others = (None if x is None else jax.numpy.asarray(x) for x in (outputs, *others))
    return jax.value_and_grad(lambda given: loss_of(case, given, *others))(outputs)


def compiled(case, arrays):
    """The total of several outputs' losses, as compile_from_config and fit make it."""
    import tensorflow as tf

    names = case["names"]

    def by_name(role):
        found = {n: arrays.get(f"{case['id']}/{role}/{n}") for n in names}
        return {n: None if x is None else tf.convert_to_tensor(x) for n, x in found.items()}

    outputs, targets, weights = (by_name(role) for role in ("outputs", "targets", "weights"))
    loss = keras.saving.deserialize_keras_object(case["loss"])
    total = CompileLoss(loss, case["loss_weights"], output_names=names)

    def shaped(tensors):
        if case["keyed"]:
            return tensors
        return tensors[names[0]] if len(names) == 1 else [tensors[name] for name in names]

    with tf.GradientTape() as tape:
        tape.watch(outputs)
        given = shaped(weights) if any(w is not None for w in weights.values()) else None
        value = total(shaped(targets), shaped(outputs), given)
    gradients = tape.gradient(value, outputs)
    zeros = {n: np.zeros(outputs[n].shape) for n in names}
    return value, [zeros[n] if gradients[n] is None else gradients[n] for n in names]


def clear_caches():
    """JAX keeps what it compiles, some GB for all of the cases."""
    import jax

    jax.clear_caches()


def keep_float64_on_jax():
    """Keras on JAX takes means, and CTC, in float32 whatever the precision."""
    import jax

    jax.config.update("jax_enable_x64", True)
    common = backend.result_type

    def mean(x, axis=None, keepdims=False):
        return jax.numpy.mean(backend.convert_to_tensor(x), axis=axis, keepdims=keepdims)

    def result_type(*dtypes):
        return "float64" if "float64" in map(str, dtypes) else common(*dtypes)

    backend.numpy.mean = mean
    backend.result_type = result_type


def main():
    job = json.load(sys.stdin)
    run = on_tensorflow if backend.backend() == "tensorflow" else on_jax
    with np.load(Path(job["folder"], "arrays.npz")) as stored:
        arrays = dict(stored)
    found = {}
    for precision in ("float32", "float64"):
        keras.config.set_floatx(precision)
        if precision == "float64" and run is on_tensorflow:
            keep_float64()
        elif precision == "float64":
            keep_float64_on_jax()
        for number, case in enumerate(job["cases"]):
            if number % 50 == 0 and run is on_jax:
                clear_caches()
            given = [
                arrays[case["arrays"][role]] if role in case["arrays"] else None
                for role in ("outputs", "targets", "weights", "mask")
            ]
            given = [
                x.astype(precision) if x is not None and x.dtype == "float64" else x for x in given
            ]
            try:
                loss, gradient = run(case, *given)
            except Exception as error:
                found[f"{case['id']}.problem"] = np.array(f"{type(error).__name__}: {error}"[:500])
                continue
            found[f"{case['id']}.{precision}"] = np.asarray(loss)
            found[f"{case['id']}.{precision}.gradient"] = np.asarray(gradient)
    for case in job["compiled"]:  # in float64
        try:
            value, gradients = compiled(case, arrays)
        except Exception as error:
            found[f"{case['id']}.problem"] = np.array(f"{type(error).__name__}: {error}"[:500])
            continue
        found[case["id"]] = np.asarray(value)
        found[f"{case['id']}.gradient"] = np.asarray(gradients)
    found["names"] = np.array([*keras.losses.__dict__, *keras.src.losses.ALL_OBJECTS_DICT])
    np.savez(Path(job["folder"], "results.npz"), **found)


if __name__ == "__main__":
    main()
