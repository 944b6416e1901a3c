"""Every way in which Keras saves a model, made by its own writers, ends in the same port."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from keras2torch import load, port
from keras2torch.verify.check import apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port

NAMES = ["article_a", "article_b", "image_cnn", "nests"]
# The file, and whether its description stands in another.
KERAS_3 = {"folder": False, "h5": False, "weights.h5": True, "weights.json": True}
KERAS_2 = {"keras": False, "saved": False, "weights.h5": True}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", KERAS_3)
def test_keras_3_formats_end_in_one_port(
    name: str, ending: str, keras_3: Path, tmp_path: Path
) -> None:
    """The ``.keras`` file's port is compared with Keras in ``test_models.py``."""
    config = keras_3 / f"{name}.json" if KERAS_3[ending] else None
    _same_port(keras_3 / f"{name}.keras", keras_3 / f"{name}.{ending}", config, tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", KERAS_2)
def test_keras_2_formats_end_in_one_port(
    name: str, ending: str, keras_2: Path, tmp_path: Path
) -> None:
    config = keras_2 / f"{name}.json" if KERAS_2[ending] else None
    _same_port(keras_2 / f"{name}.h5", keras_2 / f"{name}.{ending}", config, tmp_path)


def _same_port(one: Path, other: Path, config: Path | None, folder: Path) -> None:
    """What holds weights alone knows nothing of ``compile()``, so neither does the other then."""
    expected = port(_uncompiled(one, folder) if config else one, folder / "one")
    found = port(other, folder / "other", config=config)
    assert found.source == expected.source
    weights = "weights.safetensors"
    assert (folder / "other" / weights).read_bytes() == (folder / "one" / weights).read_bytes()


def _uncompiled(path: Path, folder: Path) -> Path:
    """The file without what ``compile()`` was given."""
    copy = folder / f"uncompiled{path.suffix}"
    shutil.copyfile(path, copy)
    if path.suffix == ".h5":
        with h5py.File(copy, "r+") as file:
            file.attrs.pop("training_config", None)
        return copy
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                data = json.dumps({**json.loads(data), "compile_config": None}).encode()
            new.writestr(name, data)
    return copy


def test_layers_of_cudnn(keras_2: Path, tmp_path: Path) -> None:
    """What only a GPU runs in Keras, against Keras' own conversion of its weights."""
    port(keras_2 / "cudnn.h5", tmp_path / "port")
    with np.load(keras_2 / "cudnn.inputs.npz") as stored:
        found = load(tmp_path / "port")(torch.from_numpy(stored["tokens"]))
    with np.load(keras_2 / "cudnn.outputs.npz") as stored:
        assert apart([stored["outputs"]], [found.detach().numpy()])[1] <= 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_keras_2_models_are_equal(name: str, keras_2: Path, tmp_path: Path) -> None:
    """Layer by layer, in float64 and float32, against tf_keras."""
    port(keras_2 / f"{name}.h5", tmp_path / "port")
    with np.load(keras_2 / f"{name}.inputs.npz") as stored:
        arrays = dict(stored)
    for precision, limit in (("float64", 1e-12), ("float32", 1e-5)):
        expected = load_recording(keras_2 / f"{name}.{precision}.npz")
        with torch.no_grad():
            found = run_port(tmp_path / "port", arrays, precision)[0].keyed()
        assert set(expected) <= set(found)
        for layer, outputs in expected.items():
            assert apart(outputs, found[layer])[1] <= limit, (layer, precision)
