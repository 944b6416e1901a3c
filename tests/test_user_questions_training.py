"""What users of converters asked about training, each a trajectory: Keras and the emitted
train.py start from one file and take the same steps in float64, batch statistics included.
"""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from keras2torch import port
from trained_ports import EXACT, apart, distance, steps, trainer_of
from trajectory_cases import FAST_QUESTIONS, NUMBERED_MODELS, QUESTIONS


def _follow(folder: Path, identity: str, out: Path) -> Any:
    """Train as Keras did and compare every step; the trained model."""
    trainer = trainer_of(folder / f"{identity}.0.keras", out / identity)
    model = trainer.load()
    with np.load(folder / f"{identity}.data.npz") as stored:
        data = dict(stored)
    expected = np.load(folder / f"{identity}.losses.npy")
    found = steps(trainer, model, trainer.start(model), data, 0, len(expected))
    assert apart(found, expected) <= EXACT, identity
    last = folder / f"{identity}.{len(expected)}.keras"
    assert distance(model, last, out / "end") <= EXACT, identity
    return model


def _all(row: str) -> list[Any]:
    """The trainings of a row of the table of questions; the slow ones are marked."""
    return [
        pytest.param(case, marks=[] if case in FAST_QUESTIONS else [pytest.mark.slow], id=case)
        for case in QUESTIONS
        if case == row or case.startswith(f"{row}_")
    ]


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> Path:
    """Where the training is that the test is about."""
    fast = request.node.callspec.params["case"] in FAST_QUESTIONS
    found: Path = request.getfixturevalue("trajectories" if fast else "all_trajectories")
    return found


@pytest.mark.parametrize("case", _all("row_1"))
def test_row_1_the_second_bias_of_an_lstm_does_not_train(
    case: str, folder: Path, tmp_path: Path
) -> None:
    model = _follow(folder, case, tmp_path)
    assert not model.lstm.bias_hh_l0.requires_grad
    assert not model.lstm.bias_hh_l0.any()


@pytest.mark.parametrize("case", _all("row_2"))
def test_row_2_a_bidirectional_lstm_recurs_over_time(
    case: str, folder: Path, tmp_path: Path
) -> None:
    model = _follow(folder, case, tmp_path)
    assert all(m.batch_first for m in model.modules() if isinstance(m, torch.nn.LSTM))


@pytest.mark.parametrize("case", _all("row_6"))
def test_row_6_three_dimensions_with_normalisations(
    case: str, folder: Path, tmp_path: Path
) -> None:
    _follow(folder, case, tmp_path)


@pytest.mark.parametrize("case", _all("row_8"))
def test_row_8_running_statistics(case: str, folder: Path, tmp_path: Path) -> None:
    model = _follow(folder, case, tmp_path)
    assert sum(name.endswith("running_var") for name in model.state_dict()) == 2


@pytest.mark.parametrize("case", _all("row_18"))
def test_row_18_gradients_as_small_as_adams_epsilon(
    case: str, folder: Path, tmp_path: Path
) -> None:
    _follow(folder, case, tmp_path)


@pytest.mark.parametrize("case", _all("row_19"))
def test_row_19_epsilon_in_the_root_and_schedules(case: str, folder: Path, tmp_path: Path) -> None:
    _follow(folder, case, tmp_path)


@pytest.mark.parametrize("case", _all("row_20"))
def test_row_20_penalties_and_weight_decay(case: str, folder: Path, tmp_path: Path) -> None:
    _follow(folder, case, tmp_path)


@pytest.mark.parametrize("case", _all("row_24"))
def test_row_24_entity_embeddings(case: str, folder: Path, tmp_path: Path) -> None:
    """A softmax with binary crossentropy: Keras on TensorFlow takes the sigmoid of its logits."""
    _follow(folder, case, tmp_path)


@pytest.mark.parametrize("case", _all("row_30"))
def test_row_30_a_frozen_normalisation_stays_in_inference(
    case: str, folder: Path, tmp_path: Path
) -> None:
    model = _follow(folder, case, tmp_path)
    x = torch.randn(4, 6, 6, 2, dtype=torch.float64)
    assert not torch.equal(model.train()(x), model.eval()(x))  # the other normalisation
    before = {name: b.clone() for name, b in model.batch_normalization.named_buffers()}
    model.train()(x)
    after = dict(model.batch_normalization.named_buffers())
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_row_25_the_port_trains_as_many_numbers_as_keras(
    trajectories: Path, tmp_path: Path
) -> None:
    counts = json.loads((trajectories / "orders" / "values.json").read_text())
    for name in NUMBERED_MODELS:
        port(trajectories / "orders" / f"{name}.keras", tmp_path / name)
        done = json.loads((tmp_path / name / "port.json").read_text())
        trained = [p["count"] for p in done["parameters"] if p["trainable"]]
        assert sum(trained) == counts[name] > 0, name


def test_row_16_dropout_of_a_recurrence(trajectories: Path, tmp_path: Path) -> None:
    """Inputs, or states, are dropped, the same ones in all steps, and none in evaluation."""
    port(trajectories / "orders" / "dropped.keras", tmp_path / "port")
    spec = importlib.util.spec_from_file_location("model", tmp_path / "port" / "model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.load()
    for name, parameter in model.named_parameters():
        with torch.no_grad():
            if "weight_ih" in name:
                parameter.copy_(torch.eye(16, 8))
            elif "weight_hh" in name and "states" in name:
                parameter.copy_(torch.eye(16))
            else:
                parameter.zero_()
    with torch.no_grad():
        inputs, states = model.train()(torch.ones(200, 6, 8))
        evaluated = model.eval()(torch.ones(2, 6, 8))
    # Without a recurrence each step returns what was left of its inputs, here all the same.
    assert torch.equal(inputs, inputs[:, :1].expand_as(inputs))
    assert set(inputs[:, :, :8].unique().tolist()) == {0.0, 2.0}
    assert 0.9 < float(inputs[:, :, :8].mean()) < 1.1
    # A state that is dropped once is in all steps: 1 each time; others double, and 1 comes in.
    assert set(states[:, -1, :8].unique().tolist()) == {1.0, 63.0}
    assert torch.equal(evaluated[0][:, :, :8], torch.ones(2, 6, 8))
    assert float(evaluated[1][0, -1, 0]) == 6.0
