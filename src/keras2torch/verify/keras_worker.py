"""Runs the original in Keras, in a process of its own, and writes down every layer's outputs.

Called as ``python -m keras2torch.verify.keras_worker`` with KERAS_BACKEND set and a JSON object
on standard input: ``model``, ``config`` (the JSON of its description, for weights alone),
``trusted`` (whether code in the file may run), ``inputs`` (.npz), ``precision`` and ``recording``
(.npz to write).
"""

from __future__ import annotations

import functools
import json
import math
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras2torch.ir.dtypes import FLOATS
from keras2torch.verify import exact_resize, exact_top_k
from keras2torch.verify.recording import Array, Outputs, Recording


@functools.cache
def keep_float64() -> None:
    """Let Keras on TensorFlow compute in float64 where it falls back to float32.

    A Python number, or a list of some, that is cast to float64 is rounded to float32 on the way
    (tf.cast makes a tensor of it first), and so are the constants inside tf.nn.gelu,
    tf.nn.leaky_relu, logaddexp2, Keras' attention and the matrix of the mel scale: their float64
    results are right to 1e-8 only. ``tf.image.resize`` computes in float32 altogether. The
    formulas are Keras' own, with exact constants. Means and variances of integers are computed in
    float32 whatever the precision.
    """
    import tensorflow as tf

    tensorflow = keras.src.backend
    cast = tensorflow.core.cast

    def exact_cast(x: Any, dtype: Any) -> Any:
        plain = isinstance(x, (float, list, tuple)) and dtype == "float64"
        return tf.constant(x, "float64") if plain else cast(x, dtype)

    def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
        return tf.where(x > 0, x, x * tf.constant(negative_slope, x.dtype))

    def gelu(x: Any, approximate: bool = True) -> Any:
        def number(value: float) -> Any:
            return tf.constant(value, x.dtype)

        if approximate:
            inner = number((2 / math.pi) ** 0.5) * (x + number(0.044715) * tf.pow(x, 3))
            return number(0.5) * x * (number(1.0) + tf.tanh(inner))
        return number(0.5) * x * (number(1.0) + tf.math.erf(x / number(2**0.5)))

    def logaddexp2(x1: Any, x2: Any) -> Any:
        x1, x2 = tf.convert_to_tensor(x1), tf.convert_to_tensor(x2)
        dtype = keras.backend.result_type(x1.dtype, x2.dtype, float)
        x1, x2, log2 = tf.cast(x1, dtype), tf.cast(x2, dtype), tf.constant(math.log(2), dtype)
        return tf.maximum(x1, x2) + tf.math.log1p(tf.exp(-tf.abs(x1 - x2) * log2)) / log2

    convert = tensorflow.core.convert_to_tensor

    def exact_tensor(x: Any, dtype: Any = None, **options: Any) -> Any:
        # Numbers that a layer keeps as a tensor of its own are rounded once, as its port's are.
        floats = x if isinstance(x, list) and dtype else [x]
        if {type(v) for v in floats} == {float} and (dtype or keras.config.floatx()) == "float64":
            return tf.constant(x, "float64")
        return convert(x, dtype, **options)

    def exact_operand(x: Any, dtype: Any = None, **options: Any) -> Any:
        # Lists that are computed with, such as a loss' weights of classes.
        floats = isinstance(x, list) and {type(v) for v in x} == {float}
        return exact_tensor(x, dtype or (keras.config.floatx() if floats else None), **options)

    def of_floats(reduce: Any) -> Any:
        def reduced(x: Any, *args: Any, **options: Any) -> Any:
            if not isinstance(x, tf.IndexedSlices):
                x = tensorflow.convert_to_tensor(x)
                floating = tf.as_dtype(x.dtype).is_floating
                x = x if floating else tf.cast(x, keras.config.floatx())
            return reduce(x, *args, **options)

        return reduced

    attend = tensorflow.nn.dot_product_attention

    def attention(query: Any, *args: Any, scale: Any = None, **options: Any) -> Any:
        exact = query.shape[-1] ** -0.5 if scale is None else scale
        return attend(query, *args, scale=tf.constant(exact, query.dtype), **options)

    tensorflow.nn.dot_product_attention = attention
    resize = tf.image.resize

    def resize_exactly(images: Any, size: Any, method: str, antialias: bool = False) -> Any:
        if images.dtype != tf.float64 or method == "nearest":
            return resize(images, size, method=method, antialias=antialias)
        return exact_resize.resize(images, size, method, antialias)

    tf.image.resize = resize_exactly
    _keep_mel_spectrogram()
    _keep_weight_decay()
    tensorflow.core.cast = tensorflow.cast = exact_cast
    # Where layers of preprocessing look.
    tensorflow.tensorflow.cast, tensorflow.tensorflow.convert_to_tensor = exact_cast, exact_tensor
    tensorflow.core.convert_to_tensor = exact_tensor
    for name in ("numpy", "nn", "math"):
        getattr(tensorflow, name).convert_to_tensor = exact_operand
    for name in ("mean", "var"):
        setattr(tensorflow.numpy, name, of_floats(getattr(tensorflow.numpy, name)))
    tensorflow.numpy.logaddexp2 = logaddexp2
    tensorflow.nn.leaky_relu = leaky_relu
    tensorflow.nn.gelu = gelu
    tensorflow.math.in_top_k = exact_top_k.in_top_k


