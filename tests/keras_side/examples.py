"""Builds every example of every layer in Keras, saves it and runs it: the expected values.

A process of its own, started by ``tests/conftest.py`` for many examples at once. Reads a job on
standard input: ``folder``, ``part`` (its number) and ``examples``, each with an id. On TensorFlow
it writes per example ``<id>.keras``, inputs, recordings in both precisions, and
``<id>.grad.keras``: the same model with every weight replaced by its gradient. On JAX it writes a
float32 recording of the same files. Examples with ``on_jax`` are made on JAX alone.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from keras2torch.verify.inputs import _array
from keras2torch.verify.keras_worker import load_original, record, tensors_for

BATCHES = (3, 1)
# TensorFlow has these in float32 only; Keras on JAX tells their exact values.
EXACT_ON_JAX = (
    "MaxPooling3D",
    "AveragePooling3D",
    "AdaptiveMaxPooling3D",
    "AdaptiveAveragePooling3D",
)


# TensorFlow alone can run these: strings are TensorFlow's, and the layers' tables and hashes are
# TensorFlow operations, which can't be traced on JAX.
ONLY_TENSORFLOW = (
    "HashedCrossing",
    "IndexLookup",
    "IntegerLookup",
    "StringLookup",
    "TextVectorization",
)
# Layers that models hold and ``keras.layers`` does not.
PRIVATE = {
    "IndexLookup": "index_lookup",
    "TFDConcat": "feature_space",
    "TFDIdentity": "feature_space",
}


def only_on_tensorflow(spec):
    """Whether JAX can't confirm an example."""
    given = spec["inputs"] if isinstance(spec["inputs"], list) else [spec["inputs"]]
    strings = any(isinstance(part, dict) and is_text(part) for part in given)
    return strings or spec["layer"] in ONLY_TENSORFLOW


def is_text(wanted):
    return "values" in wanted and isinstance(wanted["values"][0], str)


def build(spec):
    """A Functional model of one layer on its inputs; returns it with its inputs' specs."""
    inputs, specs = [], {}

    def make(wanted):
        name = f"in{len(inputs)}"
        whole = isinstance(wanted, dict)
        shape = wanted["shape"] if whole else wanted
        dtype = ("string" if is_text(wanted) else "int32") if whole else "float32"
        drawn_from = wanted.get("below") or wanted["values"] if whole else None
        specs[name] = (shape, dtype, drawn_from)
        inputs.append(keras.Input(shape, dtype=dtype, name=name))
        return inputs[-1]

    def is_shape(value):
        if isinstance(value, dict):
            return "shape" in value
        return all(v is None or isinstance(v, int) for v in value)

    def make_all(given):
        if is_shape(given):
            return make(given)
        if isinstance(given, dict):
            return {key: make_all(part) for key, part in given.items()}
        return [make_all(part) for part in given]

    given = spec["inputs"]
    if spec["masked"]:
        # Tokens of 0 are masked: padding in front and behind, and holes.
        time, size = given
        tokens = make({"shape": [time], "below": 4})
        first = keras.layers.Embedding(4, size, mask_zero=True)(tokens)
    else:
        first = make_all(given)
    kwargs = {}
    for key, value in (spec["call"] or {}).items():
        if isinstance(value, (list, dict)):
            value = make_all(value)
        kwargs[key] = value
    if spec["layer"] in PRIVATE:
        preprocessing = keras.src.layers.preprocessing
        layer = getattr(getattr(preprocessing, PRIVATE[spec["layer"]]), spec["layer"])(
            **spec["config"]
        )
    else:
        application = APPLICATIONS.get(spec["layer"])
        own = {"module": f"keras.src.applications.{application}"} if application else {}
        saved = named({"class_name": spec["layer"], "config": spec["config"], **own})
        layer = keras.layers.deserialize(saved)
    if spec["adapt"] is not None:
        data = spec["adapt"]
        number = isinstance(data[0], list) and isinstance(data[0][0], float)
        layer.adapt(np.array(data, "float32") if number else data)
    return keras.Model(inputs, layer(first, **kwargs)), specs


# Layers that are no part of keras.layers: the file of keras.applications that has them.
APPLICATIONS = {
    "CustomScaleLayer": "inception_resnet_v2",
    "LayerScale": "convnext",
    "StochasticDepth": "convnext",
}


def named(config):
    """Layers inside a config, with the module that Keras wants to be told."""
    if isinstance(config, list):
        return [named(value) for value in config]
    if not isinstance(config, dict):
        return config
    config = {key: named(value) for key, value in config.items()}
    return (
        {"module": "keras.layers", "registered_name": None, **config}
        if "class_name" in config
        else config
    )


def made(rng, shape, dtype, drawn_from):
    """An input: numbers, ids below a number, or values of a list, each once if that fits."""
    if not isinstance(drawn_from, list):
        return _array(rng, shape, dtype, drawn_from)
    chosen = [*drawn_from, *rng.choice(np.array(drawn_from, object), int(np.prod(shape)))]
    return np.array(chosen[: int(np.prod(shape))]).reshape(shape)


def stir(model, rng):
    """Weights that no test passes by luck: biases and statistics away from 0 and 1."""
    for variable in model.weights:
        if variable.dtype.startswith("float"):
            shift = rng.uniform(0.05, 0.3, variable.shape)
            variable.assign(keras.ops.convert_to_numpy(variable) + shift)


