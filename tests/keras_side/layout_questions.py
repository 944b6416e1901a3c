"""Models of what users asked about layouts, padding and normalization, run in Keras.

A process of its own, started by ``tests/test_user_questions_layout.py`` per backend with a job on
standard input: ``folder``. TensorFlow builds, saves and runs in both precisions; JAX runs the same
files. Names begin with the row of the question.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras2torch.verify.keras_worker import load_original, record, tensors_for

SIZES = (6, 5, 4)


def of_rank(rank, kind):
    return getattr(layers, f"{kind}{rank}D")


def flattened(rank):
    """A convolution, then everything that depends on the order of its axes."""
    image = keras.Input((*SIZES[:rank], 2), name="image")
    x = of_rank(rank, "Conv")(4, 2, padding="same")(image)
    y = of_rank(rank, "Conv")(4, 3, padding="same")(x)
    turned = layers.Permute((rank + 1, *range(1, rank + 1)))(x)
    parts = [
        layers.Flatten()(x),
        layers.Flatten()(turned),
        layers.Flatten()(layers.Concatenate(axis=1)([x, y])),
        layers.Flatten()(layers.Concatenate(axis=-1)([x, y])),
        layers.Flatten()(layers.Reshape((-1, 2))(x)),
    ]
    return keras.Model(image, [layers.Dense(3)(part) for part in parts])


def tiny_variance():
    """A U-Net's batch normalization had a moving variance of 0.00026."""
    image = keras.Input((4, 5, 3), name="image")
    found = [
        layers.BatchNormalization(moving_variance_initializer=keras.initializers.Constant(2.6e-4)),
        layers.BatchNormalization(
            epsilon=1e-5, moving_variance_initializer=keras.initializers.Constant(2.6e-4)
        ),
    ]
    return keras.Model(image, [layer(image) for layer in found])


def moving_statistics():
    """Batch normalization of a convolution and of vectors; nothing else differs in training."""
    image = keras.Input((4, 5, 3), name="image")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.BatchNormalization(momentum=0.9)(x))


def same_padding():
    """Every kernel and stride over an image of unknown size."""
    image = keras.Input((None, None, 2), name="image")
    outputs = []
    for size in (2, 3, 4, 5):
        for stride in (2, 3):
            options = {"strides": stride, "padding": "same"}
            outputs.append(layers.Conv2D(2, size, **options)(image))
            outputs.append(layers.MaxPooling2D(size, **options)(image))
            outputs.append(layers.DepthwiseConv2D(size, **options)(image))
    return keras.Model(image, outputs)


def average_pooling():
    """What is padded does not count in the mean."""
    image = keras.Input((12, 12, 2), name="image")
    pools = [(3, 2), (2, 3), (5, 4), (4, 1)]
    return keras.Model(
        image, [layers.AveragePooling2D(n, s, padding="same")(image) for n, s in pools]
    )


def transposed():
    """Transposed convolutions of every kernel and stride."""
    image = keras.Input((4, None, 2), name="image")
    outputs = []
    for size in (2, 3, 4, 5):
        for stride in (1, 2, 3):
            for padding in ("same", "valid"):
                layer = layers.Conv2DTranspose(2, size, strides=stride, padding=padding)
                outputs.append(layer(image))
            if stride > 1 and size % 2:
                layer = layers.Conv2DTranspose(
                    2, size, strides=stride, padding="same", output_padding=stride - 1
                )
                outputs.append(layer(image))
    return keras.Model(image, outputs)


MODELS = {
    "row05_1d": lambda: flattened(1),
    "row05_2d": lambda: flattened(2),
    "row05_3d": lambda: flattened(3),
    "row07": tiny_variance,
    "row08": moving_statistics,
    "row09": same_padding,
    "row10": average_pooling,
    "row11": transposed,
}
# Batch and sizes of what an unknown size is, per run.
RUNS = {"small": (2, 7), "large": (3, 10)}


def inputs_of(model, batch, size):
    rng = np.random.default_rng(size)
    shape = [size if s is None else s for s in model.inputs[0].shape[1:]]
    return {"image": rng.standard_normal((batch, *shape)).astype("float32")}


def train(path, folder):
    """The moving statistics after some batches of 2 and of 32, in float64."""
    rng = np.random.default_rng(8)
    model = load_original(path, "float64")
    told = {}
    for step, batch in enumerate((2, 32, 2)):
        told[f"x{step}"] = rng.standard_normal((batch, 4, 5, 3))
        model(keras.ops.convert_to_tensor(told[f"x{step}"]), training=True)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            told[f"{layer.name}.running_mean"] = layer.moving_mean.numpy()
            told[f"{layer.name}.running_var"] = layer.moving_variance.numpy()
    np.savez(folder / "row08.trained.npz", **told)


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    on_jax = keras.backend.backend() == "jax"
    for name, build in MODELS.items():
        path = folder / f"{name}.keras"
        if not on_jax:
            keras.config.set_floatx("float32")
            keras.utils.set_random_seed(5)
            build().save(path)
        precisions = ("float32",) if on_jax else ("float32", "float64")
        for precision in precisions:
            model = load_original(path, precision)
            for run, (batch, size) in RUNS.items():
                arrays = inputs_of(model, batch, size)
                if not on_jax:
                    np.savez(folder / f"{name}.{run}.inputs.npz", **arrays)
                told = record(model, tensors_for(model, arrays, precision))
                told.save(folder / f"{name}.{run}.{'jax' if on_jax else precision}.npz")
        if name == "row08" and not on_jax:
            train(path, folder)


if __name__ == "__main__":
    main()
