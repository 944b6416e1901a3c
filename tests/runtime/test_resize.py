"""Resizing against Keras on TensorFlow as it is: places between pixels, windows over edges."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import run_keras

from keras2torch.runtime.resize import resize_area, resize_bicubic, resize_lanczos
from keras2torch.runtime.resize_whole import (
    resize_antialiased_in_float32,
    resize_area_in_float32,
    resize_bilinear_in_float32,
)

SINGLE = 1e-5  # as in test_layers.py: TensorFlow makes its weights in float32
SIZES = [(5, 13), (4, 3), (20, 7)]
METHODS: dict[str, tuple[Any, dict[str, Any]]] = {
    "area": (resize_area, {"interpolation": "area"}),
    "bicubic": (resize_bicubic, {"interpolation": "bicubic"}),
    "lanczos3": (partial(resize_lanczos, radius=3), {"interpolation": "lanczos3"}),
    "lanczos5-smooth": (
        partial(resize_lanczos, radius=5, antialias=True),
        {"interpolation": "lanczos5", "antialias": True},
    ),
}
# Of whole numbers: many results are halves, which the last bit sends up or down.
WHOLE: dict[str, tuple[Any, dict[str, Any]]] = {
    "area-whole": (resize_area_in_float32, {"interpolation": "area"}),
    "bilinear-whole": (resize_bilinear_in_float32, {"interpolation": "bilinear"}),
    "bilinear-smooth-whole": (
        partial(resize_antialiased_in_float32, mode="bilinear"),
        {"interpolation": "bilinear", "antialias": True},
    ),
    "bicubic-smooth-whole": (
        partial(resize_antialiased_in_float32, mode="bicubic"),
        {"interpolation": "bicubic", "antialias": True},
    ),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("resize") / "told.npz"
    cases = [
        {"id": f"{name}-{size}", "size": size, "options": options, "whole": name in WHOLE}
        for name, (_, options) in (METHODS | WHOLE).items()
        for size in SIZES
    ]
    run_keras("resize.py", {"file": str(Path(file)), "cases": cases}, "tensorflow")
    with np.load(file) as stored:
        return dict(stored)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", METHODS)
def test_resizes_as_keras(name: str, size: tuple[int, int], expected: dict[str, Any]) -> None:
    image = torch.from_numpy(expected["image"]).permute(0, 3, 1, 2)
    found = METHODS[name][0](image, size).permute(0, 2, 3, 1).numpy()
    want = expected[f"{name}-{size}"]
    assert np.abs(found - want).max() <= SINGLE * np.abs(want).max()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("name", WHOLE)
def test_rounds_as_keras(name: str, size: tuple[int, int], expected: dict[str, Any]) -> None:
    image = torch.from_numpy(expected["whole"]).permute(0, 3, 1, 2)
    found = WHOLE[name][0](image, size).permute(0, 2, 3, 1).round().clamp(0, 255)
    assert np.array_equal(found.to(torch.uint8).numpy(), expected[f"{name}-{size}"])
