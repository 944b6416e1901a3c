"""Builds models in Keras 2 (tf_keras), saves them in every way that it knows, and runs them.

A process of its own, started by ``tests/test_formats.py`` with a job on standard input: ``folder``.
Per model it writes ``<name>.h5``, ``.keras``, ``.json`` with ``.weights.h5`` (the older kind, named
by layers), the SavedModel ``<name>.saved``, inputs, and recordings in both precisions.
"""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

from keras2torch.verify.inputs import made_inputs
from keras2torch.verify.keras2_worker import load_original, record


def article_a():
    """Quora insincere questions, its vectors shortened."""
    tokens = keras.Input((70,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(50, 30, trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(40, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(layers.GRU(40, return_sequences=True, return_state=True))(
        x
    )
    average, largest = layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)
    x = layers.concatenate([average, ahead, back, largest, features])
    x = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(x))
    model = keras.Model([tokens, features], layers.Dense(1, activation="sigmoid")(x), name="quora")
    model.compile(keras.optimizers.Adam(clipvalue=1.0), "binary_crossentropy")
    return model


def article_b():
    """IMDB sentiment, its vocabulary and texts shortened."""
    model = keras.Sequential(
        [
            layers.Embedding(50, 128, input_length=20),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(64)),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def image_cnn():
    """Convolutions with batch normalisation, partly frozen; functions of TensorFlow between."""
    image = keras.Input((12, 10, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization()(x)
    x = layers.LeakyReLU(0.2)(x)
    y = layers.SeparableConv2D(8, 3, padding="same", activation="hard_sigmoid")(x)
    y = layers.DepthwiseConv2D(3, padding="same")(y)
    frozen = layers.BatchNormalization()
    x = layers.MaxPooling2D()(frozen(x + y * 0.5))
    frozen.trainable = False
    x = tf.reshape(x, (-1, 30, 8))
    x = tf.nn.relu(x[:, 2:, :])
    x = layers.LayerNormalization()(tf.math.subtract(x, tf.reduce_mean(x, axis=1, keepdims=True)))
    x = layers.Dense(10, activation="softmax")(layers.Flatten()(x))
    return keras.Model(image, x, name="image_cnn")


def nests():
    """Models in a model, one called twice; a decoder that starts from states; masks; old gates."""
    source = keras.Input((9,), dtype="int32", name="source")
    target = keras.Input((7,), dtype="int32", name="target")
    vector = keras.Input((6,))
    inner = keras.Sequential([layers.Dense(6, activation="elu", input_shape=(6,))], name="inner")
    block = keras.Model(
        vector, layers.BatchNormalization()(layers.Dense(6)(inner(vector))), name="block"
    )
    x = layers.Embedding(30, 6, mask_zero=True)(source)
    x, h, c = layers.LSTM(6, return_state=True, recurrent_activation="hard_sigmoid")(x)
    x = block(block(x))
    y = layers.Embedding(40, 6)(target)
    y = layers.LSTM(6, return_sequences=True)(y, initial_state=[h, c])
    y = layers.GRU(6, reset_after=False)(y)
    attended = layers.MultiHeadAttention(2, 3)(y[:, None, :], x[:, None, :])
    y = layers.concatenate([x, y, layers.Flatten()(attended)])
    return keras.Model([source, target], [layers.Dense(2)(y), x], name="translator")


def cudnn():
    """Article A's notebook, which runs on a GPU only; saved here, and run as LSTM and GRU."""
    from tf_keras.src.layers.rnn.cudnn_gru import CuDNNGRU
    from tf_keras.src.layers.rnn.cudnn_lstm import CuDNNLSTM

    return _two_recurrences(CuDNNLSTM, CuDNNGRU)


def _two_recurrences(lstm, gru):
    tokens = keras.Input((12,), dtype="int32", name="tokens")
    x = layers.Embedding(30, 7)(tokens)
    x = layers.Bidirectional(lstm(5, return_sequences=True), name="one")(x)
    x = gru(4, name="two")(x)
    return keras.Model(tokens, layers.Dense(1)(x), name="notebook")


MODELS = (article_a, article_b, image_cnn, nests)
# Saved without their functions, which take Keras longer than all else and are never read.
SLOWLY_TRACED = (article_a, article_b)


def save_cudnn(folder):
    """``cudnn.h5``, what Keras makes of its weights in layers that run anywhere, and inputs."""
    rng = np.random.default_rng(6)
    model = cudnn()
    model.set_weights([w + rng.uniform(-0.3, 0.3, w.shape) for w in model.get_weights()])
    model.save(folder / "cudnn.h5")
    model = _two_recurrences(layers.LSTM, layers.GRU)
    model.load_weights(folder / "cudnn.h5")
    arrays = {"tokens": rng.integers(0, 30, (3, 12)).astype("int32")}
    np.savez(folder / "cudnn.inputs.npz", **arrays)
    np.savez(folder / "cudnn.outputs.npz", outputs=model(arrays["tokens"]).numpy())


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    save_cudnn(folder)
    for build in MODELS:
        path = folder / build.__name__
        keras.backend.clear_session()
        keras.backend.set_floatx("float32")
        keras.utils.set_random_seed(5)
        model = build()
        rng = np.random.default_rng(5)
        model.set_weights([w + rng.uniform(0.01, 0.05, w.shape) for w in model.get_weights()])
        model.save(f"{path}.h5")
        model.save(f"{path}.keras")
        model.save(f"{path}.saved", save_format="tf", save_traces=build not in SLOWLY_TRACED)
        Path(f"{path}.json").write_text(model.to_json())
        model.save_weights(f"{path}.weights.h5", save_format="h5")
        wanted = [
            {"name": n, "shape": list(t.shape), "dtype": t.dtype.name, "below": 30}
            for n, t in zip(model.input_names, model.inputs, strict=True)
        ]
        for entry in wanted:
            if "float" in entry["dtype"] and "embedding" not in entry["name"]:
                entry["below"] = None
        arrays = made_inputs(wanted)
        np.savez(f"{path}.inputs.npz", **arrays)
        for precision in ("float32", "float64"):
            original = load_original(f"{path}.h5", None, precision)
            given = [
                tf.constant(a.astype(precision) if a.dtype.kind == "f" else a)
                for a in (arrays[name] for name in original.input_names)
            ]
            record(original, given).save(Path(f"{path}.{precision}.npz"))


if __name__ == "__main__":
    main()
