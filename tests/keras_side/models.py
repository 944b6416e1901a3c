"""Whole models, built in Keras, saved and run: the two articles' networks and more.

A process of its own, started by ``tests/test_models.py`` per backend with a job on standard input:
``folder``. TensorFlow builds, saves and runs in both precisions; JAX runs the same files.
"""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers
from training_runs import save_all

from keras2torch.verify.inputs import made_inputs
from keras2torch.verify.keras_worker import load_original, record, tensors_for


def article_a():
    """Quora insincere questions: two inputs, a frozen pretrained table, last states, pooling."""
    tokens = keras.Input((70,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    table = np.random.default_rng(0).standard_normal((5000, 300))
    x = layers.Embedding(5000, 300, weights=[table], trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(40, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(layers.GRU(40, return_sequences=True, return_state=True))(
        x
    )
    average = layers.GlobalAveragePooling1D()(x)
    largest = layers.GlobalMaxPooling1D()(x)
    x = layers.Concatenate()([average, ahead, back, largest, features])
    x = layers.Dense(16, activation="relu")(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(1, activation="sigmoid")(x)
    model = keras.Model([tokens, features], x, name="quora")
    model.compile(keras.optimizers.Adam(clipvalue=1.0), "binary_crossentropy")
    return model


def article_b():
    """IMDB sentiment, at its full size; texts of any length, as in the article."""
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="tokens"),
            layers.Embedding(20000, 128),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(64)),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    return model


def text_cnn():
    """Kim's sentence classifier: three widths of convolution side by side."""
    tokens = keras.Input((30,), dtype="int32", name="tokens")
    x = layers.Embedding(200, 16)(tokens)
    pooled = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(8, width, activation="relu")(x))
        for width in (3, 4, 5)
    ]
    x = layers.Dropout(0.5)(layers.Concatenate()(pooled))
    return keras.Model(tokens, layers.Dense(4, activation="softmax")(x), name="text_cnn")


def deep_text_cnn():
    """Convolutions in a row, pooled and normalised, over a sequence of unknown length."""
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="tokens"),
            layers.Embedding(100, 12),
            layers.Conv1D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.BatchNormalization(),
            layers.Conv1D(16, 3, padding="causal", dilation_rate=2),
            layers.LeakyReLU(negative_slope=0.1),
            layers.AveragePooling1D(3, strides=2, padding="same"),
            layers.LayerNormalization(),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1),
        ]
    )


