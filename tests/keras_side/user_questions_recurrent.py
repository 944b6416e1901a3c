"""Models from questions that users asked about recurrent layers, and what Keras makes of them.

A process of its own, started by ``tests/test_user_questions_recurrent.py``. Reads ``folder`` on
standard input. Per model it writes ``<name>.keras`` (``.h5`` from Keras 2) and ``<name>.npz``: its
inputs as ``in_<name>``, its outputs in float64 as ``out<number>``, or the moments of its outputs
while training as ``mean`` and ``std``.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
import tf_keras
from examples import stir
from keras import layers

from keras2torch.verify.keras_worker import load_original, tensors_for

ROWS = 4000  # equal rows, each with dropout masks of its own
# Not masked, padding behind and in front, a hole, all masked.
TOKENS = [[1, 2, 3, 4, 1, 2], [1, 2, 3, 0, 0, 0], [0, 0, 1, 2, 3, 4], [1, 0, 2, 0, 0, 3], [0] * 6]


def grus(rng):
    """Row 12: the GRU in both formulations, with bias and without."""
    x = keras.Input((6, 4), name="x")
    options = [{}, {"use_bias": False}]
    outputs = [
        layers.GRU(3, reset_after=after, **option)(x)
        for after in (True, False)
        for option in options
    ]
    return keras.Model(x, outputs), {"x": rng.standard_normal((4, 6, 4))}


def masks(rng):
    """Row 14: padding under a bidirectional LSTM, a pooling and a concatenation."""
    one = keras.Input((6,), dtype="int32", name="one")
    two = keras.Input((6,), dtype="int32", name="two")
    table = layers.Embedding(5, 4, mask_zero=True)
    sequence = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(table(one))
    average = layers.GlobalAveragePooling1D()(sequence)
    joined = layers.Concatenate(axis=1)([table(one), table(two)])
    model = keras.Model([one, two], [sequence, average, layers.GRU(3)(joined)])
    return model, {"one": np.array(TOKENS), "two": np.array(TOKENS[::-1])}


def last_outputs(rng):
    """Row 15: what a bidirectional layer returns last, under padding, in every merge mode."""
    tokens = keras.Input((6,), dtype="int32", name="tokens")
    x = layers.Embedding(5, 4, mask_zero=True)(tokens)
    modes = ("concat", "sum", "mul", "ave", None)
    outputs = [layers.Bidirectional(layers.GRU(3), merge_mode=mode)(x) for mode in modes]
    return keras.Model(tokens, outputs), {"tokens": np.array(TOKENS)}


def dropped(kind):
    """Row 16: dropout and recurrent dropout share their masks over the steps."""

    def build(rng):
        x = keras.Input((5, 4), name="x")
        rnn = getattr(layers, kind)(3, dropout=0.3, recurrent_dropout=0.4, return_sequences=True)
        return keras.Model(x, rnn(x)), {"x": np.tile(rng.standard_normal((1, 5, 4)), (ROWS, 1, 1))}

    return build


EXACT = {"grus": grus, "masks": masks, "last_outputs": last_outputs}
TRAINING = {f"dropped_{kind}": dropped(kind) for kind in ("LSTM", "GRU", "SimpleRNN")}


def hard_sigmoids(folder, rng):
    """Row 13: hard_sigmoid gates, which Keras 2 and Keras 3 define differently, saved by both."""
    weights, arrays = None, {"in_x": rng.standard_normal((4, 6, 4)).astype("float32")}
    for name, module, ending in (("gates2", tf_keras, "h5"), ("gates3", keras, "keras")):
        rnn = module.layers.LSTM(3, recurrent_activation="hard_sigmoid", return_sequences=True)
        model = module.Sequential([module.Input((6, 4), name="x"), rnn])
        weights = weights or [w + rng.uniform(0.1, 0.5, w.shape) for w in model.get_weights()]
        model.set_weights(weights)
        model.save(f"{folder}/{name}.{ending}")
        np.savez(f"{folder}/{name}.npz", **arrays, out0=np.asarray(model(arrays["in_x"])))


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    keras.utils.set_random_seed(12)
    rng = np.random.default_rng(12)
    hard_sigmoids(folder, rng)
    for name, build in (EXACT | TRAINING).items():
        keras.config.set_floatx("float32")
        model, arrays = build(rng)
        arrays = {
            key: array.astype("float32" if array.dtype.kind == "f" else "int32")
            for key, array in arrays.items()
        }
        stir(model, rng)
        path = f"{folder}/{name}.keras"
        model.save(path)
        exact = load_original(path, "float64")
        tensors = tensors_for(exact, arrays, "float64")
        outputs = exact(tensors if len(tensors) > 1 else tensors[0], training=name in TRAINING)
        outputs = [keras.ops.convert_to_numpy(output) for output in keras.tree.flatten(outputs)]
        found = {f"out{number}": output for number, output in enumerate(outputs)}
        if name in TRAINING:
            found = {"mean": outputs[0].mean(0), "std": outputs[0].std(0)}
        np.savez(f"{folder}/{name}.npz", **{f"in_{k}": a for k, a in arrays.items()}, **found)


if __name__ == "__main__":
    main()
