"""Keras' metrics of given batches: the expected values.

A process of its own, started by ``tests/training/test_metrics.py``. Reads a job on standard input:
``folder``, where ``arrays.npz`` is, ``cases`` (``id``, ``class_name``, ``config``, ``precision``,
and ``batches``: the names of the arrays of each, or None for a reset) and ``compiled``, see
``compiled_metrics.py``. Writes ``results``, an ``.npz`` in the folder, where
``<id>.<number of the batch>`` is the metric behind that batch.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from compiled_metrics import log

from keras2torch.verify.keras_worker import keep_float64


def run(case, arrays):
    metric = keras.metrics.deserialize({"class_name": case["class_name"], "config": case["config"]})
    for number, batch in enumerate(case["batches"]):
        if batch is None:
            metric.reset_state()
            continue
        tensors = {role: keras.ops.convert_to_tensor(arrays[name]) for role, name in batch.items()}
        if "mask" in tensors:
            keras.src.backend.set_keras_mask(tensors["outputs"], tensors["mask"])
        metric.update_state(
            tensors["targets"], tensors["outputs"], sample_weight=tensors.get("weights")
        )
        yield f"{case['id']}.{number}", np.asarray(metric.result())


def main():
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    with np.load(folder / "arrays.npz") as stored:
        arrays = dict(stored)
    found = {}
    for precision in ("float32", "float64"):
        keras.config.set_floatx(precision)
        if precision == "float64" and keras.backend.backend() == "tensorflow":
            keep_float64()
        for case in job["cases"]:
            if case["precision"] == precision:
                found.update(run(case, arrays))
    np.savez(folder / job["results"], **found)
    for case in job["compiled"]:
        log(case, folder)


if __name__ == "__main__":
    main()
