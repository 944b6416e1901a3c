"""Runs an original of Keras 2 in tf_keras, in a process of its own: ``keras_worker`` for old files.

Called as ``python -m keras2torch.verify.keras2_worker`` with a JSON object on standard input:
``model``, ``config`` (the JSON of its description, for weights alone), ``inputs`` (.npz),
``precision`` and ``recording`` (.npz to write).
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras

from keras2torch.verify.recording import Recording


def load_original(path: str, config: str | None, precision: str) -> Any:
    """The saved model with its computations in ``precision``.

    The float64 model is made anew from the description, with every float32 replaced; its weights
    are the same numbers.
    """
    if config is None:
        model = keras.models.load_model(path, compile=False)
    else:
        model = keras.models.model_from_json(Path(config).read_text())
        model.load_weights(path)
    if precision == "float32":
        return model
    weights = model.get_weights()
    keras.backend.clear_session()
    keras.backend.set_floatx(precision)
    exact = type(model).from_config(_in_precision(model.get_config(), precision))
    exact.set_weights(weights)
    return exact


def _in_precision(part: Any, precision: str) -> Any:
    if isinstance(part, dict):
        return {
            key: precision
            if key == "dtype" and value == "float32"
            else _in_precision(value, precision)
            for key, value in part.items()
        }
    if isinstance(part, (list, tuple)):
        return type(part)(_in_precision(v, precision) for v in part)
    return part


def record(model: Any, inputs: list[Any]) -> Recording:
    """Run the model in inference and write down what each of its layers returns."""
    recording = Recording()
    paths: dict[int, str] = {}
    numbers: dict[int, list[int]] = defaultdict(list)
    _walk(model, "", paths, numbers)
    calls: dict[int, int] = defaultdict(int)
    original = keras.layers.Layer.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = original(self, *args, **kwargs)
        if id(self) in paths and tf.executing_eagerly():
            known = numbers[id(self)] or [0]
            number = known[calls[id(self)] % len(known)]
            calls[id(self)] += 1
            recording.add(paths[id(self)], number, [t.numpy() for t in tf.nest.flatten(outputs)])
        return outputs

    keras.layers.Layer.__call__ = call
    try:
        outputs = model(inputs[0] if len(inputs) == 1 else inputs, training=False)
    finally:
        keras.layers.Layer.__call__ = original
    recording.add("", 0, [t.numpy() for t in tf.nest.flatten(outputs)])
    return recording


def _walk(model: Any, path: str, paths: dict[int, str], numbers: dict[int, list[int]]) -> None:
    """Note the path of every layer, and the numbers of its calls in the order they are run."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        paths[id(layer)] = path + layer.name
        if isinstance(layer, keras.Model):
            _walk(layer, f"{path}{layer.name}/", paths, numbers)
    own = {id(node) for nodes in model._nodes_by_depth.values() for node in nodes}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            among = [n for n in node.layer._inbound_nodes if id(n) in own]
            numbers[id(node.layer)].append([id(n) for n in among].index(id(node)))


def main() -> None:
    job = json.load(sys.stdin)
    model = load_original(job["model"], job.get("config"), job["precision"])
    inputs = []
    with np.load(job["inputs"], allow_pickle=False) as stored:
        for name in model.input_names:
            array = stored[name]
            wanted = job["precision"] if array.dtype.kind == "f" else array.dtype
            inputs.append(tf.constant(array.astype(wanted)))
    record(model, inputs).save(Path(job["recording"]))


if __name__ == "__main__":
    main()
