"""What Keras makes of texts: its Tokenizer, pad_sequences, TextVectorization and imdb.load_data.

A process of its own with a job on standard input: ``folder``, ``texts``, ``tokenizers``,
``vectorizers`` (options of each), ``imdb`` (the file) and ``loads`` (options). Writes text.json.
"""

import json
import sys
from pathlib import Path

import keras
from keras.src.datasets import imdb
from keras.src.legacy.preprocessing.text import Tokenizer


def tokenized(options, texts, unseen):
    tokenizer = Tokenizer(**options)
    tokenizer.fit_on_texts(texts)
    rows = tokenizer.texts_to_sequences([*texts, *unseen])
    return {
        "index": tokenizer.word_index,
        "rows": rows,
        "json": tokenizer.to_json(),
        "padded": [
            keras.utils.pad_sequences(rows, 4, padding=side, truncating=cut, value=9).tolist()
            for side in ("pre", "post")
            for cut in ("pre", "post")
        ],
        "longest": keras.utils.pad_sequences(rows).tolist(),
    }


def vectorized(options, texts, unseen):
    layer = keras.layers.TextVectorization(**options)
    layer.adapt(texts)
    ids = keras.ops.convert_to_numpy(layer([*texts, *unseen])).tolist()
    return {"vocabulary": layer.get_vocabulary(), "ids": ids}


def main():
    job = json.load(sys.stdin)
    texts, unseen = job["texts"], job["unseen"]
    imdb.get_file = lambda *args, **options: job["imdb"]
    made = {
        "tokenizers": [tokenized(o, texts, unseen) for o in job["tokenizers"]],
        "vectorizers": [vectorized(o, texts, unseen) for o in job["vectorizers"]],
        "loads": [
            [[list(map(int, row)) for row in x] for x, _ in imdb.load_data(**o)]
            for o in job["loads"]
        ],
    }
    Path(job["folder"], "text.json").write_text(json.dumps(made))


if __name__ == "__main__":
    main()
