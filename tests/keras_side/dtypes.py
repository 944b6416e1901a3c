"""Builds models of every dtype policy, quantized, with adapters, partly frozen and with shared
layers; saves them and runs them.

A process of its own, on TensorFlow. Per model it writes ``<name>.keras``, its inputs, a recording
of it as it stands and of its float64 twin, and ``<name>.json``: the dtypes of its outputs and how
many numbers its variables have, all and trainable ones.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from keras2torch.verify.inputs import _array
from keras2torch.verify.keras_worker import load_original, record, tensors_for


def chain(policy):
    """Layers that compute in their policy's dtype, and some that go to float32 inside. The model
    has that policy too: Keras scales its loss if it is mixed_float16, and tells in no config."""
    x = inputs = keras.Input((6, 4), name="x")
    x = layers.Dense(5, activation="relu", dtype=policy)(x)
    x = layers.BatchNormalization(dtype=policy)(x)
    x = layers.Conv1D(4, 3, padding="same", dtype=policy)(x)
    x = layers.LayerNormalization(dtype=policy)(x)
    x = layers.GlobalAveragePooling1D(dtype=policy)(x)
    x = layers.Dense(3, activation="softmax", dtype=policy)(x)
    keras.config.set_dtype_policy(policy)
    model = keras.Model(inputs, x)
    keras.config.set_dtype_policy("float32")
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def each_its_own():
    """Another policy for every layer, and whole numbers as input."""
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    numbers = keras.Input((5, 3), dtype="float16", name="numbers")
    x = layers.Embedding(9, 3, dtype="mixed_bfloat16")(tokens)
    x = layers.Add(dtype="float32")([x, layers.Dense(3, dtype="float16")(numbers)])
    half = layers.Dense(4, dtype="mixed_float16", activation="tanh")
    x = [half(x), layers.Dense(4, dtype="bfloat16")(x), layers.Dense(4, dtype="float64")(x)]
    x = layers.Concatenate(dtype="float32")(x)
    x = layers.LSTM(3, dtype="mixed_float16", return_sequences=True)(x)
    return keras.Model([tokens, numbers], [x, layers.BatchNormalization(dtype="bfloat16")(x)])


def named_otherwise():
    """Policies as a map, as an object, and as none at all."""
    half = keras.DTypePolicy("float16")
    policies = keras.dtype_policies.DTypePolicyMap("mixed_bfloat16", {"other": half})
    inputs = keras.Input((4,), name="x")
    x = layers.Dense(3, dtype=policies, name="first")(inputs)
    x = layers.Dense(3, dtype=policies, name="other")(x)
    x = layers.Dense(3, dtype=keras.DTypePolicy("float64"))(x)
    return keras.Model(inputs, layers.Dense(2, dtype=None)(x))


def quantized(mode, config=None):
    tokens = keras.Input((5,), dtype="int32", name="tokens")
    x = layers.Embedding(9, 7)(tokens)
    x = layers.Dense(5, activation="tanh")(x)
    x = layers.EinsumDense("abc,cde->abde", (5, 2, 3), bias_axes="e")(x)
    x = layers.EinsumDense("abde,edf->abf", (5, 5))(x)
    x = layers.Flatten()(x)
    model = keras.Model(tokens, layers.Dense(3, use_bias=False)(x))
    stir(model)
    kinds = (layers.Dense, layers.EinsumDense) + ((layers.Embedding,) if mode != "float8" else ())
    for layer in model.layers:
        if isinstance(layer, kinds):
            layer.quantize(mode, config=config)
    return model


def save_zero_points(kind):
    """Keras 3.15.1 forgets the zero points of GPTQ and AWQ when it saves, and can't load what it
    saved. Here they are saved where it looks for them."""
    own = kind.save_own_variables

    def save(self, store):
        if self.quantization_mode not in ("gptq", "awq"):
            return own(self, store)
        names = self.variable_serialization_spec[self.quantization_mode]
        values = [value for name in names if (value := getattr(self, name)) is not None]
        for place, value in enumerate(values):
            store[str(place)] = value
        return None

    kind.save_own_variables = save


def calibrated():
    """GPTQ and AWQ, whose numbers come from a calibration; here they are drawn."""
    for kind in (layers.Dense, layers.EinsumDense):
        save_zero_points(kind)
    x = inputs = keras.Input((5, 6), name="x")
    x = layers.Dense(5, dtype="gptq/4/4_from_float32")(x)
    x = layers.Dense(4, dtype="gptq/8/-1_from_float32", use_bias=False)(x)
    x = layers.EinsumDense("abc,cd->abd", (5, 7), dtype="gptq/2/2_from_float32")(x)
    model = keras.Model(inputs, layers.Dense(3, dtype="awq/4/3_from_float32")(x))
    rng = np.random.default_rng(2)
    for layer in model.layers[1:]:
        numbers = rng.integers(0, 256, layer.quantized_kernel.shape)
        layer.quantized_kernel.assign(numbers.astype("uint8"))
        layer.kernel_zero.assign(rng.integers(0, 16, layer.kernel_zero.shape).astype("uint8"))
        layer.kernel_scale.assign(rng.uniform(0.01, 0.02, layer.kernel_scale.shape))
        layer.g_idx.assign(rng.integers(0, layer.kernel_scale.shape[1], layer.g_idx.shape))
        if hasattr(layer, "awq_scales"):
            layer.awq_scales.assign(rng.uniform(0.5, 2, layer.awq_scales.shape))
    return model


def with_adapters():
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(9, 4)(tokens)
    x = layers.Conv1D(4, 2)(x)
    x = layers.EinsumDense("abc,cd->abd", (5, 4), bias_axes="d")(x)
    model = keras.Model(tokens, layers.Dense(3)(x))
    for layer in model.layers[1:]:
        layer.enable_lora(2, lora_alpha=3)
    return model


def partly_frozen():
    """Frozen layers, a frozen part of a wrapper, a frozen model inside."""
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.BatchNormalization()])
    inner.trainable = False
    inputs = keras.Input((6, 4), name="x")
    x = layers.Dense(4, trainable=False)(inputs)
    x = layers.BatchNormalization(trainable=False)(x)
    x = layers.Bidirectional(layers.GRU(2, return_sequences=True), trainable=False)(x)
    x = layers.Dense(4)(layers.GlobalMaxPooling1D()(x))
    return keras.Model(inputs, layers.Dense(2)(inner(x)))


def shared():
    """A layer called twice, a model called twice, and one layer's weights at both."""
    twice = layers.Dense(4, name="twice")
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, activation="tanh")], name="inner")
    inputs = keras.Input((4,), name="x")
    x = twice(twice(inputs))
    return keras.Model(inputs, layers.Add()([inner(x), inner(inputs), x]))


