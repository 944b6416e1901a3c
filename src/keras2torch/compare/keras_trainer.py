"""Trains the original in Keras, in a process of its own, and tells every step.

Called as ``python -m keras2torch.compare.keras_trainer`` with KERAS_BACKEND set and a JSON job on
standard input: ``model``, ``data``, ``inputs`` (names), ``epochs``, ``batch_size``, ``seed``,
``precision``.
"""

from __future__ import annotations

import io
import json
import sys
import time
import zipfile
from contextlib import redirect_stdout
from typing import Any

import keras
import numpy as np

from keras2torch.compare.stream import TARGETS, VALIDATION, batches, load_data, tell
from keras2torch.verify.keras_worker import load_original


def compile_as_saved(model: Any, path: str) -> None:
    """Compile the model as it was saved, with an optimizer that has not stepped yet."""
    with zipfile.ZipFile(path) as archive:
        model.compile_from_config(json.loads(archive.read("config.json"))["compile_config"])


def evaluate(model: Any, inputs: list[Any], targets: Any, size: int) -> dict[str, float]:
    logs = model.evaluate(inputs, targets, batch_size=size, verbose=0, return_dict=True)
    return {_plain(name): float(value) for name, value in logs.items()}


def _plain(name: str) -> str:
    return "accuracy" if name in ("acc", "accuracy") else name


def main() -> None:
    job = json.load(sys.stdin)
    data = load_data(job["data"])
    model = load_original(job["model"], job["precision"])
    summary = io.StringIO()
    with redirect_stdout(summary):
        model.summary(line_length=72)
    compile_as_saved(model, job["model"])
    tell(summary=summary.getvalue(), version=keras.version(), backend=keras.backend.backend())
    validated = VALIDATION + TARGETS in data
    for epoch in range(job["epochs"]):
        for inputs, targets in batches(data, job["inputs"], epoch, job["batch_size"], job["seed"]):
            start = time.perf_counter()
            model.reset_metrics()
            logs = model.train_on_batch(
                inputs if len(inputs) > 1 else inputs[0], targets, return_dict=True
            )
            told = {_plain(name): float(np.asarray(value)) for name, value in logs.items()}
            tell(epoch=epoch, size=len(targets), seconds=time.perf_counter() - start, **told)
        if validated:
            val = [data[VALIDATION + name] for name in job["inputs"]]
            logs = evaluate(model, val, data[VALIDATION + TARGETS], job["batch_size"])
            tell(validated=epoch, **logs)


if __name__ == "__main__":
    main()
