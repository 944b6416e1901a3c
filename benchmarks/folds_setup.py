"""What folds.py takes, for real texts: arrays, a Keras model, its port and the training file.

``python folds_setup.py jigsaw train.csv vectors.txt -o FOLDER`` (six labels of a comment),
``davidson labeled_data.csv vectors.txt`` (hateful tweets, one in 17) or ``imdb imdb.npz`` (the
file of ``keras.datasets.imdb``). The networks are those of ``examples/``, smaller.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt
from keras import layers

from keras2torch import port, text

Array = npt.NDArray[Any]
LABELS = ["toxic", "severe_toxic", "obscene", "threat", "insult", "identity_hate"]
FEATURES = ["capitals_ratio", "unique_ratio"]
PREPARE = """
from keras2torch.text import Standardizer
from keras2torch.training import ArrayData


def standardise(learnt, held_out, test):
    scale = Standardizer.fit(learnt.inputs["features"])
    parts = (learnt, held_out)
    inputs = [{**part.inputs, "features": scale(part.inputs["features"])} for part in parts]
    return *(ArrayData(i, part.targets) for i, part in zip(inputs, parts)), test
"""


class Setup(NamedTuple):
    """How large an experiment is."""

    network: Callable[..., keras.Model]
    words: int
    length: int
    epochs: int
    batch_size: int
    rows: int | None = None


def toxic(words: int, length: int, table: Array) -> keras.Model:
    """Six labels at once, as a third place in the toxic-comment challenge; half its units."""
    inputs, x = _recurrent(words, length, table, 0.3, (64, 32))
    model = keras.Model(inputs, layers.Dense(6, activation="sigmoid")(x), name="toxic")
    model.compile("adam", "binary_crossentropy")
    return model


def quora(words: int, length: int, table: Array) -> keras.Model:
    """Article A's network, with its gradients clipped."""
    inputs, x = _recurrent(words, length, table, 0.1, (40, 40))
    x = layers.Dropout(0.1)(layers.Dense(16, activation="relu")(x))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x), name="quora")
    model.compile(keras.optimizers.Adam(clipvalue=1.0), "binary_crossentropy")
    return model


def sentiment(words: int, length: int, _: None) -> keras.Model:
    """Article B's network with half its units; the embedding is trained."""
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = layers.Embedding(words, 64)(tokens)
    x = layers.Bidirectional(layers.LSTM(32, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(32))(x)
    model = keras.Model(tokens, layers.Dense(1, activation="sigmoid")(x), name="sentiment")
    model.compile("adam", "binary_crossentropy")
    return model


def _recurrent(
    words: int, length: int, table: Array, rate: float, units: tuple[int, int]
) -> tuple[list[Any], Any]:
    """What the two have in common: a frozen table of vectors, two recurrences, poolings."""
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    features = keras.Input((len(FEATURES),), name="features")
    x = layers.Embedding(words, table.shape[1], weights=[table], trainable=False)(tokens)
    x = layers.SpatialDropout1D(rate)(x)
    x = layers.Bidirectional(layers.LSTM(units[0], return_sequences=True))(x)
    gru = layers.GRU(units[1], return_sequences=True, return_state=True)
    x, ahead, back = layers.Bidirectional(gru)(x)
    average, largest = layers.GlobalAveragePooling1D()(x), layers.GlobalMaxPooling1D()(x)
    return [tokens, features], layers.Concatenate()([average, ahead, back, largest, features])


SETUPS = {
    "jigsaw": Setup(toxic, words=8000, length=60, epochs=4, batch_size=64),
    "davidson": Setup(quora, words=16000, length=24, epochs=2, batch_size=256),
    "imdb": Setup(sentiment, words=10000, length=80, epochs=2, batch_size=32, rows=4000),
}


def arrays_of(
    name: str, setup: Setup, source: Path, vectors: Path | None
) -> tuple[dict[str, Array], Array | None]:
    """Inputs and targets by name; the words' vectors."""
    if name == "imdb":
        reviews = text.imdb(source, num_words=setup.words)
        tokens = text.pad_sequences(reviews.x_train[: setup.rows], setup.length)
        y = reviews.y_train[: setup.rows].astype(np.float32)[:, None]
        return {"tokens": tokens, "y": y}, None
    if name == "jigsaw":
        texts, y = text.read_table(source, "comment_text", LABELS)
    else:
        texts, y = text.read_table(source, "tweet", ["class"])
        y = y == 0
    assert vectors is not None, "vectors of the words are needed"
    features = text.meta_features(texts, FEATURES).astype(np.float32)
    words = text.clean(texts)
    tokenizer = text.Tokenizer.fit(words, num_words=setup.words)
    table, coverage = text.embedding_matrix(tokenizer.word_index, vectors, rows=setup.words)
    print(coverage)
    tokens = text.pad_sequences(tokenizer.ids(words), setup.length)
    return {"tokens": tokens, "features": features, "y": y.astype(np.float32)}, table


def training_file(setup: Setup, model: keras.Model) -> str:
    """The training that the model is compiled for."""
    trained = any(isinstance(e, layers.Embedding) and e.trainable for e in model.layers)
    lines = ["[model]", 'port = "port"', 'method = "logits"', 'activation = "sigmoid"']
    lines += ['sparse = ["embedding"]'] if trained else []
    lines += ["[data]", 'train = "train.npz"']
    lines += ['prepare = "prepare.py:standardise"'] if len(model.inputs) > 1 else []
    lines += ["[training]", 'loss = "keras.binary_crossentropy_with_logits"']
    lines += ['optimizer = { name = "keras.Adam", lr = 1e-3 }']
    if model.optimizer.clipvalue:
        clip = json.dumps(model.optimizer.clipvalue)
        lines.append(f'clip = {{ name = "keras.clip_value_", max_value = {clip} }}')
    lines += [f"epochs = {setup.epochs}", f"batch_size = {setup.batch_size}"]
    return "\n".join([*lines, "[cross_validation]", "folds = 5", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", choices=list(SETUPS))
    parser.add_argument("source", type=Path)
    parser.add_argument("vectors", type=Path, nargs="?")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    setup, out = SETUPS[options.name], options.out
    out.mkdir(parents=True, exist_ok=True)
    arrays, table = arrays_of(options.name, setup, options.source, options.vectors)
    np.savez(out / "train.npz", **arrays)
    model = setup.network(setup.words, setup.length, table)
    model.save(out / "model.keras")
    port(out / "model.keras", out / "port")
    (out / "prepare.py").write_text(PREPARE.lstrip())
    (out / "config.toml").write_text(training_file(setup, model))


if __name__ == "__main__":
    main()
