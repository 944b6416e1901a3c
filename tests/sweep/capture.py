"""Runs Keras' own layer tests and keeps every layer and model they call, as saved files.

A process of its own: ``python capture.py FOLDER PART FILE...``, with Keras on TensorFlow; FILE are
test files below ``keras/src/layers``, without their ending. Each case is ``<PART>-<n>.keras`` with
``.inputs.npz`` and ``.outputs.npz`` beside it, and a line in ``cases.<PART>.jsonl``. What Keras
itself can't save, load or run again makes no case.

The tests run as they are; a layer's outermost call is noticed, and the layer is called once more in
a Functional model of its own on inputs of the same shapes. ``run_layer_test`` is cut short to that.
"""

import contextlib
import hashlib
import json
import signal
import sys
from pathlib import Path
from types import ModuleType

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.testing import test_case

LAYERS = Path(keras.__file__).parent / "src" / "layers"
SECONDS_PER_TEST = 30
LARGEST = 2_000_000  # weights and inputs; the tests that need more say nothing new
SEED = 20210105
MODELS = (keras.Sequential, keras.src.models.functional.Functional)


class Capture:
    """Turns calls into cases; ``test`` is the name of the test that runs."""

    def __init__(self, folder, part):
        self.folder = folder
        self.part = part
        self.told = (folder / f"cases.{part}.jsonl").open("w")
        self.known = set()
        self.count = 0
        self.test = ""
        self.busy = False
        self.call = keras.layers.Layer.__call__

    def install(self):
        capture = self

        def called(layer, *args, **kwargs):
            if capture.busy:
                return capture.call(layer, *args, **kwargs)
            capture.busy = True
            try:
                outputs = capture.call(layer, *args, **kwargs)
                capture.consider(layer, args, kwargs)
            finally:
                capture.busy = False
            return outputs

        def run_layer_test(test, layer_cls, init_kwargs, input_shape=None, **options):
            data = options.get("input_data")
            if data is None and input_shape is not None:
                dtype = options.get("input_dtype") or keras.src.tree.map_shape_structure(
                    lambda _: "float32", input_shape
                )
                data = test_case.create_keras_tensors(input_shape, dtype, False, False)
            if data is None or options.get("input_sparse") or options.get("input_ragged"):
                return
            layer, call = layer_cls(**(init_kwargs or {})), options.get("call_kwargs") or {}
            if isinstance(data, dict):
                layer(**data, **call)
            else:
                layer(data, **call)

        keras.layers.Layer.__call__ = called
        test_case.TestCase.run_layer_test = run_layer_test

    def consider(self, layer, args, kwargs):
        public = getattr(keras.layers, type(layer).__name__, None) is type(layer)
        if not (public or type(layer) in MODELS) or not tf.executing_eagerly():
            return
        kwargs = {k: v for k, v in kwargs.items() if k != "training" and v is not None}
        if isinstance(layer, keras.layers.InputLayer):
            return
        with contextlib.suppress(Exception):  # what Keras can't save makes no case
            self.make(layer, args, kwargs)

    def make(self, layer, args, kwargs):
        args = tuple(_as_array(arg) for arg in args)
        inputs = Inputs(_count_of_ids(layer))
        args, kwargs = inputs.symbolic(args), inputs.symbolic(kwargs)
        saved = keras.saving.serialize_keras_object(layer)
        calls = [[str(part) for part in keras.tree.flatten(given)] for given in (args, kwargs)]
        text = json.dumps([_nameless(saved), calls, inputs.specs], sort_keys=True, default=str)
        key = hashlib.sha256(text.encode()).hexdigest()
        custom = '_test"' in text  # a class that a test defines
        if key in self.known or custom or not inputs.tensors or inputs.size > LARGEST:
            return
        self.known.add(key)
        if type(layer) in MODELS:
            model = layer
            if len(inputs.tensors) != len(model.inputs):
                return
            inputs.rename([t._keras_history.operation.name for t in model.inputs])
        else:
            model = keras.Model(inputs.tensors, self.call(layer, *args, **kwargs))
        if model.count_params() > LARGEST:
            return
        path = self.folder / f"{self.part}-{self.count}"
        model.save(f"{path}.keras")
        model = keras.saving.load_model(f"{path}.keras", compile=False)
        stir(model)
        model.save(f"{path}.keras")
        model = keras.saving.load_model(f"{path}.keras", compile=False)
        given = [tf.convert_to_tensor(inputs.arrays[name]) for name in inputs.specs]
        outputs = model(given if len(given) > 1 else given[0], training=False)
        np.savez(f"{path}.inputs.npz", **{k: _plain(v) for k, v in inputs.arrays.items()})
        flat = [_plain(keras.ops.convert_to_numpy(t)) for t in keras.tree.flatten(outputs)]
        np.savez(f"{path}.outputs.npz", *flat)
        line = {"id": path.name, "layer": type(layer).__name__, "test": self.test}
        self.told.write(json.dumps(line) + "\n")
        self.told.flush()
        self.count += 1


