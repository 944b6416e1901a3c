"""Dtype policies, quantized layers, adapters, what trains, shared layers: as Keras has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import run_keras

from keras2torch import port
from keras2torch.verify.account import account
from keras2torch.verify.check import EQUAL_FLOAT32, FLOORS, apart, roundings
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port

EXACT = 1e-12
POLICIES = ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")
QUANTIZED = ("int8", "int4", "int4_grouped", "float8", "calibrated")
MODELS = (
    *(f"chain_{policy}" for policy in POLICIES),
    *("each_its_own", "named_otherwise", "with_adapters", "partly_frozen", "shared"),
    *QUANTIZED,
)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with Keras' models and what it made of them."""
    folder = tmp_path_factory.mktemp("dtypes")
    run_keras("dtypes.py", {"folder": str(folder)}, "tensorflow")
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_equal(name: str, saved: Path, tmp_path: Path) -> None:
    done = port(saved / f"{name}.keras", tmp_path / "port")
    with np.load(saved / f"{name}.inputs.npz") as stored:
        arrays = dict(stored)
    exact = load_recording(saved / f"{name}.float64.npz")
    own = load_recording(saved / f"{name}.float32.npz")
    with torch.no_grad():
        found = run_port(tmp_path / "port", arrays, "float64")[0].keyed()
        recording, model, outputs = run_port(tmp_path / "port", arrays, "float32")
    for layer, expected in exact.items():
        assert apart(expected, found[layer])[1] <= EXACT, f"{layer}, float64"
    limit, rounding = EQUAL_FLOAT32, roundings(done.manifest["layers"])
    for layer, expected in own.items():
        limit = max(limit, rounding.get(layer, 0.0))
        most = max(limit, FLOORS * apart(exact[layer], expected)[1])
        assert apart(expected, recording.keyed()[layer])[1] <= most, layer
    told = json.loads((saved / f"{name}.json").read_text())
    assert [str(output.dtype) for output in outputs] == [f"torch.{d}" for d in told["dtypes"]]
    trained = {line["name"] for line in done.manifest["parameters"] if line["trainable"]}
    assert {n for n, p in model.named_parameters() if p.requires_grad} == trained


@pytest.mark.parametrize("name", ["chain_mixed_float16", "partly_frozen", "shared"])
def test_account(name: str, saved: Path) -> None:
    """Every number of Keras' variables is accounted for, and what trains there trains here."""
    told = json.loads((saved / f"{name}.json").read_text())
    counted = account(port(saved / f"{name}.keras").manifest)
    assert (counted.keras, counted.trainable_keras) == (told["all"], told["trainable"])
    assert counted.trainable_torch == told["trainable"]


def test_the_loss_of_a_mixed_model_is_scaled(saved: Path) -> None:
    """And what the optimizer inside has gathered is found behind the scale's own."""
    train = port(saved / "chain_mixed_float16.keras", train=True).train
    assert train is not None
    assert "loss_scale: LossScale" in train
    assert 'stored["loss_scale"]' in train
    train = port(saved / "chain_mixed_bfloat16.keras", train=True).train
    assert train is not None
    assert "LossScale" not in train


def test_mixed_parameters_are_float32(saved: Path, tmp_path: Path) -> None:
    """They are trained so, and get gradients so, though the layers compute in half precision."""
    port(saved / "chain_mixed_bfloat16.keras", tmp_path / "port")
    with np.load(saved / "chain_mixed_bfloat16.inputs.npz") as stored:
        _, model, (output,) = run_port(tmp_path / "port", dict(stored), "float32")
    output.float().square().sum().backward()  # type: ignore[no-untyped-call]
    for name, parameter in model.named_parameters():
        assert parameter.dtype == torch.float32
        assert parameter.grad is not None
        assert parameter.grad.abs().sum() > 0, name


def test_shared_weights_have_one_key(saved: Path) -> None:
    lines = port(saved / "shared.keras").manifest["parameters"]
    assert sorted(line["shape"] for line in lines) == [[4], [4], [4, 4], [4, 4]]


@pytest.mark.parametrize("name", ["with_adapters", "int8", "float8"])
def test_notes_say_what_trains(name: str, saved: Path) -> None:
    assert any(
        "Keras" in note or "gradients" in note for note in port(saved / f"{name}.keras").notes
    )
