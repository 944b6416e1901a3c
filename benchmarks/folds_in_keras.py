"""Keras' side of folds.py: trains a model afresh for each fold and predicts the rows held out.

``python folds_in_keras.py MODEL.keras`` reads from its standard input epochs, batch size and the
jobs; beside each job's ``.npz`` of rows it writes the predictions.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import keras
import numpy as np


class Training:
    """A compiled model that starts afresh for every fold: compiling it is the slowest of all."""

    def __init__(self, model: keras.Model, epochs: int, batch_size: int) -> None:
        self.model, self.epochs, self.batch_size = model, epochs, batch_size
        self.inputs = [tensor.name for tensor in model.inputs]
        self.kept = [v.path for layer in model.layers if not layer.trainable for v in layer.weights]
        model.optimizer.build(model.trainable_variables)
        self.at_first = [variable.numpy() for variable in model.optimizer.variables]

    def start_afresh(self, seed: int) -> None:
        """Initial weights, but for layers that don't train, and an optimizer without a past."""
        keras.utils.set_random_seed(seed)
        fresh = keras.models.clone_model(self.model)
        for own, first in zip(self.model.weights, fresh.weights, strict=True):
            if own.path not in self.kept:
                own.assign(first)
        for own, first in zip(self.model.optimizer.variables, self.at_first, strict=True):
            own.assign(first)

    def run(self, rows: Path, seed: int) -> None:
        with np.load(rows) as stored:
            arrays = dict(stored)
        learnt, predicted = (
            {name: arrays[f"{part}_{name}"] for name in self.inputs}
            for part in ("learnt", "predicted")
        )
        self.start_afresh(seed)
        self.model.fit(
            learnt, arrays["y"], batch_size=self.batch_size, epochs=self.epochs, verbose=0
        )
        found = self.model.predict(predicted, batch_size=self.batch_size, verbose=0)
        np.save(rows.with_suffix(".npy"), found)


def main() -> None:
    said = json.load(sys.stdin)
    model = keras.models.load_model(sys.argv[1])
    # Weights that it may have been saved with are nobody's here: its optimizer starts afresh too.
    model.compile_from_config(model.get_compile_config())
    training = Training(model, said["epochs"], said["batch_size"])
    for job in said["jobs"]:
        training.run(Path(job["rows"]), job["seed"])


if __name__ == "__main__":
    main()
