"""Keras' schedules, one learning rate per step, in float64 and in float32.

Reads ``examples``, a list of class names and configs, ``steps``, whether XLA compiles them, and
``told``, the file to write: arrays ``float64.<number>`` and ``float32.<number>``.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from keras2torch.verify.keras_worker import keep_float64


def rates(name, config, steps, xla):
    schedule = getattr(keras.optimizers.schedules, name).from_config(config)
    signature = [tf.TensorSpec((), tf.int64)]
    function = tf.function(schedule, input_signature=signature, jit_compile=xla)
    return np.array([function(tf.constant(step, tf.int64)) for step in range(steps)])


def main():
    job = json.load(sys.stdin)
    told = {}
    for dtype in ("float32", "float64"):
        keras.config.set_floatx(dtype)
        if dtype == "float64":
            keep_float64()
        for number, (name, config) in enumerate(job["examples"]):
            told[f"{dtype}.{number}"] = rates(name, config, job["steps"], job["xla"])
    np.savez(job["told"], **told)


if __name__ == "__main__":
    main()
