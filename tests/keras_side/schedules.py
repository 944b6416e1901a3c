"""Keras' schedules, one learning rate per step, in float64 and in float32.

``schedules`` gets ``examples``, a list of class names and configs, ``steps``, whether XLA compiles
them, and ``told``, the file to write: arrays ``float64`` and ``float32``, a row per example.
"""

import keras
import numpy as np
import tensorflow as tf

from keras2torch.verify.keras_worker import keep_float64


def rates(examples, steps, xla):
    """The schedules compiled as in a training step, called with one step after the other."""
    made = [getattr(keras.optimizers.schedules, n).from_config(c) for n, c in examples]
    kind = tf.as_dtype(keras.config.floatx())

    def at(step):
        return tf.stack([tf.cast(schedule(step), kind) for schedule in made])

    if xla:
        signature = [tf.TensorSpec((), tf.int64)]
        function = tf.function(at, input_signature=signature, jit_compile=True)
        return np.stack([function(tf.constant(step, tf.int64)) for step in range(steps)], axis=1)
    every = tf.function(
        lambda: tf.map_fn(at, tf.range(steps, dtype=tf.int64), fn_output_signature=kind)
    )
    return every().numpy().T


def schedules(job):
    told = {}
    for dtype in ("float32", "float64"):
        keras.config.set_floatx(dtype)
        if dtype == "float64":
            keep_float64()
        told[dtype] = rates(job["examples"], job["steps"], job["xla"])
    np.savez(job["told"], **told)
    keras.config.set_floatx("float32")
