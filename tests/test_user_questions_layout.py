"""Questions that users asked about layouts, padding and normalization; the names tell the row.

Row 5: a convolution, flattened, into a Dense. Row 7: the same weights of a batch normalization,
other outputs. Row 8: what momentum means, and which variance is kept. Row 9: "same" with a stride
pads behind. Row 10: the mean of a padded window. Row 11: a transposed convolution that is shifted.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_keras

from keras2torch import load, port
from keras2torch.verify.check import apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port

NAMES = ["row05_1d", "row05_2d", "row05_3d", "row07", "row08", "row09", "row10", "row11"]


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the saved models, their ports, and what Keras made of them."""
    folder = tmp_path_factory.mktemp("questions")
    for backend in ("tensorflow", "jax"):
        run_keras("layout_questions.py", {"folder": str(folder)}, backend)
    for name in NAMES:
        port(folder / f"{name}.keras", folder / name)
    return folder


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("run", ["small", "large"])
def test_every_layer_is_equal(name: str, run: str, ports: Path) -> None:
    with np.load(ports / f"{name}.{run}.inputs.npz") as stored:
        arrays = dict(stored)
    exact = load_recording(ports / f"{name}.{run}.float64.npz")
    with torch.no_grad():
        double = run_port(ports / name, arrays, "float64")[0].keyed()
        single = run_port(ports / name, arrays, "float32")[0].keyed()
    assert set(exact) <= set(double)
    for layer, expected in exact.items():
        assert apart(expected, double[layer])[1] <= 1e-12, layer
    for backend in ("float32", "jax"):
        for layer, expected in load_recording(ports / f"{name}.{run}.{backend}.npz").items():
            assert apart(expected, single[layer])[1] <= 1e-5, (backend, layer)


def test_row08_moving_statistics_after_batches_of_2_and_32(ports: Path) -> None:
    with np.load(ports / "row08.trained.npz") as stored:
        told = dict(stored)
    model = load(ports / "row08").double().train()
    with torch.no_grad():
        for step in range(3):
            model(torch.from_numpy(told[f"x{step}"]))
    buffers = dict(model.named_buffers())
    for name in [key for key in told if "." in key]:
        assert np.abs(buffers[name].numpy() - told[name]).max() <= 1e-12, name


def test_row05_reorders_weights_and_not_activations(ports: Path) -> None:
    """One permute where the image comes in; the Dense layers' columns are reordered instead."""
    source = (ports / "row05_2d" / "model.py").read_text()
    assert source.count("image.permute(") == 1
