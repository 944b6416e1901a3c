"""SavedModels that are not what they seem: refused in one line, wherever the lie is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from keras2torch import ModelError, port
from keras2torch.errors import FormatError
from keras2torch.readers.limits import LIMITS
from keras2torch.readers.protobuf import Message, varint


def _field(number: int, data: bytes) -> bytes:
    def coded(value: int) -> bytes:
        parts = []
        while value >= 0x80:
            parts.append(value & 0x7F | 0x80)
            value >>= 7
        return bytes([*parts, value])

    return coded(number << 3 | 2) + coded(len(data)) + data


def _metadata(root: object) -> bytes:
    """``keras_metadata.pb`` with this JSON for the model."""
    text = root if isinstance(root, bytes) else json.dumps(root).encode()
    return _field(1, _field(3, b"root") + _field(5, text))


CASES: dict[str, Callable[[Path], object]] = {
    "no description": lambda f: (f / "keras_metadata.pb").unlink(),
    "an empty description": lambda f: (f / "keras_metadata.pb").write_bytes(b""),
    "text": lambda f: (f / "keras_metadata.pb").write_bytes(b"Dear reader,"),
    "a deep description": lambda f: (f / "keras_metadata.pb").write_bytes(
        _metadata(b'{"config":' * 5000 + b"{}" + b"}" * 5000)
    ),
    "a class of its own": lambda f: (f / "keras_metadata.pb").write_bytes(
        _metadata({"class_name": "Mine", "config": {"name": "x", "layers": []}})
    ),
    "no index": lambda f: (f / "variables/variables.index").unlink(),
    "a short index": lambda f: (f / "variables/variables.index").write_bytes(b"\0" * 47),
    "no tensors": lambda f: (f / "variables/variables.data-00000-of-00001").unlink(),
    "few tensors": lambda f: (f / "variables/variables.data-00000-of-00001").write_bytes(b"\0" * 9),
    "a link out": lambda f: _linked(f / "variables/variables.index"),
}


def _linked(file: Path) -> None:
    away = file.parents[2] / "away"
    file.rename(away)
    file.symlink_to(away)


@pytest.mark.parametrize("name", CASES)
def test_refused_in_one_line(name: str, keras_2: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(keras_2 / "article_b.saved", folder)
    CASES[name](folder)
    with pytest.raises(ModelError) as refused:
        port(folder, tmp_path / "out")
    assert str(refused.value).isprintable()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("data", [b"\x80", b"\xff" * 11, b"\x0a\x05abc", b"\x0b", b"\x0d\x01\x02"])
def test_messages_that_end_early(data: bytes) -> None:
    with pytest.raises(FormatError):
        Message(memoryview(data), "message")


def test_numbers_of_64_bits() -> None:
    assert varint(memoryview(b"\xff" * 9 + b"\x01"), 0, "x") == (2**64 - 1, 10)
    with pytest.raises(FormatError):
        varint(memoryview(b"\xff" * 9 + b"\x02"), 0, "x")


def test_too_many_fields() -> None:
    with pytest.raises(FormatError, match="fields"):
        Message(memoryview(b"\x08\x01" * (LIMITS.protobuf_fields + 1)), "message")