def image_cnn():
    """A small image classifier: every padding, batch normalisation, a flatten between layouts."""
    image = keras.Input((28, 20, 3), name="image")
    x = layers.Conv2D(8, 3, padding="same", use_bias=False)(image)
    x = layers.BatchNormalization()(x)
    x = layers.Activation("relu")(x)
    x = layers.MaxPooling2D()(x)
    y = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(16, 1, strides=2)(x)
    x = layers.Add()([x, y])
    x = layers.Conv2D(12, 4, padding="same", activation="elu")(x)
    x = layers.AveragePooling2D(2, padding="same")(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(20, activation="relu")(x)
    return keras.Model(image, layers.Dense(10, activation="softmax")(x), name="image_cnn")


def augmented():
    """An image classifier that augments what it trains on."""
    model = keras.Sequential(
        [
            keras.Input((24, 20, 3), name="images"),
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(0.1, fill_mode="nearest"),
            layers.RandomZoom(0.2, (-0.1, 0.3)),
            layers.RandomContrast(0.3),
            layers.Rescaling(1 / 127.5, -1),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4, activation="softmax"),
        ],
        name="augmented",
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


def siamese():
    """One encoder for two questions, with masks; two outputs by name."""
    tokens = keras.Input((12,), dtype="int32", name="tokens")
    x = layers.Embedding(50, 8, mask_zero=True)(tokens)
    x = layers.Bidirectional(layers.GRU(6, return_sequences=True), merge_mode="sum")(x)
    x = layers.LSTM(5)(x)
    encoder = keras.Model(tokens, layers.Dense(4, activation="tanh")(x), name="encoder")
    left = keras.Input((12,), dtype="int32", name="left")
    right = keras.Input((12,), dtype="int32", name="right")
    a, b = encoder(left), encoder(right)
    near = layers.Dot(axes=-1, normalize=True)([a, b])
    both = layers.Concatenate()(
        [layers.Subtract()([a, b]), layers.Multiply()([a, b]), layers.Maximum()([a, b])]
    )
    both = layers.Concatenate()([both, layers.Minimum()([a, b]), layers.Average()([a, b])])
    same = layers.Dense(1, activation="sigmoid")(both)
    return keras.Model({"left": left, "right": right}, {"near": near, "same": same})


def translator():
    """A decoder that starts from its encoder's states; masks on both sides."""
    source = keras.Input((9,), dtype="int32", name="source")
    target = keras.Input((7,), dtype="int32", name="target")
    x = layers.Embedding(30, 6, mask_zero=True)(source)
    _, h, c = layers.LSTM(8, return_state=True)(x)
    y = layers.Embedding(40, 6)(target)
    y = layers.LSTM(8, return_sequences=True)(y, initial_state=[h, c])
    return keras.Model([source, target], layers.Dense(40, activation="softmax")(y))


def shapes():
    """Reshapes, permutations and repetitions between recurrences and poolings; nested models."""
    series = keras.Input((12, 6), name="series")
    x = layers.Permute((2, 1))(series)
    x = layers.Dense(8, activation="selu")(x)
    x = layers.Permute((2, 1))(x)
    x = layers.Reshape((4, -1))(x)
    x = layers.SimpleRNN(5, return_sequences=True, go_backwards=True)(x)
    block = keras.Sequential(
        [
            keras.Input((4, 5)),
            layers.Dense(5, "relu"),
            layers.LayerNormalization(),
            layers.Dense(5),
        ],
        name="block",
    )
    x = layers.Add()([x, block(x)])
    x = layers.Add()([x, block(x)])
    x = layers.Softmax(axis=1)(x)
    pooled = layers.GlobalMaxPooling1D(keepdims=True)(x)
    flat = layers.Flatten()(pooled)
    again = layers.RepeatVector(3)(flat)
    x = layers.MaxPooling1D(2, strides=1, padding="same")(again)
    x = layers.PReLU()(x)
    x = layers.ReLU(max_value=6.0)(layers.ELU()(x))
    return keras.Model(series, [x, flat])


def attended(x, *, heads, size, memory=None, causal=False, name):
    """Attention with its residual and normalization; of ``memory``, or of ``x`` itself."""
    attention = layers.MultiHeadAttention(heads, size, name=f"{name}_attention")
    seen = attention(x, x if memory is None else memory, use_causal_mask=causal)
    return layers.LayerNormalization(name=f"{name}_norm")(layers.Add()([x, seen]))


def fed_forward(x, *, width, name):
    """The two Dense layers of a Transformer's block with their residual and normalization."""
    y = layers.Dense(width, activation="gelu", name=f"{name}_wide")(x)
    y = layers.Dropout(0.1)(layers.Dense(x.shape[-1], name=f"{name}_narrow")(y))
    return layers.LayerNormalization(name=f"{name}_norm")(layers.Add()([x, y]))


def transformer_encoder():
    """A sentence classifier: one block that normalizes first, masks, learned positions."""
    tokens = keras.Input((10,), dtype="int32", name="tokens")
    positions = keras.ops.cumsum(keras.ops.ones_like(tokens), axis=1) - 1
    x = layers.Embedding(40, 16, mask_zero=True, name="words")(tokens)
    x = layers.Add()([x, layers.Embedding(10, 16, name="positions")(positions)])
    y = layers.LayerNormalization(epsilon=1e-6)(x)
    y = layers.MultiHeadAttention(4, 4, dropout=0.1, name="attention")(y, y)
    x = layers.Add()([x, layers.Dropout(0.1)(y)])
    x = fed_forward(x, width=32, name="feed_forward")
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(tokens, layers.Dense(3, activation="softmax", name="classes")(x))


def transformer_decoder():
    """A translator: the decoder looks at what is before, and at the encoded source twice; the
    target's embedding makes the scores of words too."""
    source = keras.Input((9,), dtype="int32", name="source")
    target = keras.Input((None,), dtype="int32", name="target")
    memory = layers.Embedding(40, 12, mask_zero=True, name="source_words")(source)
    memory = fed_forward(
        attended(memory, heads=3, size=4, name="source"), width=24, name="source_feed"
    )
    words = layers.ReversibleEmbedding(50, 12, mask_zero=True, name="target_words")
    x = words(target)
    for number in (1, 2):
        x = attended(x, heads=3, size=4, causal=True, name=f"self_{number}")
        x = attended(x, heads=3, size=5, memory=memory, name=f"cross_{number}")
        x = fed_forward(x, width=24, name=f"feed_{number}")
    return keras.Model([source, target], words(x, reverse=True))


def masked_encoder():
    """Masks that enter a nested model, and one that leaves it."""
    tokens = keras.Input((8,), dtype="int32", name="tokens")
    steps = keras.Input((8, 6))
    smoother = keras.Model(
        steps, layers.GRU(6, return_sequences=True)(layers.Dense(6)(steps)), name="smoother"
    )
    words = keras.Input((8,), dtype="int32")
    reader = keras.Sequential([words, layers.Embedding(30, 6, mask_zero=True)], name="reader")
    x = smoother(smoother(reader(tokens)))
    x, weights = layers.AdditiveAttention()([x, reader(tokens)], return_attention_scores=True)
    return keras.Model(tokens, [layers.LSTM(4)(x), weights])


def odd_names():
    """Names that would be code, keywords, a module's attributes, or each other."""
    x = keras.Input((4,), name="for")
    y = layers.Dense(4, name='x"); import os; os.system("touch pwned")#')(x)
    y = layers.Dense(4, name="forward")(y)
    y = layers.Dense(4, name="a-b")(y)
    y = layers.Dense(4, name="a b")(y)
    y = layers.Dense(4, name="d\u00e9tail\u202e\n")(y)
    y = layers.Dense(4, name="{0}")(y)
    block = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="torch")], name='"""')
    return keras.Model(x, {"nn": block(y), "\\{1}'": y}, name="import os")