class Inputs:
    """Symbolic inputs in the place of a call's tensors, and values for them."""

    def __init__(self, below):
        self.below = below
        self.tensors = []
        self.specs = {}
        self.arrays = {}
        self.size = 0
        self.rng = np.random.default_rng(SEED)

    def symbolic(self, structure):
        return keras.tree.map_structure(self._leaf, structure)

    def _leaf(self, value):
        is_tensor = isinstance(value, (np.ndarray, tf.Tensor, keras.Variable, tf.Variable))
        if isinstance(value, keras.KerasTensor):
            shape, dtype, array = list(value.shape), value.dtype, None
        elif is_tensor and len(value.shape):
            array = keras.ops.convert_to_numpy(value)
            text = array.dtype.kind in "OSU"
            dtype = "string" if text else keras.backend.standardize_dtype(value.dtype)
            shape = list(array.shape)
        else:
            return value
        if dtype == "float64" and array is not None:
            dtype = "float32"  # NumPy's default: each layer casts it
        name = f"in{len(self.tensors)}"
        unknown = 600 if len(shape) < 4 else 12  # longer than any window that slides over it
        known = [unknown if size is None else size for size in shape]
        known[:1] = [4 if shape[0] is None else shape[0]]
        if array is None:
            array = self._values(known, dtype)
        if dtype != "string":
            array = array.astype(keras.backend.standardize_dtype(dtype))
        self.size += int(np.prod(known))
        tensor = keras.Input(tuple(shape[1:]), dtype=dtype, name=name)
        self.tensors.append(tensor)
        self.specs[name] = [shape[1:], dtype]
        self.arrays[name] = array
        return tensor

    def _values(self, shape, dtype):
        if dtype == "bool":
            return self.rng.integers(0, 2, shape).astype(bool)
        if dtype == "string":
            return self.rng.choice(np.array(["a", "b", "other", ""], object), shape)
        if "int" in dtype or self.below is not None:
            return self.rng.integers(0, self.below or 3, shape)
        return self.rng.standard_normal(shape)

    def rename(self, names):
        pairs = list(zip(self.specs, names, strict=True))
        self.arrays = {new: self.arrays[old] for old, new in pairs}
        self.specs = {new: self.specs[old] for old, new in pairs}


def _as_array(arg):
    """A call's argument that is plain lists, such as ``[["a"], ["b"]]``, as the array it means."""
    leaves = keras.tree.flatten(arg) if isinstance(arg, list) else [None]
    if leaves and all(type(leaf) in (str, int, float) for leaf in leaves):
        return np.array(arg, object if isinstance(leaves[0], str) else None)
    return arg


def _count_of_ids(layer):
    """How many ids an Embedding has at the front of what is called: its inputs are ids."""
    first = layer.layers[0] if type(layer) in MODELS and layer.layers else layer
    return first.input_dim if isinstance(first, keras.layers.Embedding) else None


def stir(model):
    """Weights that no port passes by luck: biases and statistics away from 0 and 1."""
    rng = np.random.default_rng(SEED)
    for variable in model.weights:
        if "float" in str(variable.dtype):
            shift = rng.uniform(0.05, 0.3, variable.shape)
            variable.assign(keras.ops.convert_to_numpy(variable).astype("float32") + shift)


def _plain(array):
    """Strings as NumPy's own kind, so that no pickle is needed; bfloat16 as float32."""
    array = np.asarray(array)
    if array.dtype.kind in "OS":
        decoded = [v.decode("utf-8") if isinstance(v, bytes) else str(v) for v in array.ravel()]
        return np.array(decoded, dtype=np.str_).reshape(array.shape)
    return array if array.dtype.kind in "fiub" else array.astype("float32")


def _nameless(part):
    """A config without the names that Keras numbers."""
    if isinstance(part, dict):
        return {k: _nameless(v) for k, v in part.items() if k not in ("name", "shared_object_id")}
    return [_nameless(v) for v in part] if isinstance(part, (list, tuple)) else part


class Plugin:
    """Tells the capture which test runs, and ends tests that take long."""

    def __init__(self, capture):
        self.capture = capture

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        self.capture.test = item.nodeid.split("layers/")[-1]
        self.capture.busy = False
        keras.utils.set_random_seed(SEED)
        signal.alarm(SECONDS_PER_TEST)
        try:
            return (yield)
        finally:
            signal.alarm(0)


def _too_long(*_):
    raise TimeoutError("this test takes long")


def stand_in_for_what_the_tests_import():
    """Keras' tests of its data pipelines want ``grain``, and one of them Keras' own conftest; the
    files that import them hold other tests too."""
    conftest = ModuleType("conftest")
    conftest.skip_if_backend = lambda backend, reason: pytest.mark.skipif(
        keras.backend.backend() == backend, reason=reason
    )
    sys.modules["conftest"] = conftest
    sys.modules.setdefault("grain", ModuleType("grain"))


def main():
    folder, part, *files = sys.argv[1:]
    signal.signal(signal.SIGALRM, _too_long)
    capture = Capture(Path(folder), part)
    capture.install()
    stand_in_for_what_the_tests_import()
    paths = [str(LAYERS / f"{file}.py") for file in files]
    quiet = [
        "-q",
        "-c",
        "/dev/null",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(LAYERS),
        "-W",
        "ignore",
    ]
    pytest.main([*quiet, "--no-header", "--tb=no", *paths], plugins=[Plugin(capture)])


if __name__ == "__main__":
    main()
