"""Questions that users of Keras and PyTorch asked about models, each answered by a test.

The rows are those of the collection of such questions: 14 padding that a converter forgot, 25
models that could not be trained any more, 28 errors that did not say what they met, 29 shared
layers that became several, 30 models that did not listen to ``train()``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import run_keras
from safetensors.numpy import load_file

from keras2torch import ModelError, load, port
from keras2torch.verify.account import account
from keras2torch.verify.check import apart
from keras2torch.verify.torch_worker import flat_outputs

EXACT = 1e-12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("questions")
    run_keras("user_questions_models.py", {"folder": str(path)}, "tensorflow")
    return path


def ported(folder: Path, name: str) -> tuple[torch.nn.Module, list[torch.Tensor]]:
    """The port of a model in float64, and its inputs."""
    done = port(folder / f"{name}.keras", folder / name)
    with np.load(folder / f"{name}.inputs.npz") as stored:
        tensors = [torch.from_numpy(stored[wanted["name"]]) for wanted in done.manifest["inputs"]]
    model = load(folder / name).double()
    return model, [t.double() if t.is_floating_point() else t for t in tensors]


def expected(folder: Path, name: str, mode: str) -> list[np.ndarray[Any, Any]]:
    with np.load(folder / f"{name}.{mode}.npz") as stored:
        return [stored[key] for key in stored.files]


def distance(wanted: list[np.ndarray[Any, Any]], outputs: Any) -> float:
    found = [tensor.detach().numpy() for tensor in flat_outputs(outputs)]
    return apart(wanted, found)[1]


@pytest.mark.parametrize("name", ["padded", "tied", "siamese", "normalized", "dropped"])
def test_outputs_are_equal(name: str, folder: Path) -> None:
    """Row 14, and what the other rows stand on: ``padded`` has rows without padding, with
    padding behind, in front and in between, and one of nothing else."""
    model, inputs = ported(folder, name)
    assert distance(expected(folder, name, "inference"), model(*inputs)) <= EXACT


@pytest.mark.parametrize("name", ["padded", "tied", "siamese", "normalized"])
def test_what_trains_in_keras_trains_in_the_port(name: str, folder: Path) -> None:
    """Row 25: no parameter is lost, none trains that did not, tied ones count once."""
    model, _ = ported(folder, name)
    counts = json.loads((folder / "counts.json").read_text())[name]
    counted = account(json.loads((folder / name / "port.json").read_text()))
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert (counted.keras, trained) == (counts["all"], counts["trained"])
    assert counted.torch - counted.torch_only == counts["all"]


def test_a_layer_without_a_port_is_named(folder: Path) -> None:
    """Row 28: the error names the layer and its class, inside nested models too."""
    with pytest.raises(ModelError, match=r"'doubled' \(Scale\).*custom layer"):
        port(folder / "custom.keras")


def test_a_shared_layer_is_one_module(folder: Path) -> None:
    """Row 29: the encoder of both inputs is stored once."""
    model, _ = ported(folder, "siamese")
    weights = load_file(folder / "siamese" / "weights.safetensors")
    counts = json.loads((folder / "counts.json").read_text())["siamese"]
    assert sum(array.size for array in weights.values()) == counts["all"]
    assert sum(isinstance(module, torch.nn.Linear) for module in model.modules()) == 2


def test_a_tied_table_is_one_parameter(folder: Path) -> None:
    """Row 25: words and their scores move together."""
    model, inputs = ported(folder, "tied")
    table = next(m for m in model.modules() if isinstance(m, torch.nn.Embedding)).weight
    before = model(*inputs)
    with torch.no_grad():
        table[5] += 1
    moved = (model(*inputs) != before).flatten(0, 1).any(dim=0)
    assert moved[5]
    assert sum(p.shape == table.shape for p in model.parameters()) == 1


def test_the_port_obeys_train_and_eval(folder: Path) -> None:
    """Row 30: statistics of the batch while training, but not where the layer is frozen."""
    model, inputs = ported(folder, "normalized")
    frozen = model.get_submodule("frozen")
    before = {key: value.clone() for key, value in frozen.state_dict().items()}
    model.train()
    assert distance(expected(folder, "normalized", "training"), model(*inputs)) <= EXACT
    assert all(torch.equal(before[key], value) for key, value in frozen.state_dict().items())
    model, inputs = ported(folder, "normalized")
    model.train().eval()
    assert distance(expected(folder, "normalized", "inference"), model(*inputs)) <= EXACT


def test_dropout_acts_while_training_only(folder: Path) -> None:
    """Row 30: what stays is doubled."""
    model, inputs = ported(folder, "dropped")
    torch.manual_seed(0)
    dropped = model.train()(*inputs)
    kept = dropped != 0
    assert 0 < kept.sum() < kept.numel()
    assert torch.equal(dropped[kept], 2 * inputs[0][kept])
