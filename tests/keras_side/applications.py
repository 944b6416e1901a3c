"""The architectures of ``keras.applications``, small inputs, random weights, saved and run.

A process of its own, started by ``tests/test_applications.py`` per backend with a job on standard
input: ``folder`` and ``names``. TensorFlow builds, saves and runs; JAX runs the same files.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np

from keras2torch.verify.keras_worker import load_original, record, tensors_for

BATCH = 2
CLASSES = 10
# Images that the weights are fitted to. Deep in a network each is a single pixel, and all are much
# alike: what tells few of them apart has moments that mean nothing for others, whose values then
# grow from layer to layer, until the softmax at the end is 0 and 1 and hides what rounding did.
FITTED = 64
# The smallest images that an architecture takes; 32 x 32 pixels for the others.
SMALLEST = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71}


def build(name):
    """The architecture with weights that keep every layer's output near 1, so that float32 says
    something: the network is fed once, and each layer's weights are scaled to what they meet."""
    keras.config.set_floatx("float32")
    keras.utils.set_random_seed(7)
    size = SMALLEST.get(name, 32)
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(size, size, 3), classes=CLASSES
    )
    rng = np.random.default_rng(7)
    for layer in model.layers:
        for variable in layer.weights:
            _draw(rng, layer, variable)
        if isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.finalize_state()  # else it computes with what its weights were before
    _settle(model, images(rng, FITTED, size))
    return model


def images(rng, count, size):
    """Noise around another colour in every image, so that means over images differ as well."""
    colours = rng.normal(127, 60, (count, 1, 1, 3))
    return (colours + rng.normal(0, 40, (count, size, size, 3))).astype("float32")


def _draw(rng, layer, variable):
    """Gains of about 1, biases of about 0; kernels stay as they were drawn."""
    if variable.name in ("gamma", "variable") and len(variable.shape) == 1:
        variable.assign(rng.uniform(0.5, 1.5, variable.shape))
    elif variable.name in ("beta", "bias"):
        variable.assign(rng.normal(0, 0.1, variable.shape))
    elif isinstance(layer, keras.layers.Normalization) and variable.name == "mean":
        variable.assign(rng.uniform(0.4, 0.6, variable.shape))
    elif isinstance(layer, keras.layers.Normalization) and variable.name == "variance":
        variable.assign(rng.uniform(0.05, 0.1, variable.shape))


def _settle(model, given):
    """Run the model once; on the way every batch normalization takes this batch's moments, and
    every kernel is scaled so that its output has a deviation of 1: in a model with normalizations
    only where it would be larger."""
    original = keras.layers.Layer.__call__
    kernels = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.Dense)
    normalized = any(isinstance(x, keras.layers.BatchNormalization) for x in model.layers)

    def call(self, x, *args, **kwargs):
        if isinstance(self, keras.layers.BatchNormalization):
            values = keras.ops.convert_to_numpy(x).astype("float64")
            axes = tuple(range(values.ndim - 1))
            self.moving_mean.assign(values.mean(axes))
            self.moving_variance.assign(values.var(axes) + 0.01)
        y = original(self, x, *args, **kwargs)
        if isinstance(self, kernels) and self is not model.layers[-1]:
            spread = float(keras.ops.std(y))
            kernel = next(w for w in self.weights if "kernel" in w.name)
            kernel.assign(kernel / max(spread, 1.0 if normalized else 1e-3))
            y = original(self, x, *args, **kwargs)
        return y

    keras.layers.Layer.__call__ = call
    try:
        model(given, training=False)
    finally:
        keras.layers.Layer.__call__ = original


def main():
    job = json.load(sys.stdin)
    folder = Path(job["folder"])
    if keras.backend.backend() == "jax":
        import jax

        # What each layer is compiled to runs once: that costs more than it can save.
        jax.config.update("jax_disable_most_optimizations", True)
    for name in job["names"]:
        path = folder / f"{name}.keras"
        if keras.backend.backend() == "jax":
            model = load_original(path, "float32")
            with np.load(folder / f"{name}.inputs.npz") as stored:
                arrays = dict(stored)
            record(model, tensors_for(model, arrays, "float32")).save(folder / f"{name}.jax.npz")
            continue
        model = build(name)
        model.save(path)
        given = images(np.random.default_rng(1), BATCH, model.input_shape[1])
        arrays = {model.inputs[0]._keras_history.operation.name: given}
        np.savez(folder / f"{name}.inputs.npz", **arrays)
        for precision in ("float32", "float64"):
            model = load_original(path, precision)
            recording = record(model, tensors_for(model, arrays, precision))
            recording.save(folder / f"{name}.{precision}.npz")
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
