"""Whole models: both articles' networks and others that together use every mapping."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from keras2torch import load, port
from keras2torch.verify.account import account
from keras2torch.verify.check import apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port

NAMES = [
    "article_a",
    "article_b",
    "text_cnn",
    "deep_text_cnn",
    "image_cnn",
    "augmented",
    "siamese",
    "translator",
    "shapes",
    "nests",
    "transformer_encoder",
    "transformer_decoder",
    "masked_encoder",
    "odd_names",
    "residual",
    "trained",
    "tabular",
    "raw_text",
    "features",
]
ONLY_TENSORFLOW = ["tabular", "raw_text", "features"]  # Keras on JAX takes no strings


@pytest.fixture(scope="session")
def ports(models: Path) -> Path:
    for name in NAMES:
        port(models / f"{name}.keras", models / name)
    return models


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_is_equal(name: str, ports: Path) -> None:
    with np.load(ports / f"{name}.inputs.npz") as stored:
        arrays = dict(stored)
    exact = load_recording(ports / f"{name}.float64.npz")
    with torch.no_grad():
        double = run_port(ports / name, arrays, "float64")[0].keyed()
        single = run_port(ports / name, arrays, "float32")[0].keyed()
    assert set(exact) <= set(double)
    for layer, expected in exact.items():
        assert apart(expected, double[layer])[1] <= 1e-12, layer
    for other in ("float32",) if name in ONLY_TENSORFLOW else ("float32", "jax"):
        for layer, expected in load_recording(ports / f"{name}.{other}.npz").items():
            assert apart(expected, single[layer])[1] <= 1e-5, (other, layer)


@pytest.mark.parametrize("name", NAMES)
def test_what_trains_in_keras_trains_in_the_port(name: str, ports: Path) -> None:
    model = load(ports / name)
    found = sum(p.numel() for p in model.parameters() if p.requires_grad)
    expected = json.loads((ports / "trained.json").read_text())[name]
    counted = account(json.loads((ports / name / "port.json").read_text()))
    assert found == expected == counted.trainable_torch == counted.trainable_keras


def test_emitted_files_are_clean(
    ports: Path, tmp_path: Path, require_clean: Callable[[Sequence[Path]], None]
) -> None:
    """Each port is a package here, so that its train.py finds its own model.py."""
    files = []
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        for file in (ports / name / "model.py", ports / name / "train.py"):
            if file.exists():
                files.append(tmp_path / name / file.name)
                text = file.read_text().replace("from model import", "from .model import")
                files[-1].write_text(text)
    require_clean(files)


def test_article_b_is_short_and_imports_only_torch(ports: Path) -> None:
    source = (ports / "article_b" / "model.py").read_text()
    assert len(source.splitlines()) < 80
    imports = [line for line in source.splitlines() if line.startswith(("import ", "from "))]
    assert {line.split()[1].split(".")[0] for line in imports} <= {
        "torch",
        "safetensors",
        "pathlib",
    }


def test_the_account_of_article_b(ports: Path) -> None:
    """Article B's two numbers, and the difference between them explained."""
    counted = account(port(ports / "article_b.keras").manifest)
    assert (counted.keras, counted.torch) == (2_757_761, 2_758_785)
    assert counted.torch_only == 2 * 2 * 4 * 64
    assert counted.trainable_keras == counted.trainable_torch == 2_757_761
    only = [line for line in counted.lines if line["keras"] is None]
    assert all("bias_hh" in line["name"] and not line["trainable"] for line in only)


def test_channels_first_layers_follow_each_other_without_permutes(ports: Path) -> None:
    """One permute where the image comes in, none between layers or before the flatten."""
    source = (ports / "image_cnn" / "model.py").read_text()
    assert source.count("permute(") == 1
    assert "transpose(" not in source
    source = (ports / "text_cnn" / "model.py").read_text()
    assert source.count("transpose(") == 1


@pytest.mark.parametrize("name", ["article_a", "article_b", "image_cnn"])
def test_reset_parameters_starts_as_keras_does(name: str, ports: Path) -> None:
    """Frozen weights stay; every other tensor is drawn from Keras' distribution: the saved models
    are untrained, so their own weights are the sample to compare with."""
    torch.manual_seed(0)
    with np.load(ports / f"{name}.inputs.npz") as stored:
        _, model, _ = run_port(ports / name, dict(stored), "float32")
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    model.reset_parameters()  # type: ignore[operator]
    trained = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    for key, after in model.state_dict().items():
        old = before[key]
        if key not in trained or old.unique().numel() <= 2:
            assert torch.equal(old, after), key
        else:
            assert not torch.equal(old, after), key
            if old.numel() >= 500:  # two samples of one distribution: 5 sigma of their spread
                assert float(after.std() / old.std()) == pytest.approx(1, abs=0.15), key
                assert float(after.abs().max() / old.abs().max()) == pytest.approx(1, abs=0.5), key