@functools.cache
def keep_float64_on_jax() -> None:
    """Let Keras on JAX compute in float64 what it takes to float32 first, such as every mean: its
    rules for mixed dtypes know no float64."""
    result_type = keras.src.backend.common.dtypes.result_type

    def exact_type(*dtypes: Any) -> str:
        named = [getattr(dtype, "name", dtype) for dtype in dtypes]
        return "float64" if "float64" in named else str(result_type(*dtypes))

    for place in (keras.src.backend.common.dtypes, keras.src.backend):
        place.result_type = exact_type


def _keep_mel_spectrogram() -> None:
    """MelSpectrogram's matrix is of float32, and so is its reference power, with which TensorFlow
    can't compute in float64 at all."""
    layer = keras.layers.MelSpectrogram
    matrix, decibels = layer.linear_to_mel_weight_matrix, layer._dbscale

    def exact_matrix(self: Any, *args: Any, **options: Any) -> Any:
        return matrix(self, *args, **{"dtype": self.compute_dtype, **options})

    def exact_decibels(self: Any, inputs: Any) -> Any:
        self.ref_power = keras.ops.convert_to_tensor(self.ref_power, dtype=self.compute_dtype)
        return decibels(self, inputs)

    layer.linear_to_mel_weight_matrix = exact_matrix
    layer._dbscale = exact_decibels


def _keep_weight_decay() -> None:
    """An optimizer's weight decay is a Python number that is cast to float64."""
    optimizer = keras.src.backend.tensorflow.optimizer.TFOptimizer
    decayed = optimizer._apply_weight_decay

    def exact_decay(self: Any, variables: Any) -> None:
        if self.weight_decay is not None:
            self.weight_decay = np.float64(self.weight_decay)
        decayed(self, variables)

    optimizer._apply_weight_decay = exact_decay


def as_archive(path: str, config: str | None, trusted: bool, folder: str) -> str:
    """The model as a ``.keras`` file: the file itself, or one that Keras makes in ``folder``."""
    if zipfile.is_zipfile(path):
        return path
    if config is None:
        model = keras.saving.load_model(path, compile=False, safe_mode=not trusted)
    else:
        model = keras.models.model_from_json(Path(config).read_text())
        model.load_weights(path)
    made = str(Path(folder, "original.keras"))
    model.save(made)
    return made


def load_original(path: str, precision: str) -> Any:
    """The saved model with its computations in ``precision``: float32 as saved, or float64.

    Keras casts nothing on loading, so the float64 model is made from a copy of the file whose
    every dtype says float64; its weights are the same numbers.
    """
    if precision == "float32":
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    keras.config.set_floatx(precision)
    if keras.backend.backend() == "tensorflow":
        keep_float64()
    elif keras.backend.backend() == "jax":
        keep_float64_on_jax()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "model.keras")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
            for name in old.namelist():
                data = old.read(name)
                if name == "config.json":
                    config = json.loads(data)
                    data = json.dumps(in_precision(config, precision)).encode()
                new.writestr(name, data)
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy(precision)  # of layers whose config tells none
        try:
            return keras.saving.load_model(copy, compile=False, safe_mode=True)
        finally:
            keras.config.set_dtype_policy(policy.name)


POLICY_NAMES = (*FLOATS, "mixed_float16", "mixed_bfloat16")