def stir(model):
    rng = np.random.default_rng(1)
    for variable in model.variables:
        if "float" in variable.dtype:
            value = keras.ops.convert_to_numpy(variable).astype("float32")
            variable.assign(value + rng.uniform(0.05, 0.3, value.shape))


GROUPED = keras.quantizers.Int4QuantizationConfig(block_size=3)
MODELS = {
    **{f"chain_{p}": lambda p=p: chain(p) for p in ("float16", "bfloat16", "float64")},
    **{f"chain_{p}": lambda p=p: chain(p) for p in ("mixed_float16", "mixed_bfloat16")},
    "each_its_own": each_its_own,
    "named_otherwise": named_otherwise,
    "int8": lambda: quantized("int8"),
    "int4": lambda: quantized("int4"),
    "int4_grouped": lambda: quantized("int4", GROUPED),
    "float8": lambda: quantized("float8"),
    "calibrated": calibrated,
    "with_adapters": with_adapters,
    "partly_frozen": partly_frozen,
    "shared": shared,
}


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    for name, make in MODELS.items():
        keras.config.set_floatx("float32")
        keras.utils.set_random_seed(7)
        model = make()
        if not any(layer.quantization_mode for layer in model.layers):
            stir(model)
        model.save(folder / f"{name}.keras")
        rng = np.random.default_rng(3)
        arrays = {
            t.name: _array(rng, (3, *t.shape[1:]), t.dtype, 9 if "int" in t.dtype else None)
            for t in model.inputs
        }
        np.savez(folder / f"{name}.inputs.npz", **arrays)
        for precision in ("float32", "float64"):
            loaded = load_original(str(folder / f"{name}.keras"), precision)
            tensors = tensors_for(loaded, arrays, precision)
            record(loaded, tensors).save(folder / f"{name}.{precision}.npz")
            if precision == "float32":
                outputs = loaded(tensors if len(tensors) > 1 else tensors[0])
                told = {
                    "dtypes": [t.dtype.name for t in keras.tree.flatten(outputs)],
                    "all": sum(int(np.prod(v.shape)) for v in loaded.weights),
                    "trainable": sum(int(np.prod(v.shape)) for v in loaded.trainable_weights),
                }
                (folder / f"{name}.json").write_text(json.dumps(told))


if __name__ == "__main__":
    main()
