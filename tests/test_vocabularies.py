"""Vocabularies: whatever their words are, they come out as data; impossible ones are refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keras2torch import ModelError, load, port

HOSTILE = [
    '"""',
    "');import/**/os;os.system('touch${IFS}pwned')#",
    "{0}",
    "{{x}}",
    "\\",
    "\u202e\u00e9\U0001f98a",
    "__import__",
    "\x1b[31m",
]


def _changed(path: Path, out: Path, parts: dict[str, Callable[[bytes], bytes]]) -> Path:
    """The saved model with some of its members changed."""
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(out, "w") as new:
        for name in archive.namelist():
            new.writestr(name, parts.get(name, lambda data: data)(archive.read(name)))
    return out


def _with_vocabulary(terms: Any) -> dict[str, Callable[[bytes], bytes]]:
    def change(data: bytes) -> bytes:
        config = json.loads(data)
        for entry in config["config"]["layers"]:
            if entry["class_name"] == "TextVectorization":
                entry["config"].update(vocabulary=terms, standardize=None, max_tokens=None)
        return json.dumps(config).encode()

    return {"config.json": change}


@pytest.mark.parametrize("count", [0, 60])
def test_words_are_data(count: int, models: Path, tmp_path: Path) -> None:
    """In model.py where they are few, in vocabulary.json where they are many."""
    terms = [*HOSTILE, *(f"word{n}" for n in range(count))]
    path = _changed(models / "raw_text.keras", tmp_path / "m.keras", _with_vocabulary(terms))
    done = port(path, tmp_path / "port")
    assert done.source.isascii()
    assert (tmp_path / "port" / "vocabulary.json").exists() == (count > 0)
    assert done.manifest["vocabulary"] == ("vocabulary.json" if count else None)
    model: Any = load(tmp_path / "port")
    # Keras: 0 fills up, 1 is unknown, the vocabulary counts from 2.
    ids = model.text_vectorization([[term] for term in [*terms, "unknown", ""]])
    assert ids[:, 0].tolist() == [*range(2, len(terms) + 2), 1, 0]
    port(models / "text_cnn.keras", tmp_path / "port")
    assert not (tmp_path / "port" / "vocabulary.json").exists()


@pytest.mark.parametrize(
    "terms",
    [
        "/etc/passwd",
        [],
        ["a", "b", "a"],
        ["a", ""],
        ["a", 1],
        ["a", "b\0"],
        ["a", "\ud800"],
        {"a": 1},
        None,
    ],
    ids=str,
)
def test_impossible_words_are_refused(terms: Any, models: Path, tmp_path: Path) -> None:
    path = _changed(models / "raw_text.keras", tmp_path / "m.keras", _with_vocabulary(terms))
    with pytest.raises(ModelError) as caught:
        port(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "stored",
    [b"", b"\xff\xfe", b"0\n-1\n-1\nfive", b"0\n-1\n-1\n5\n5", b"0\n-1\n-1\n" + b"9" * 19, b"1_0"],
    ids=repr,
)
def test_impossible_stored_numbers_are_refused(stored: bytes, models: Path, tmp_path: Path) -> None:
    name = "assets/layers/integer_lookup/vocabulary.txt"
    parts = {name: lambda data: stored}
    path = _changed(models / "tabular.keras", tmp_path / "m.keras", parts)
    with pytest.raises(ModelError) as caught:
        port(path)
    assert str(caught.value).isprintable()