def in_precision(part: Any, precision: str) -> Any:
    """The config with every floating dtype and dtype policy replaced."""
    if isinstance(part, list):
        return [in_precision(p, precision) for p in part]
    if not isinstance(part, dict):
        return part
    config = part.get("config")
    if str(part.get("class_name")).endswith("DTypePolicy") and isinstance(config, dict):
        key = "source_name" if "source_name" in config else "name"
        changed = precision if config.get(key) in (None, *POLICY_NAMES) else config[key]
        return {**part, "config": {**config, key: changed}, "shared_object_id": None}
    return {
        key: precision
        if key in ("dtype", "default_policy") and value in POLICY_NAMES
        else in_precision(value, precision)
        for key, value in part.items()
    }


def as_array(tensor: Any) -> Array:
    """A tensor in NumPy: sparse and ragged ones dense, strings as text, bfloat16 as float32, for a
    file of arrays does not know it."""
    array: Array = keras.ops.convert_to_numpy(tensor)
    if array.dtype.kind == "O":
        texts = [text.decode(errors="surrogateescape") for text in array.reshape(-1)]
        return np.array(texts, dtype=str).reshape(array.shape)
    return array.astype("float32") if array.dtype.name == "bfloat16" else array


def record(model: Any, inputs: list[Any]) -> Recording:
    """Run the model in inference and write down what each of its layers returns."""
    recording = Recording()
    numbers: dict[int, list[int]] = defaultdict(list)
    paths: dict[int, str] = {}
    _walk(model, "", paths, numbers)
    calls: dict[int, int] = defaultdict(int)
    original = keras.layers.Layer.__call__

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = original(self, *args, **kwargs)
        if id(self) in paths:
            known = numbers[id(self)] or [0]
            number = known[calls[id(self)] % len(known)]
            calls[id(self)] += 1
            arrays: Outputs = [as_array(t) for t in keras.tree.flatten(outputs)]
            recording.add(paths[id(self)], number, arrays)
        return outputs

    keras.layers.Layer.__call__ = call
    try:
        given = inputs[0] if len(inputs) == 1 else inputs
        if isinstance(getattr(model, "_inputs_struct", None), dict):
            given = dict(zip(sorted(model._inputs_struct), inputs, strict=True))
        outputs = model(given, training=False)
    finally:
        keras.layers.Layer.__call__ = original
    recording.add("", 0, [as_array(t) for t in keras.tree.flatten(outputs)])
    return recording


def layer_paths(model: Any) -> dict[int, str]:
    """The path of every layer of a model, nested ones' too, by the layer's id."""
    paths: dict[int, str] = {}
    _walk(model, "", paths, defaultdict(list))
    return paths


def _walk(model: Any, path: str, paths: dict[int, str], numbers: dict[int, list[int]]) -> None:
    """Note the path of every layer, and the numbers of its calls in the order Keras runs them."""
    for layer in model.layers:
        paths[id(layer)] = path + layer.name
        if isinstance(layer, keras.Model):
            _walk(layer, f"{path}{layer.name}/", paths, numbers)
    graph = getattr(model, "_functional", None) or model
    own = {id(node) for nodes in graph._nodes_by_depth.values() for node in nodes}
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            among = [n for n in node.operation._inbound_nodes if id(n) in own]
            numbers[id(node.operation)].append([id(n) for n in among].index(id(node)))


def tensors_for(model: Any, arrays: Mapping[str, Any], precision: str) -> list[Any]:
    """The model's inputs in its own order, numbers in ``precision``."""
    inputs = []
    for tensor in model.inputs:
        array = arrays[tensor._keras_history.operation.name]
        if array.dtype.kind == "U":
            inputs.append(keras.ops.convert_to_tensor(array.astype(object)))
            continue
        wanted = precision if array.dtype.kind == "f" else array.dtype
        inputs.append(keras.ops.convert_to_tensor(array.astype(wanted)))
    return inputs


def main() -> None:
    job = json.load(sys.stdin)
    if job["trusted"]:
        keras.config.enable_unsafe_deserialization()
    with tempfile.TemporaryDirectory() as folder:
        path = as_archive(job["model"], job["config"], job["trusted"], folder)
        model = load_original(path, job["precision"])
    with np.load(job["inputs"], allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    recording = record(model, tensors_for(model, arrays, job["precision"]))
    recording.save(Path(job["recording"]))


if __name__ == "__main__":
    main()
