"""The architectures of ``keras.applications``: every layer agrees, and the file is one that its
owner would merge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_keras

from keras2torch import port
from keras2torch.verify.check import EQUAL_FLOAT32, EQUAL_FLOAT64, FLOORS, apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port

FAST = ["EfficientNetB0"]
# The lines that each file may have, and its permutes: one where the image comes in. ConvNeXt
# normalizes channels where they lie last, so its blocks have theirs.
LINES = {"ResNet50": 250, "EfficientNetB0": 300, "MobileNetV2": 250, "VGG16": 120}
LINES |= {"NASNetMobile": 540, "NASNetLarge": 540}  # cells of 36 and 30 statements each
SLOW = [
    *["ResNet50", "MobileNetV2"],
    *["ResNet101", "ResNet152", "ResNet50V2", "ResNet101V2", "ResNet152V2", "VGG16", "VGG19"],
    *["InceptionV3", "InceptionResNetV2", "Xception", "MobileNet"],
    *["MobileNetV3Small", "MobileNetV3Large", "DenseNet121", "DenseNet169", "DenseNet201"],
    *["NASNetMobile", "NASNetLarge", *[f"EfficientNetB{size}" for size in range(1, 8)]],
    *[f"EfficientNetV2{size}" for size in ("B0", "B1", "B2", "B3", "S", "M", "L")],
    *[f"ConvNeXt{size}" for size in ("Tiny", "Small", "Base", "Large", "XLarge")],
]


@pytest.mark.parametrize(
    "name", [*FAST, *[pytest.param(name, marks=pytest.mark.slow) for name in SLOW]]
)
def test_application(
    name: str, tmp_path: Path, require_clean: Callable[[Sequence[Path]], None]
) -> None:
    for backend in ("tensorflow", "jax"):
        run_keras("applications.py", {"folder": str(tmp_path), "names": [name]}, backend)
    done = port(tmp_path / f"{name}.keras", tmp_path / "port")
    permutes = done.source.count(".permute(")
    assert "transpose(" not in done.source
    assert permutes == 1 or "ConvNeXt" in name, done.source
    assert len(done.source.splitlines()) <= LINES.get(name, 420)
    require_clean([tmp_path / "port" / "model.py"])
    with np.load(tmp_path / f"{name}.inputs.npz") as stored:
        arrays = dict(stored)
    with torch.no_grad():
        double = run_port(tmp_path / "port", arrays, "float64")[0].keyed()
        single = run_port(tmp_path / "port", arrays, "float32")[0].keyed()
    exact = load_recording(tmp_path / f"{name}.float64.npz")
    assert set(exact) <= set(double)
    for layer, expected in exact.items():
        assert apart(expected, double[layer])[1] <= EQUAL_FLOAT64, layer
    keras = [load_recording(tmp_path / f"{name}.{kind}.npz") for kind in ("float32", "jax")]
    for layer, expected in exact.items():
        floor = max(apart(expected, other[layer])[1] for other in keras)
        for other in keras:
            limit = max(EQUAL_FLOAT32, FLOORS * floor)
            assert apart(other[layer], single[layer])[1] <= limit, layer
