"""Texts: the same ids as Keras, vectors of every format, features that don't leak."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import run_keras

from keras2torch import DataError, MissingExtra
from keras2torch.text import (
    Standardizer,
    Tokenizer,
    clean,
    embedding_matrix,
    imdb,
    meta_features,
    pad_sequences,
    read_table,
    read_vectors,
)
from keras2torch.text.vectorization import vectorization

TEXTS = [
    "The cat sat on the mat.",
    "A dog; a CAT, and a bird!",
    "",
    "don't  stop <br /> now\tor\nnever",
    "\u00c9t\u00e9 \u00e9t\u00e9 \u0130stanbul the_under_score 10,000",
]
UNSEEN = ["the unknown cat", "zebra", "  "]
TOKENIZERS: list[dict[str, Any]] = [
    {},
    {"num_words": 5},
    {"num_words": 6, "oov_token": "<unk>"},
    {"oov_token": "cat"},
    {"lower": False, "filters": "!.", "split": " "},
    {"char_level": True, "num_words": 8},
    {"split": "_"},
]
VECTORIZERS: list[dict[str, Any]] = [
    {},
    {"max_tokens": 7},
    {"output_sequence_length": 4, "standardize": "lower"},
    {"ngrams": 2, "max_tokens": 12},
    {"split": "character"},
]
OURS: list[dict[str, Any]] = [
    {},
    {"max_tokens": 7},
    {"length": 4, "strip_punctuation": False},
    {"ngrams": (1, 2), "max_tokens": 12},
    {"split": "character"},
]
LOADS: list[dict[str, Any]] = [
    {},
    {"num_words": 30},
    {"num_words": 30, "skip_top": 6, "oov_char": None},
    {"start_char": None, "index_from": 0, "seed": 5},
]


@pytest.fixture(scope="module")
def keras_imdb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like ``imdb.npz``: arrays of lists, pickled."""
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for side in ("train", "test"):
        rows = [rng.integers(1, 60, rng.integers(1, 20)).tolist() for _ in range(12)]
        arrays[f"x_{side}"] = np.array(rows, dtype=object)
        arrays[f"y_{side}"] = rng.integers(0, 2, 12)
    path = tmp_path_factory.mktemp("imdb") / "imdb.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def keras_text(tmp_path_factory: pytest.TempPathFactory, keras_imdb: Path) -> Any:
    folder = tmp_path_factory.mktemp("text")
    job = {
        "folder": str(folder),
        "texts": TEXTS,
        "unseen": UNSEEN,
        "tokenizers": TOKENIZERS,
        "vectorizers": VECTORIZERS,
        "imdb": str(keras_imdb),
        "loads": LOADS,
    }
    run_keras("text.py", job, "tensorflow")
    return json.loads((folder / "text.json").read_text())


@pytest.mark.parametrize("case", range(len(TOKENIZERS)))
def test_a_tokenizer_gives_keras_ids(case: int, keras_text: Any) -> None:
    expected = keras_text["tokenizers"][case]
    tokenizer = Tokenizer.fit(TEXTS, **TOKENIZERS[case])
    assert dict(tokenizer.word_index) == expected["index"]
    rows = tokenizer.ids([*TEXTS, *UNSEEN])
    assert rows == expected["rows"]
    assert Tokenizer.from_json(expected["json"]) == tokenizer
    assert Tokenizer.from_json(tokenizer.to_json()) == tokenizer
    padded = [
        pad_sequences(rows, 4, padding=side, truncating=cut, value=9).tolist()
        for side in ("pre", "post")
        for cut in ("pre", "post")
    ]
    assert padded == expected["padded"]
    assert pad_sequences(rows).tolist() == expected["longest"]


@pytest.mark.parametrize("case", range(len(VECTORIZERS)))
def test_an_adapted_vocabulary_is_keras(case: int, keras_text: Any) -> None:
    expected = keras_text["vectorizers"][case]
    module = vectorization(TEXTS, **OURS[case])
    names = sorted(module.ids, key=module.ids.__getitem__)
    assert ["", "[UNK]", *names[1:]] == expected["vocabulary"]
    assert module([*TEXTS, *UNSEEN]).tolist() == expected["ids"]


