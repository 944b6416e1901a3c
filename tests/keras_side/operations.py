"""Makes the example calls of ``keras.ops`` in Keras: the expected values.

A process of its own. Reads a job on standard input: ``folder`` and ``sheets``, lists of examples'
ids. On TensorFlow it writes a model for each sheet (``<sheet>.keras``: all its calls side by side)
and, per example, inputs, outputs in both precisions and gradients; on JAX outputs only.
"""

import json
import math
import sys
import traceback
from pathlib import Path

import keras
import numpy as np

from keras2torch import registry
from keras2torch.ops.calls import Array, Drawn
from keras2torch.verify.keras_worker import load_original

BATCH = 3
POOLS = {2: "MaxPooling1D", 3: "MaxPooling2D"}


def example(identity):
    name, number = identity.removesuffix("-first").split("-")
    return registry.all_ops()[name].calls[int(number)]


def drawn(wanted, rng):
    """The array for an input."""
    sizes = [6 if size is None else size for size in wanted.shape]
    shape = [BATCH, *sizes] if wanted.batched else sizes
    if wanted.dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if wanted.dtype.startswith(("int", "uint")):
        return rng.integers(wanted.low, wanted.high + 1, shape).astype(wanted.dtype)
    array = rng.uniform(wanted.low, wanted.high, shape).astype("float32")
    if wanted.special:
        flat = array.reshape(-1)
        flat[: flat.size // 2 : 2] = 0
        flat[1::5], flat[2::5], flat[3::7] = np.nan, np.inf, -np.inf
    if wanted.holes:
        array.reshape(-1)[::3] = np.nan
        array[0] = np.nan
    if wanted.spd:
        array = array @ np.swapaxes(array, -1, -2) + shape[-1] * np.eye(shape[-1], dtype="float32")
    return array


def arguments(identity):
    """The arguments of a call with Keras tensors in them, the inputs, and arrays by input."""
    found, arrays = [], {}
    rng = np.random.default_rng(sum(map(ord, identity.removesuffix("-first"))))
    spec = example(identity)

    def made(value):
        if isinstance(value, tuple) and all(v is None or type(v) is int for v in value) and outer:
            value = Drawn(value)
        if isinstance(value, Drawn):
            name = f"{identity}-{len(found)}".lower().replace("-", "_")
            arrays[name] = drawn(value, rng)
            options = {"shape" if value.batched else "batch_shape": value.shape}
            dtype = keras.config.floatx() if value.dtype == "float32" else value.dtype
            found.append(keras.Input(dtype=dtype, name=name, **options))
            rank = len(value.shape)
            if identity.endswith("-first") and value.dtype == "float32" and rank in POOLS:
                return getattr(keras.layers, POOLS[rank])(1, name=f"pool_{name}")(found[-1])
            return found[-1]
        if isinstance(value, Array):
            return np.array(value.values, value.dtype)
        if isinstance(value, list):
            return [made(part) for part in value]
        return value

    outer = True
    given = [made(value) for value in spec.arguments]
    outer = False
    options = {key: made(value) for key, value in spec.options.items()}
    return given, options, found, arrays


def function_of(name):
    place = keras if name.startswith(("activations.", "image.")) else keras.ops
    if name.startswith("image."):
        place = keras.ops
    for part in name.split("."):
        place = getattr(place, part)
    return place


class Sheet:
    """A model of many calls side by side; ``spans`` has the number of outputs of each."""

    def __init__(self, identities):
        self.arrays, self.spans, self.inputs_of = {}, {}, {}
        inputs, outputs = [], []
        for identity in identities:
            given, options, found, arrays = arguments(identity)
            made = function_of(example(identity).function)(*given, **options)
            made = keras.tree.flatten(made)
            self.spans[identity] = len(made)
            self.inputs_of[identity] = [t.name for t in found]
            self.arrays |= arrays
            inputs += found
            outputs += made
        self.model = keras.Model(inputs, outputs)

    def outputs(self, flat):
        """The outputs by example."""
        flat = iter(keras.tree.flatten(flat))
        return {i: [next(flat) for _ in range(n)] for i, n in self.spans.items()}

    def tensors(self, model, precision):
        arrays = [self.arrays[t.name] for t in model.inputs]
        return [
            keras.ops.convert_to_tensor(a.astype(precision) if a.dtype.kind == "f" else a)
            for a in arrays
        ]


def save(path, tensors):
    arrays = {f"a{n}": as_array(t) for n, t in enumerate(tensors)}
    np.savez(path, **arrays)


def as_array(tensor):
    if "bfloat16" in str(tensor.dtype):
        tensor = keras.ops.cast(tensor, "float32")
    return keras.ops.convert_to_numpy(tensor)


def called(model, tensors):
    return model(tensors[0] if len(tensors) == 1 else tensors, training=False)


def on_tensorflow(name, identities, folder):
    import tensorflow as tf

    sheet = Sheet(identities)
    sheet.model.save(folder / f"{name}.keras")
    np.savez(folder / f"{name}.inputs.npz", **sheet.arrays)
    (folder / f"{name}.json").write_text(json.dumps(sheet.inputs_of))
    single = load_original(folder / f"{name}.keras", "float32")
    flat = called(single, sheet.tensors(single, "float32"))
    for identity, outputs in sheet.outputs(flat).items():
        save(folder / f"{identity}.tensorflow.float32.npz", outputs)
    if all(example(identity).single for identity in identities):
        np.savez(folder / f"{name}.gradients.npz")
        return
    try:
        exact = load_original(folder / f"{name}.keras", "float64")
        tensors = sheet.tensors(exact, "float64")
        floating = [t for t in tensors if t.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(floating)
            outputs = sheet.outputs(called(exact, tensors))
            loss = tf.constant(0.0, "float64")
            for identity, made in outputs.items():
                for o in made if example(identity).gradients else ():
                    if o.dtype.is_floating:
                        o = tf.cast(o, "float64")
                        weigh = tf.reshape(tf.cos(tf.range(tf.size(o), dtype=o.dtype)), tf.shape(o))
                        loss += tf.reduce_sum(o * weigh)
        gradients = tape.gradient(loss, floating, unconnected_gradients="zero")
    finally:
        keras.config.set_floatx("float32")
    for identity, made in outputs.items():
        save(folder / f"{identity}.tensorflow.float64.npz", made)
    names = [t.name for t in exact.inputs]
    named = iter([n for n, t in zip(names, tensors, strict=True) if t.dtype.is_floating])
    np.savez(
        folder / f"{name}.gradients.npz",
        **{n: tf.convert_to_tensor(g).numpy() for n, g in zip(named, gradients, strict=True)},
    )


def on_jax(name, identities, folder):
    precision = keras.config.floatx()
    sheet = Sheet(identities)
    flat = called(sheet.model, sheet.tensors(sheet.model, precision))
    for identity, outputs in sheet.outputs(flat).items():
        save(folder / f"{identity}.jax.{precision}.npz", outputs)


def attempt(work, name, identities, folder, problems, made):
    """A sheet that fails is cut in halves, until it is known which call it was."""
    try:
        keras.utils.clear_session()
        work(name, identities, folder)
        made[name] = identities
    except Exception as error:
        if len(identities) == 1:
            problems[identities[0]] = f"{type(error).__name__}: {error}"
            traceback.print_exc()
            return
        half = math.ceil(len(identities) / 2)
        attempt(work, f"{name}a", identities[:half], folder, problems, made)
        attempt(work, f"{name}b", identities[half:], folder, problems, made)


def main():
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    backend = keras.backend.backend()
    if job["precision"] == "float64":
        import jax

        jax.config.update("jax_enable_x64", True)
        keras.config.set_floatx("float64")
    problems, made = {}, {}
    for name, identities in job["sheets"].items():
        work = on_tensorflow if backend == "tensorflow" else on_jax
        attempt(work, name, identities, folder, problems, made)
    told = {"problems": problems, "sheets": made}
    (folder / f"told.{backend}.{job['precision']}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
