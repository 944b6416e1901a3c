"""Repeated blocks become classes, where that changes nothing: every layer is still equal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_keras

from keras2torch import load, port
from keras2torch.emit.helpers import definition
from keras2torch.verify.check import apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port

# The classes that each model's file must have beside the model's own and those of runtime/.
CLASSES = {
    "resnet": ["ConvBn", "ResidualBlock"],
    "transformer": ["TransformerBlock"],
    "literals": ["ResidualBlock"],
    "shared": [],
    "looked_into": [],
    "frozen": ["ResidualBlock", "ResidualBlock2"],
    "twice": ["ResidualBlock", "Tower"],
    "hostile": ["ResidualBlock"],
    "cells": ["InceptionBlock"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("blocks")
    run_keras("blocks.py", {"folder": str(path)}, "tensorflow")
    for name in CLASSES:
        port(path / f"{name}.keras", path / name)
    return path


@pytest.mark.parametrize("name", CLASSES)
def test_every_layer_is_equal(name: str, folder: Path) -> None:
    with np.load(folder / f"{name}.npz") as stored:
        arrays = dict(stored)
    with torch.no_grad():
        found = run_port(folder / name, arrays, "float64")[0].keyed()
    exact = load_recording(folder / f"{name}.float64.npz")
    assert set(exact) <= set(found)
    for layer, expected in exact.items():
        assert apart(expected, found[layer])[1] <= 1e-12, layer


@pytest.mark.parametrize("name", CLASSES)
def test_classes(name: str, folder: Path) -> None:
    source = (folder / name / "model.py").read_text()
    classes = re.findall(r"^class (\w+)", source, re.MULTILINE)
    main = json.loads((folder / name / "port.json").read_text())["class"]
    assert classes[-1] == main
    own = [c for c in classes if c != main and definition(c) is None]
    assert sorted(own) == CLASSES[name], source


def test_files_are_clean(
    folder: Path, tmp_path: Path, require_clean: Callable[[Sequence[Path]], None]
) -> None:
    files = []
    for name in CLASSES:
        files.append(tmp_path / f"{name}.py")
        files[-1].write_text((folder / name / "model.py").read_text())
    require_clean(files)


@pytest.mark.parametrize("name", CLASSES)
def test_reset_parameters_reaches_every_trained_parameter(name: str, folder: Path) -> None:
    torch.manual_seed(0)
    model = load(folder / name)
    lines = json.loads((folder / name / "port.json").read_text())["parameters"]
    trainable = {line["name"] for line in lines if line["trainable"]}
    assert {key for key, p in model.named_parameters() if p.requires_grad} == trainable
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    model.reset_parameters()  # type: ignore[operator]
    for key, parameter in model.named_parameters():
        assert torch.equal(before[key], parameter) is (key not in trainable), key


def test_blocks_of_a_stage_are_one_module(folder: Path) -> None:
    source = (folder / "literals" / "model.py").read_text()
    assert "nn.Sequential" in source
    assert source.count("ResidualBlock(") >= 6
    forward = source.split("def forward")[-1].split("def load")[0]
    assert len(forward.strip().splitlines()) <= 4, source


def test_what_blocks_are_given_is_made_before_them(folder: Path) -> None:
    """Else it would stand in the middle of a block, in every other one a different way."""
    source = (folder / "cells" / "model.py").read_text()
    forward = source.split("def forward")[-1].split("def load")[0]
    assert forward.count("self.cell_") == 5, source
    assert forward.count("self.adjust_") == 7, source
