"""Keras' schedules, one learning rate per step, in float64 and in float32.

``schedules`` gets ``examples``, a list of class names and configs, ``steps``, whether XLA compiles
them, and ``told``, the file to write: arrays ``float64.<number>`` and ``float32.<number>``.
"""

import keras
import numpy as np
import tensorflow as tf

from keras2torch.verify.keras_worker import keep_float64


def rates(name, config, steps, xla):
    """The schedule compiled as in a training step, called with one step after the other."""
    schedule = getattr(keras.optimizers.schedules, name).from_config(config)
    if xla:
        signature = [tf.TensorSpec((), tf.int64)]
        function = tf.function(schedule, input_signature=signature, jit_compile=True)
        return np.array([function(tf.constant(step, tf.int64)) for step in range(steps)])
    kind = tf.as_dtype(keras.config.floatx())
    return tf.function(
        lambda: tf.map_fn(
            lambda step: tf.cast(schedule(step), kind),
            tf.range(steps, dtype=tf.int64),
            fn_output_signature=kind,
        )
    )().numpy()


def schedules(job):
    told = {}
    for dtype in ("float32", "float64"):
        keras.config.set_floatx(dtype)
        if dtype == "float64":
            keep_float64()
        for number, (name, config) in enumerate(job["examples"]):
            told[f"{dtype}.{number}"] = rates(name, config, job["steps"], job["xla"])
    np.savez(job["told"], **told)
    keras.config.set_floatx("float32")
