"""Drives the functions of an emitted ``train.py`` with the data that Keras was trained on."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from keras2torch import port

EXACT = 1e-9  # float64, over 50 steps


def trainer_of(saved: Path, out: Path, **options: Any) -> ModuleType:
    """Port a compiled model and import its ``train.py``."""
    done = port(saved, out, **options)
    assert done.train is not None, done.notes
    return imported(out)


def imported(folder: Path) -> ModuleType:
    """``train.py`` of a port; it imports the ``model.py`` beside it."""
    spec = importlib.util.spec_from_file_location("train", folder / "train.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(folder))
    sys.modules.pop("model", None)
    sys.modules["train"] = module  # where its dataclasses look
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
        del sys.modules["model"], sys.modules["train"]
    return module


def steps(
    trainer: ModuleType, model: Any, state: Any, data: dict[str, Any], first: int, last: int
) -> list[float]:
    """Train on these rows of the data, each of which is a batch; the losses."""
    model.train()
    losses = []
    for step in range(first, last):
        batch = {name: torch.from_numpy(array[step]) for name, array in data.items()}
        loss, _ = trainer.train_step(model, state, *trainer.parts_of(batch, "cpu"))
        losses.append(loss.item())
    return losses


def distance(model: Any, saved: Path, out: Path) -> float:
    """How far the weights are from those that Keras saved, relative to the largest of a tensor."""
    port(saved, out)
    expected, found = load_file(out / "weights.safetensors"), model.state_dict()
    assert expected.keys() == found.keys()
    return max(
        float((found[k].double() - w.double()).abs().max() / w.double().abs().max().clamp(min=1.0))
        for k, w in expected.items()
    )


def apart(found: list[float], expected: np.ndarray[Any, Any]) -> float:
    """The largest relative difference of two lists of losses."""
    return float(np.max(np.abs(np.array(found) - expected) / np.maximum(1.0, np.abs(expected))))
