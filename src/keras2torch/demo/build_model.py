"""Builds article B's model in Keras and saves it, in a process of its own.

Called as ``python -m keras2torch.demo.build_model`` with a JSON job on standard input: ``path``,
``words``, ``length``, ``seed``.
"""

from __future__ import annotations

import json
import sys

import keras
from keras import layers


def main() -> None:
    job = json.load(sys.stdin)
    keras.utils.set_random_seed(job["seed"])
    model = keras.Sequential(
        [
            keras.Input((job["length"],), dtype="int32", name="tokens"),
            layers.Embedding(job["words"], 128),
            layers.Bidirectional(layers.LSTM(64, return_sequences=True)),
            layers.Bidirectional(layers.LSTM(64)),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sentiment",
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.save(job["path"])


if __name__ == "__main__":
    main()
