"""A port trains in ``fit`` as in its own ``train.py``, bit by bit."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import keras2torch
from keras2torch.training import ArrayData, TrainingPlan, fit
from keras2torch.training.losses.crossentropy import binary_crossentropy_with_logits


def imported(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_fit_is_the_ports_own_training(
    keras_3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keras2torch.port(keras_3 / "article_a.keras", tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "model", raising=False)
    train: Any = imported("port_train", tmp_path / "train.py")
    generator = np.random.default_rng(0)
    data = ArrayData(
        {
            "tokens": generator.integers(0, 15, (100, 70)),
            "features": generator.normal(size=(100, 2)).astype("float32"),
        },
        (generator.random(100) < 0.4).astype("float32"),
    )
    models = [keras2torch.load(tmp_path) for _ in range(2)]
    for model in models:
        for module in model.modules():
            if isinstance(module, nn.modules.dropout._DropoutNd):
                module.p = 0.0  # fit draws its masks from streams of its own
    state = train.start(models[0])
    x, y = [torch.from_numpy(a) for a in data.inputs.values()], torch.from_numpy(data.targets)
    models[0].train()
    for _ in range(2):
        for start in range(0, 100, 16):
            rows = slice(start, start + 16)
            train.train_step(models[0], state, [part[rows] for part in x], y[rows], None)
    plan = TrainingPlan(
        binary_crossentropy_with_logits,
        train.make_optimizer,
        epochs=2,
        batch_size=16,
        method="logits",
        shuffle=False,
        clip_value=1.0,
    )
    fit(models[1], data, plan)
    one, other = (model.state_dict() for model in models)
    assert all(torch.equal(one[name], other[name]) for name in one)