@pytest.mark.parametrize("case", range(len(LOADS)))
def test_imdb_is_keras(case: int, keras_text: Any, keras_imdb: Path) -> None:
    data = imdb(keras_imdb, **LOADS[case])
    assert [data.x_train, data.x_test] == keras_text["loads"][case]


def test_a_pickle_of_other_things_is_not_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.system, ("touch " + str(tmp_path / "ran"),)

    rows = np.array([Evil(), Evil()], dtype=object)
    np.savez(tmp_path / "imdb.npz", x_train=rows, y_train=[0], x_test=rows, y_test=[0])
    with pytest.raises(DataError, match=r"is not imdb\.npz.*posix\.system"):
        imdb(tmp_path / "imdb.npz")
    assert not (tmp_path / "ran").exists()
    (tmp_path / "imdb.npz").write_bytes(pickle.dumps([1]))
    with pytest.raises(DataError, match=r"is not imdb\.npz"):
        imdb(tmp_path / "imdb.npz")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"config": {}}', '{"config": {"word_index": 1}}']
)
def test_what_is_no_tokenizer_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="no Tokenizer of Keras'"):
        Tokenizer.from_json(text)


def test_cleaning() -> None:
    texts = ["He DOESN'T know; y\u2019all can't,it's 12345678 and 7!", "", "we'd_ve"]
    assert clean(texts) == [
        "he does not know ; you all cannot , it 's ##### and 7 !",
        "",
        "we'd _ ve",
    ]
    assert clean(["Teh colour"], ["lower"], {"teh": "the", "colour": "color"}) == ["the color"]
    with pytest.raises(KeyError):
        clean(["a"], ["stem"])


VECTORS = {"cat": [1.0, 2.0, 3.0], "DOG": [4.0, 5.0, 6.0], ". .": [7.0, 8.0, 9.0]}


def _write(path: Path, words: dict[str, list[float]], header: bool) -> Path:
    lines = [f"{word} {' '.join(map(str, vector))}" for word, vector in words.items()]
    head = [f"{len(words)} 3"] if header else []
    data = ("\n".join([*head, *lines]) + "\n").encode()
    if path.suffix == ".bin":
        data = b"%d 3\n" % len(words)
        for word, vector in words.items():
            data += word.replace(" ", "_").encode() + b" " + np.array(vector, "<f4").tobytes()
            data += b"\n"
    opened = {".gz": gzip.compress, ".xz": lzma.compress}.get(path.suffix, bytes)
    path.write_bytes(opened(data))
    return path


@pytest.mark.parametrize("name", ["glove.txt", "fast.vec", "w2v.bin", "glove.txt.gz", "g.txt.xz"])
def test_vectors_of_every_format(name: str, tmp_path: Path) -> None:
    path = _write(tmp_path / name, VECTORS, header=name == "fast.vec")
    found = {word.replace("_", " "): vector.tolist() for word, vector in read_vectors(path)}
    assert found == VECTORS
    index = {"cat": 1, "dog": 2, "bird": 3, "late": 9}
    counts = {"cat": 6, "dog": 2, "bird": 1, "late": 1}
    matrix, coverage = embedding_matrix(index, path, rows=4, counts=counts)
    assert matrix.tolist() == [[0, 0, 0], VECTORS["cat"], VECTORS["DOG"], [0, 0, 0]]
    assert (coverage.known, coverage.spelled_otherwise, coverage.missing) == (2, 1, ("bird",))
    assert coverage.occurrences == 0.8
    assert str(coverage).startswith("2 of 3 words (66.7 %) have vectors")