def trained():
    """Article A's network, small, compiled with an accuracy."""
    tokens = keras.Input((20,), dtype="int32", name="tokens")
    features = keras.Input((2,), name="features")
    x = layers.Embedding(200, 12, trainable=False)(tokens)
    x = layers.SpatialDropout1D(0.1)(x)
    x = layers.Bidirectional(layers.LSTM(6, return_sequences=True))(x)
    x, ahead, back = layers.Bidirectional(layers.GRU(6, return_sequences=True, return_state=True))(
        x
    )
    average = layers.GlobalAveragePooling1D()(x)
    x = layers.Concatenate()([average, ahead, back, layers.GlobalMaxPooling1D()(x), features])
    x = layers.Dense(8, activation="relu")(x)
    x = layers.Dropout(0.1)(x)
    model = keras.Model([tokens, features], layers.Dense(1, activation="sigmoid")(x))
    optimizer = keras.optimizers.Adam(clipvalue=0.01)
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def nests():
    """Models in models: after a flatten of channels-first memory, with outputs by name in no
    alphabetic order, on whole numbers, on a dict, and partly frozen (the usual fine-tuning)."""
    image = keras.Input((6, 5, 2), name="image")
    ids = keras.Input((4,), dtype="int32", name="ids")
    flat = keras.Input((60,))
    head = keras.Model(flat, layers.Dense(3)(layers.BatchNormalization()(flat)), name="head")
    x = head(layers.Flatten()(layers.Conv2D(2, 3, padding="same")(image)))
    vector = keras.Input((3,))
    pair = keras.Model(
        vector, {"z": layers.Dense(2)(vector), "a": layers.Dense(2)(vector)}, name="pair"
    )
    parts = pair(x)
    numbers = keras.Input((4,))
    table = keras.Sequential([numbers, layers.Embedding(30, 2), layers.Flatten()], name="table")
    one, two = keras.Input((2,), name="one"), keras.Input((8,), name="two")
    joined = keras.Model({"one": one, "two": two}, layers.Concatenate()([two, one]), name="joined")
    y = joined({"two": table(ids), "one": parts["a"]})
    head.trainable = False
    head.layers[-1].trainable = True
    return keras.Model([image, ids], {"k": parts["z"], "b": y})


def residual():
    """An input called as the main chain is called in the port, and read once more at the end."""
    x = keras.Input((4,), name="x")
    return keras.Model(x, layers.Add()([layers.Dense(4)(layers.Dense(4)(x)), x]))


def tabular():
    """A row of a table: words, codes, measures, and a cross of two columns."""
    city = keras.Input((1,), dtype="string", name="city")
    code = keras.Input((1,), dtype="int64", name="code")
    measures = keras.Input((3,), name="measures")
    words = layers.StringLookup(vocabulary=["Berlin", "Paris", "Rome"], output_mode="one_hot")
    codes = layers.IntegerLookup(num_oov_indices=2, mask_token=0)
    codes.adapt(np.arange(500, 560))
    scale = layers.Normalization(name="scale")
    scale.adapt(np.random.default_rng(1).normal(3.0, 2.0, (50, 3)))
    bins = layers.Discretization([-1.0, 0.0, 1.5], output_mode="multi_hot", name="bins")
    cross = layers.HashedCrossing(16, output_mode="one_hot", name="cross")
    parts = [
        words(city),
        layers.Flatten()(layers.Embedding(63, 4)(codes(code))),
        scale(measures),
        bins(measures),
        cross((city, code)),
    ]
    x = layers.Dense(8, activation="relu")(layers.Concatenate()(parts))
    return keras.Model([city, code, measures], layers.Dense(1)(x), name="tabular")


