"""Saves models of ``models.py`` in every way that Keras 3 knows, with its own writers.

A process of its own, started by the fixture ``keras_3`` with a job on standard input: ``folder``,
``names``, and ``examples``, the Python files whose ``build()`` is saved as ``.keras``.
"""

import json
import runpy
import sys
from pathlib import Path

import keras
import models

# In GB; a shard holds at least the largest weight of its model.
SHARD = {"article_a": 0.007, "article_b": 0.011, "image_cnn": 2e-5, "nests": 2e-6}


def main():
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    for name in job["names"]:
        keras.utils.set_random_seed(3)
        model = models.MODELS[name]()
        for variable in model.weights:  # statistics away from 0 and 1
            if variable.dtype == "float32":
                variable.assign_add(keras.random.uniform(variable.shape, 0.05, 0.3))
        model.save(folder / f"{name}.keras")
        model.save(folder / f"{name}.folder", zipped=False)
        model.save(folder / f"{name}.h5")
        (folder / f"{name}.json").write_text(model.to_json())
        model.save_weights(folder / f"{name}.weights.h5")
        model.save_weights(folder / f"{name}.weights.json", max_shard_size=SHARD[name])
    for file in map(Path, job["examples"]):
        keras.utils.clear_session(
            free_memory=False
        )  # names are numbered as in a process of its own
        runpy.run_path(str(file))["build"]().save(folder / f"example_{file.parent.name}.keras")


if __name__ == "__main__":
    main()
