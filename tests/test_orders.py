"""Models whose tensors lie in memory in several orders, and masks that Functional models record:
the numbers and gradients are Keras', and no permute stands between channels-first layers."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from conftest import run_keras

from keras2torch import port
from keras2torch.verify.check import apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port
from test_layers import EXACT, _compare_gradients

# How often each model may bring a tensor into another order: once where an image comes in, and
# once for each output or layer that needs Keras' order.
PERMUTES = {
    "residual": 1,
    "operators": 1,
    "inception": 1,
    "attention_on_channels": 2,
    "mixed_orders": 5,
    "ranks": 4,
    "softmaxes": 8,
    "slopes": 2,
    "flats": None,
    "reshapes": None,
    "unknown_sizes": None,
    "sequences": None,
    "masks": 0,
    "masked_chain": 0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("orders")
    run_keras("orders.py", {"folder": str(path)}, "tensorflow")
    return path


@pytest.mark.parametrize("name", PERMUTES)
def test_order(name: str, folder: Path, tmp_path: Path) -> None:
    done = port(folder / f"{name}.keras", tmp_path / "port")
    with np.load(folder / f"{name}.npz") as stored:
        arrays = dict(stored)
    recording, model, outputs = run_port(tmp_path / "port", arrays, "float64")
    found = recording.keyed()
    for layer, expected in load_recording(folder / f"{name}.float64.npz").items():
        if layer in found:  # masks that are computed in fewer steps have no intermediate ones
            assert apart(expected, found[layer])[1] <= EXACT, layer
    assert "" in found
    _compare_gradients(folder / name, tmp_path, model, outputs)
    permutes = len(re.findall(r"\.(permute|transpose)\(", done.source))
    assert PERMUTES[name] in (None, permutes), done.source
