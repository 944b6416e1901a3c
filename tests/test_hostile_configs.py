"""Descriptions that no honest model has: refused with one printable line, whatever they hold."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keras2torch import ModelError, port


def _layer(config: dict[str, Any], class_name: str) -> dict[str, Any]:
    found = [entry for entry in config["config"]["layers"] if entry["class_name"] == class_name]
    first: dict[str, Any] = found[0]
    return first


CASES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no tensor": lambda c: _layer(c, "Dense")["inbound_nodes"][0].update(args=[None]),
    "a number": lambda c: _layer(c, "Dropout")["inbound_nodes"][0].update(args=[1]),
    "a list": lambda c: _layer(c, "Embedding")["inbound_nodes"][0].update(args=[[{}]]),
    "no batch axis": lambda c: _layer(c, "InputLayer")["config"].update(batch_shape=[]),
    "other arguments": lambda c: _layer(c, "Dense")["inbound_nodes"][0].update(
        kwargs={"\u00e9" * 5000: 1}
    ),
    "negative scale": lambda c: _layer(c, "Dense")["config"].update(
        kernel_initializer={
            "module": "keras.initializers",
            "class_name": "VarianceScaling",
            "config": {"scale": -1.0, "mode": "fan_in", "distribution": "uniform"},
        }
    ),
    "no outputs": lambda c: c["config"].update(output_layers=[]),
    "outputs of a number": lambda c: c["config"].update(
        output_layers={"class_name": "__tuple__", "items": 3}
    ),
    "no inputs": lambda c: c["config"].update(input_layers=[]),
    "a circle": lambda c: _layer(c, "Embedding")["inbound_nodes"][0].update(
        args=_layer(c, "Dense")["inbound_nodes"][0]["args"]
    ),
    "a giant window": lambda c: _layer(c, "Conv1D")["config"].update(strides=[10**18]),
    "a long class": lambda c: _layer(c, "Dropout").update(class_name="x\n" * 100_000),
    "a rate": lambda c: _layer(c, "Dropout")["config"].update(rate=7),
}


@pytest.mark.parametrize("name", CASES)
def test_refused_in_one_line(name: str, models: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(models / "text_cnn.keras") as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    config = json.loads(parts["config.json"])
    CASES[name](config)
    parts["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(tmp_path / "bad.keras", "w") as archive:
        for part, data in parts.items():
            archive.writestr(part, data)
    with pytest.raises(ModelError) as refused:
        port(tmp_path / "bad.keras", tmp_path / "out")
    text = str(refused.value)
    assert text.isprintable()
    assert text.isascii()
    assert len(text) < 2000
    assert not (tmp_path / "out").exists()
