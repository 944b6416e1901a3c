"""Masks through nested models, merges and attention: numbers and gradients are Keras'."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import run_keras

from keras2torch import port
from keras2torch.verify.check import apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port
from test_layers import EXACT, _compare_gradients

NAMES = (
    "taken_in_order",
    "taken_under_another_name",
    "taken_inside",
    "decoder",
    "out_of_nested",
    "into_nested",
    "merges",
    "arguments",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("masks")
    run_keras("masks.py", {"folder": str(path)}, "tensorflow")
    return path


@pytest.mark.parametrize("name", NAMES)
def test_masks(name: str, folder: Path, tmp_path: Path) -> None:
    port(folder / f"{name}.keras", tmp_path / "port")
    with np.load(folder / f"{name}.npz") as stored:
        arrays = dict(stored)
    recording, model, outputs = run_port(tmp_path / "port", arrays, "float64")
    found = recording.keyed()
    for layer, expected in load_recording(folder / f"{name}.float64.npz").items():
        if layer in found:  # masks that are computed in fewer steps have no intermediate ones
            assert apart(expected, found[layer])[1] <= EXACT, layer
    assert "" in found
    _compare_gradients(folder / name, tmp_path, model, outputs)