def raw_text():
    """A classifier of texts as they are, with a vocabulary that is no short list."""
    text = keras.Input((1,), dtype="string", name="text")
    words = layers.TextVectorization(
        output_sequence_length=12, vocabulary=[f"word{n}" for n in range(80)] + ["\u00fcber"]
    )
    x = layers.Embedding(83, 6)(words(text))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(text, layers.Dense(3, activation="softmax")(x), name="raw_text")


def features():
    """What Keras' FeatureSpace makes of a table: a model of its encoders."""
    space = keras.utils.FeatureSpace(
        features={
            "age": keras.utils.FeatureSpace.float_normalized(),
            "dose": keras.utils.FeatureSpace.float_discretized(num_bins=4),
            "rest": keras.utils.FeatureSpace.float(),
            "sex": keras.utils.FeatureSpace.string_categorical(num_oov_indices=1),
            "kind": keras.utils.FeatureSpace.integer_categorical(output_mode="one_hot"),
            "place": keras.utils.FeatureSpace.string_hashed(num_bins=8, output_mode="one_hot"),
        },
        crosses=[keras.utils.FeatureSpace.cross(("sex", "kind"), crossing_dim=10)],
        output_mode="concat",
    )
    rng = np.random.default_rng(2)
    table = {name: rng.normal(size=30).astype("float32") for name in ("age", "dose", "rest")}
    table["sex"] = rng.choice(["f", "m", "x"], 30)
    table["kind"] = rng.integers(1, 5, 30)
    table["place"] = rng.choice(["here", "there"], 30)
    import tensorflow as tf

    space.adapt(tf.data.Dataset.from_tensor_slices(table))
    encoded = space.get_encoded_features()
    return keras.Model(space.get_inputs(), layers.Dense(2)(encoded), name="features")


MODELS = {
    build.__name__: build
    for build in (
        article_a,
        article_b,
        text_cnn,
        deep_text_cnn,
        image_cnn,
        augmented,
        siamese,
        translator,
        shapes,
        nests,
        transformer_encoder,
        transformer_decoder,
        masked_encoder,
        odd_names,
        residual,
        trained,
        tabular,
        raw_text,
        features,
    )
}
# Inputs of strings, and operations of TensorFlow in them: nothing that JAX can run.
ONLY_TENSORFLOW = ("tabular", "raw_text", "features")


SAMPLES = {
    "city": {"values": ["Berlin", "Rome", "Oslo", "", "\u00dcberlingen"], "text": False},
    "code": {"values": [0, 500, 559, 530, 3, 4], "text": False},
    "text": {"values": ["word0", "word79", "\u00fcber", "unknown"], "text": True},
    "sex": {"values": ["f", "m", "?"], "text": False},
    "place": {"values": ["here", "there", "elsewhere"], "text": False},
}


def inputs_of(model):
    """Inputs as ``check`` makes them; ids stay below the smallest table that an input meets."""
    below = {"sentiment": 20000, "quora": 5000}.get(model.name, 30)
    wanted = [
        {
            "name": tensor._keras_history.operation.name,
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
            "below": below if tensor.dtype == "int32" else None,
            "samples": SAMPLES.get(tensor._keras_history.operation.name),
        }
        for tensor in model.inputs
    ]
    return made_inputs(wanted)


def main():
    folder = Path(json.load(sys.stdin)["folder"])
    trained = {}
    for name, build in MODELS.items():
        path = folder / f"{name}.keras"
        if keras.backend.backend() == "jax" and name in ONLY_TENSORFLOW:
            continue
        if keras.backend.backend() == "jax":
            model = load_original(path, "float32")
            with np.load(folder / f"{name}.inputs.npz") as stored:
                arrays = dict(stored)
            record(model, tensors_for(model, arrays, "float32")).save(folder / f"{name}.jax.npz")
            continue
        keras.config.set_floatx("float32")
        keras.utils.set_random_seed(3)
        model = build()
        model.save(path)
        reloaded = keras.saving.load_model(path)
        trained[name] = sum(int(np.prod(v.shape)) for v in reloaded.trainable_variables)
        arrays = inputs_of(model)
        np.savez(folder / f"{name}.inputs.npz", **arrays)
        for precision in ("float32", "float64"):
            model = load_original(path, precision)
            recording = record(model, tensors_for(model, arrays, precision))
            recording.save(folder / f"{name}.{precision}.npz")
    if trained:
        save_all(folder)
        (folder / "trained.json").write_text(json.dumps(trained))


if __name__ == "__main__":
    main()