def gradients(model, tensors):
    """Replace every weight by its gradient; the loss weighs every output element differently.
    Returns those of the inputs."""
    on_jax = keras.backend.backend() == "jax"
    found, of_inputs = (gradients_on_jax if on_jax else gradients_on_tensorflow)(model, tensors)
    trainable = model.trainable_variables
    for variable in model.variables:
        if variable.dtype.startswith("float"):
            variable.assign(np.zeros(variable.shape))
    for variable, gradient in zip(trainable, found, strict=True):
        if gradient is not None:
            variable.assign(keras.ops.convert_to_tensor(gradient))
    return [None if g is None else np.asarray(g) for g in of_inputs]


def gradients_on_jax(model, tensors):
    import jax
    from jax import numpy as jnp

    def loss(weights, inputs):
        fixed = [v.value for v in model.non_trainable_variables]
        given = inputs[0] if len(inputs) == 1 else inputs
        outputs, _ = model.stateless_call(weights, fixed, given, training=False)
        return sum(
            (o * jnp.cos(jnp.arange(o.size, dtype=o.dtype)).reshape(o.shape)).sum()
            for o in keras.tree.flatten(outputs)
            if o.dtype.kind == "f"
        )

    return jax.grad(loss, argnums=(0, 1))([v.value for v in model.trainable_variables], tensors)


def gradients_on_tensorflow(model, tensors):
    import tensorflow as tf

    floating = [t for t in tensors if t.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(floating)
        outputs = model(tensors[0] if len(tensors) == 1 else tensors, training=False)
        weighed = [
            tf.reduce_sum(o * tf.reshape(tf.cos(tf.range(tf.size(o), dtype=o.dtype)), tf.shape(o)))
            for o in tf.nest.flatten(outputs)
            if o.dtype.is_floating
        ]
        # All outputs may be integers; then nothing has a gradient.
        loss = tf.add_n([tf.zeros((), "float64"), *(tf.cast(w, "float64") for w in weighed)])
    weights = [v.value for v in model.trainable_variables]
    found = tape.gradient(loss, [*weights, *floating])
    return found[: len(weights)], found[len(weights) :]


def expected(spec, folder):
    """Everything about one example, from the backend that this process runs on."""
    on_jax = keras.backend.backend() == "jax"
    path = folder / spec["id"]
    rng = np.random.default_rng(len(spec["id"]))
    model, specs = build(spec)
    stir(model, rng)
    model.save(f"{path}.keras")
    single = load_original(f"{path}.keras", "float32")
    exact = load_original(f"{path}.keras", "float64")
    for batch in BATCHES:
        arrays = {
            name: made(rng, (batch, *(6 if s is None else s for s in shape)), dtype, drawn_from)
            for name, (shape, dtype, drawn_from) in specs.items()
        }
        np.savez(f"{path}.{batch}.inputs.npz", **arrays)
        if on_jax or spec["layer"] not in EXACT_ON_JAX:
            record(exact, tensors_for(exact, arrays, "float64")).save(
                Path(f"{path}.{batch}.float64.npz")
            )
        keras.config.set_floatx("float32")
        recording = record(single, tensors_for(single, arrays, "float32"))
        recording.save(Path(f"{path}.{batch}.float32.npz"))
        if on_jax:
            recording.save(Path(f"{path}.{batch}.jax.npz"))
        keras.config.set_floatx("float64")
        if batch == BATCHES[0]:
            tensors = tensors_for(exact, arrays, "float64")
    if not exact.trainable_variables:
        keras.config.set_floatx("float32")
        return
    of_inputs = gradients(exact, tensors)
    # Saved as float32 policies would read them: the values themselves are float64.
    exact.save(f"{path}.grad.keras")
    np.savez(f"{path}.grad.npz", **{f"g{i}": g for i, g in enumerate(of_inputs) if g is not None})
    keras.config.set_floatx("float32")


def made_on_jax(spec, folder):
    """As ``expected``, with JAX's float64 switched on."""
    import jax

    jax.config.update("jax_enable_x64", True)
    try:
        expected(spec, folder)
    finally:
        keras.config.set_floatx("float32")
        jax.config.update("jax_enable_x64", False)


def confirmed_by_jax(spec, folder):
    """One batch, for JAX compiles each again; all where it tells the exact values."""
    import jax

    path = folder / spec["id"]
    if only_on_tensorflow(spec):
        return
    model = load_original(f"{path}.keras", "float32")
    tells = spec["layer"] in EXACT_ON_JAX
    for batch in BATCHES if tells else BATCHES[:1]:
        with np.load(f"{path}.{batch}.inputs.npz") as stored:
            arrays = dict(stored)
        record(model, tensors_for(model, arrays, "float32")).save(Path(f"{path}.{batch}.jax.npz"))
        if tells:
            jax.config.update("jax_enable_x64", True)
            exact = load_original(f"{path}.keras", "float64")
            record(exact, tensors_for(exact, arrays, "float64")).save(
                Path(f"{path}.{batch}.float64.npz")
            )
            keras.config.set_floatx("float32")
            jax.config.update("jax_enable_x64", False)


def main():
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    on_jax = keras.backend.backend() == "jax"
    problems = {}
    for spec in job["examples"]:
        try:
            if on_jax:
                (made_on_jax if spec["on_jax"] else confirmed_by_jax)(spec, folder)
            elif not spec["on_jax"]:
                expected(spec, folder)
        except Exception as error:  # told per example, so that one bad one fails alone
            problems[spec["id"]] = f"{type(error).__name__}: {error}"
        keras.backend.clear_session()  # else Keras keeps every model, and slows down
    told = folder / f"problems.{keras.backend.backend()}.{job['part']}.json"
    told.write_text(json.dumps(problems))


if __name__ == "__main__":
    main()
