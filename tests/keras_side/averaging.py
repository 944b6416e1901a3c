"""Keras' use_ema: weights and averages behind every step."""

import keras
import numpy as np

from keras2torch.verify.keras_worker import keep_float64


def averaging(job):
    """``cases`` of options for SGD, on two weights, one of them constrained, with ``gradients``
    (step, weight, values): ``<number>.<dtype>.weights`` and ``.averages``, and ``.end``."""
    gradients = np.array(job["gradients"])
    told = {}
    for dtype in ("float32", "float64"):
        keras.config.set_floatx(dtype)
        if dtype == "float64":
            keep_float64()
        for number, options in enumerate(job["cases"]):
            weights = [keras.Variable(np.array(start), dtype=dtype) for start in job["start"]]
            weights[1].constraint = keras.constraints.NonNeg()
            optimizer = keras.optimizers.SGD(0.125, use_ema=True, **options)
            optimizer.build(weights)
            seen = {"weights": [], "averages": []}
            for step in gradients:
                given = [keras.ops.convert_to_tensor(g, dtype) for g in step]
                optimizer.apply(given, weights)
                seen["weights"].append([w.numpy() for w in weights])
                averages = optimizer._model_variables_moving_average
                seen["averages"].append([a.numpy() for a in averages])
            optimizer.finalize_variable_values(weights)
            told[f"{number}.{dtype}.end"] = np.array([w.numpy() for w in weights])
            for what, values in seen.items():
                told[f"{number}.{dtype}.{what}"] = np.array(values)
    np.savez(job["told"], **told)
    keras.config.set_floatx("float32")
