"""Runs recurrent layers in Keras with masks and with dropout: what is expected of the port.

A process of its own, started by ``tests/runtime/test_recurrence.py``. Reads a job on standard
input: ``folder``, ``masked``, ``stateful`` and ``dropped``, whose entries have an id and a layer.
Writes ``<id>.keras`` and ``<id>.npz`` with inputs ``in_<name>`` and outputs ``out<number>`` in
float64.
"""

import json
import sys

import keras
import numpy as np
from examples import named, stir

from keras2torch.verify.keras_worker import load_original, record, tensors_for

TIME, SIZE = 6, 4
# None masked, padding behind and in front, holes, all masked.
MASKS = ["111111", "111000", "000111", "101101", "010010", "000000"]


def layer_of(spec):
    return keras.layers.deserialize(named({"class_name": spec["layer"], "config": spec["config"]}))


def masked(spec, folder):
    """The layer with an explicit mask; a second one sees which mask comes out of it."""
    rng = np.random.default_rng(len(spec["id"]))
    given = {
        "x": keras.Input((TIME, SIZE), name="x"),
        "mask": keras.Input((TIME,), dtype="bool", name="mask"),
    }
    states = [keras.Input((3,), name=f"state{n}") for n in range(spec["states"])]
    given |= {state.name: state for state in states}
    outputs = layer_of(spec)(given["x"], mask=given["mask"], initial_state=states or None)
    if spec["followed"]:
        outputs = keras.layers.SimpleRNN(2, name="after")(outputs)
    model = keras.Model(list(given.values()), outputs)
    stir(model, rng)
    path = f"{folder}/{spec['id']}.keras"
    model.save(path)
    arrays = {
        name: rng.standard_normal((len(MASKS), *tensor.shape[1:])).astype("float32")
        for name, tensor in given.items()
    }
    arrays["mask"] = np.array([[letter == "1" for letter in row] for row in MASKS])
    exact = load_original(path, "float64")
    recording = record(exact, tensors_for(exact, arrays, "float64"))
    keras.config.set_floatx("float32")
    return arrays, recording.keyed()[""]


def stateful(spec, folder):
    """Three calls of a layer that keeps its state, the last of them afresh: Keras' reset_state
    fails for stacked cells."""
    rng = np.random.default_rng(len(spec["id"]))
    x = keras.Input((TIME, *spec["shape"]), batch_size=len(MASKS), name="x")
    mask = keras.Input((TIME,), batch_size=len(MASKS), dtype="bool", name="mask")
    model = keras.Model([x, mask], layer_of(spec)(x, mask=mask if spec["masked"] else None))
    stir(model, rng)
    path = f"{folder}/{spec['id']}.keras"
    model.save(path)
    arrays = {
        "x": rng.standard_normal(x.shape).astype("float32"),
        "mask": np.array([[letter == "1" for letter in row] for row in MASKS]),
    }
    outputs = []
    for number in range(3):
        if number != 1:
            exact = load_original(path, "float64")
        outputs += keras.tree.flatten(exact(tensors_for(exact, arrays, "float64")))
    keras.config.set_floatx("float32")
    return arrays, [keras.ops.convert_to_numpy(output) for output in outputs]


def dropped(spec, folder):
    """A training step of the layer with masks that are written down, gate by gate."""
    rng = np.random.default_rng(len(spec["id"]))
    layer = layer_of({**spec, "config": {**spec["config"], "dtype": "float64"}})
    model = keras.Sequential([keras.Input((TIME, SIZE), dtype="float64"), layer])
    stir(model, rng)
    cell = layer.cell
    x = rng.standard_normal((2, TIME, SIZE))
    gates = cell.kernel.shape[1] // cell.units
    drop = rng.integers(0, 2, (gates, 2, SIZE)) / 0.7
    recurrent = rng.integers(0, 2, (gates, 2, cell.units)) / 0.6
    per_gate = getattr(cell, "dropout_mask_count", None)
    assert per_gate == (gates if gates > 1 else None)
    for name, masks in (("_dropout_mask", drop), ("_recurrent_dropout_mask", recurrent)):
        tensors = [keras.ops.convert_to_tensor(mask) for mask in masks]
        setattr(cell, name, tensors if per_gate else tensors[0])
    output = model(x, training=True)
    arrays = {"x": x, "drop": drop, "recurrent": recurrent}
    weights = zip(("kernel", "recurrent_kernel", "bias"), cell.get_weights(), strict=True)
    return arrays | dict(weights), [keras.ops.convert_to_numpy(output)]


def main():
    job = json.load(sys.stdin)
    for work in (masked, stateful, dropped):
        for spec in job[work.__name__]:
            arrays, outputs = work(spec, job["folder"])
            stored = {f"in_{name}": array for name, array in arrays.items()}
            stored |= {f"out{number}": array for number, array in enumerate(outputs)}
            np.savez(f"{job['folder']}/{spec['id']}.npz", **stored)


if __name__ == "__main__":
    main()
