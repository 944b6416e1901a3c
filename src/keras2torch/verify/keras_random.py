"""Lets Keras draw its random numbers from the stream that both sides share.

What is replaced are the functions of Keras' backend (keras/src/backend/*/random.py) that dropout
and noise layers call. The graph that Keras builds calls back into Python at each step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras2torch.verify.keras_worker import layer_paths
from keras2torch.verify.random_stream import Draws, Stream

# What Keras' layers draw besides; these keep Keras' own generator.
OTHERS = (
    "categorical",
    "randint",
    "truncated_normal",
    "shuffle",
    "gamma",
    "binomial",
    "beta",
)


def share(model: Any, stream: Stream) -> Draws:
    """Have ``model``, and every other in this process, draw from ``stream``."""
    draws = Draws()
    layers = _RunningLayers(layer_paths(model))
    random = keras.src.backend.random

    def drawn(way: str, shape: Any, dtype: Any, make: Callable[..., Any], *args: Any) -> Any:
        layer = layers.current
        sizes = _static(shape)
        number = draws.next(layer, way, sizes)
        return _from_python(
            lambda now: make(layer, number, now, *args), shape, sizes, _dtype(dtype)
        )

    def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> Any:
        if rate in (0.0, 1.0):
            return inputs if rate == 0.0 else keras.ops.zeros_like(inputs)
        whole = keras.ops.shape(inputs)
        wanted = whole if noise_shape is None else noise_shape
        shape = [w if n is None else n for w, n in zip(whole, wanted, strict=True)]
        return inputs * drawn("dropout", shape, inputs.dtype, stream.kept, rate)

    def uniform(
        shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
    ) -> Any:
        dtype = _dtype(dtype)
        numbers = drawn("uniform", shape, dtype, stream.uniform)
        low, high = (keras.ops.cast(bound, dtype) for bound in (minval, maxval))
        return low + (high - low) * numbers

    def normal(
        shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
    ) -> Any:
        dtype = _dtype(dtype)
        numbers = drawn("normal", shape, dtype, stream.normal)
        return keras.ops.cast(mean, dtype) + keras.ops.cast(stddev, dtype) * numbers

    for replaced in (dropout, uniform, normal):
        setattr(random, replaced.__name__, replaced)
    model.train_step = _beginning(model.train_step, draws)
    for name in OTHERS:
        setattr(random, name, _noting(getattr(random, name), layers, draws))
    return draws


class _RunningLayers:
    """Which of the model's layers runs, the innermost if several do."""

    def __init__(self, paths: dict[int, str]) -> None:
        self._running = [""]
        original = keras.layers.Layer.__call__

        def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            self._running.append(paths.get(id(layer), self.current))
            try:
                return original(layer, *args, **kwargs)
            finally:
                self._running.pop()

        keras.layers.Layer.__call__ = call

    @property
    def current(self) -> str:
        return self._running[-1]


def _beginning(train_step: Any, draws: Draws) -> Any:
    """The training step, which is a pass of its own for each graph that is made of it."""

    def step(*args: Any, **options: Any) -> Any:
        draws.begin()
        return train_step(*args, **options)

    return step


def _noting(function: Any, layers: _RunningLayers, draws: Draws) -> Any:
    """The function as it is, with a note that its numbers are not shared."""

    def noted(*args: Any, **options: Any) -> Any:
        if layers.current:
            draws.own.add(layers.current)
        return function(*args, **options)

    return noted


def _dtype(dtype: Any) -> str:
    return str(keras.backend.standardize_dtype(dtype or keras.config.floatx()))


def _static(shape: Any) -> list[int | None]:
    """The sizes that are known while the graph is built."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if tf.is_tensor(shape):
            known = tf.get_static_value(shape, partial=True)
            return [None] * shape.shape[0] if known is None else list(known)
        return [None if tf.is_tensor(size) else int(size) for size in shape]
    return [int(size) for size in shape]


def _from_python(make: Any, shape: Any, static: list[int | None], dtype: str) -> Any:
    """What ``make`` returns for the shape, asked anew at each step."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def made(now: Any) -> Any:
            return make(tuple(now.tolist())).astype(dtype)

        array = tf.numpy_function(made, [tf.stack(shape)], dtype)
        return tf.ensure_shape(array, static)
    import jax

    known = tuple(size for size in static if size is not None)
    result = jax.ShapeDtypeStruct(known, np.dtype(dtype))  # type: ignore[no-untyped-call]
    return jax.experimental.io_callback(lambda: make(known).astype(dtype), result)