def test_words_without_vectors_and_means_of_several(tmp_path: Path) -> None:
    one = _write(tmp_path / "one.txt", VECTORS, header=False)
    other = _write(tmp_path / "other.txt", {"cat": [3.0, 4.0, 5.0]}, header=False)
    index = {"cat": 1, "bird": 2}
    matrix, coverage = embedding_matrix(index, one, other, unknown="mean")
    assert matrix[1].tolist() == [2, 3, 4]
    assert matrix[2].tolist() == [2, 3, 4]
    assert coverage.known == 1
    drawn = [embedding_matrix(index, one, unknown="normal", seed=s)[0][2] for s in (1, 1, 2)]
    assert (drawn[0] == drawn[1]).all()
    assert (drawn[0] != drawn[2]).all()
    wide = tmp_path / "wide.txt"
    wide.write_text("cat 1 2 3 4\n")
    with pytest.raises(DataError, match="differ in size"):
        embedding_matrix(index, one, wide)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.txt", b"cat 1 2 3\ndog 1 2\n", "line 2 has 2 numbers, not 3"),
        ("a.txt", b"cat 1 two 3\n", "no number"),
        ("a.txt", b"cat 1 nan 3\n", "not finite"),
        ("a.txt", b"cat\n", "vectors of 0 numbers"),
        ("a.vec", b"5 99999999\n", "vectors of 99999999 numbers"),
        ("a.bin", b"2 3\ncat 123456789012dog 12", "is damaged at word 2"),
        ("a.bin", b"what\n", "no header"),
        ("a.txt.gz", b"cat 1 2\n", "can't be read"),
    ],
)
def test_damaged_vectors(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(DataError, match=said):
        list(read_vectors(tmp_path / name))
    with pytest.raises(DataError, match="can't be read"):
        list(read_vectors(tmp_path / "absent.txt"))


READ = """
import resource, sys
from keras2torch.text import embedding_matrix
matrix, coverage = embedding_matrix({f"word{n}": n for n in range(1, 20001)}, sys.argv[1])
assert coverage.known == 20000, coverage
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _feed(path: Path, size: int) -> None:
    """A GloVe file of ``size`` bytes through a pipe, so that it needs no disk."""
    vector = " ".join(["-0.12345"] * 300)
    with path.open("w") as file:
        written = number = 0
        while written < size:
            written += file.write(f"word{number} {vector}\n")
            number += 1


@pytest.mark.slow
def test_two_gigabytes_of_vectors_need_little_memory(tmp_path: Path) -> None:
    pipe = tmp_path / "vectors.txt"
    os.mkfifo(pipe)
    writer = threading.Thread(target=_feed, args=(pipe, 2 << 30), daemon=True)
    writer.start()
    done = subprocess.run(
        [sys.executable, "-c", READ, pipe], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) * 1024 < 300e6


def test_meta_features_and_their_scale() -> None:
    rows = meta_features(["HELLO world!", "", "a a b 12?"])
    assert rows[1].tolist() == [0] * rows.shape[1]
    names = ["capitals", "words", "unique_words", "exclamations", "digits_ratio"]
    assert meta_features(["HELLO world!", "a a b 12?"], names).tolist() == [
        [5, 2, 2, 1, 0],
        [0, 4, 3, 0, 2 / 9],
    ]
    train, new = np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[2.0, 7.0]])
    scale = Standardizer.fit(train)
    assert scale(train).tolist() == [[-1, 0], [1, 0]]
    assert scale(new).tolist() == [[0, 2]]  # by the training rows' moments


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".csv.xz", ".tsv"])
def test_tables(suffix: str, tmp_path: Path) -> None:
    comma = "\t" if suffix == ".tsv" else ","
    lines = [
        comma.join(["id", "text", "toxic", "insult"]),
        comma.join(["1", '"a, b\nc"', "1", "0"]),
    ]
    data = "\r\n".join([*lines, comma.join(["2", "", "0", "1"])]).encode()
    packed = {".gz": gzip.compress, ".xz": lzma.compress}.get(Path(suffix).suffix, bytes)(data)
    path = tmp_path / f"data{suffix}"
    path.write_bytes(packed)
    texts, labels = read_table(path, "text", ["toxic", "insult"])
    assert texts == ["a, b\nc", ""]
    assert labels.tolist() == [[1, 0], [0, 1]]
    assert read_table(path, "text", "toxic")[1].tolist() == [1, 0]
    with pytest.raises(DataError, match="no column 'spam'"):
        read_table(path, "text", "spam")
    with pytest.raises(DataError, match="'text' must hold numbers"):
        read_table(path, "text", "text")


def test_a_table_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("text,y\n\u00e9t\u00e9,1\n".encode("latin-1"))
    with pytest.raises(DataError, match="is not utf-8: byte"):
        read_table(path, "text", "y")
    assert read_table(path, "text", "y", encoding="latin-1")[0] == ["\u00e9t\u00e9"]


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match="datasets is not installed"):
        read_table("datasets://imdb/train", "text", "label")
