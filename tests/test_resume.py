"""A training goes on in PyTorch where Keras stopped: the optimizer's state is carried over.

Keras trains in float64, saves, and trains on; PyTorch goes on from the file. Both take the same
steps from there.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from conftest import made_once, run_keras
from safetensors.torch import load_file

from keras2torch import port
from keras2torch.errors import WeightsError
from trained_ports import EXACT, apart, distance, imported, steps, trainer_of
from trajectory_cases import FAST_RESUMED, RESUMED

SLOW = [name for name in RESUMED if name != FAST_RESUMED]
SHORT = RESUMED[FAST_RESUMED]["id"]
KERAS_2 = [
    *("dense_adam", "gru_sgd", "embedding_rmsprop"),
    *("dense_older_adam", "gru_older_sgd"),
]


def _check(folder: Path, identity: str, ending: str, out: Path, half: int = 50) -> None:
    """Go on from the middle of a training and end where Keras ended."""
    trainer = trainer_of(folder / f"{identity}.{half}.{ending}", out / "port")
    model = trainer.load()
    state = trainer.start(model)
    trainer.resume_from_keras(model, state)
    with np.load(folder / f"{identity}.data.npz") as stored:
        data = dict(stored)
    expected = np.load(folder / f"{identity}.losses.npy")
    found = steps(trainer, model, state, data, half, len(expected))
    assert apart(found, expected[half:]) <= EXACT
    last = folder / f"{identity}.{len(expected)}.{ending}"
    assert distance(model, last, out / "end") <= EXACT


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_goes_on_where_keras_stopped(ending: str, trajectories: Path, tmp_path: Path) -> None:
    _check(trajectories, SHORT, ending, tmp_path, half=20)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", SLOW)
def test_every_optimizer_goes_on(
    name: str, ending: str, all_trajectories: Path, tmp_path: Path
) -> None:
    case = RESUMED[name]
    if ending == "h5" and "h5" not in case:
        assert not (all_trajectories / f"{case['id']}.50.h5").exists()
        return
    _check(all_trajectories, case["id"], ending, tmp_path)


@pytest.fixture(scope="module")
def keras_2_trajectories(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras 2 trained."""
    return made_once(
        tmp_path_factory,
        "keras_2_trajectories",
        lambda folder: run_keras("keras2_trajectories.py", {"folder": str(folder)}, "tensorflow"),
    )


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", KERAS_2)
def test_goes_on_where_keras_2_stopped(
    name: str, ending: str, keras_2_trajectories: Path, tmp_path: Path
) -> None:
    if ending == "keras" and "older" in name:  # Keras 2 writes no state of these there
        assert not (keras_2_trajectories / f"{name}.50.keras").exists()
        return
    _check(keras_2_trajectories, name, ending, tmp_path)


def test_what_is_carried_is_listed(trajectories: Path, tmp_path: Path) -> None:
    done = port(trajectories / f"{SHORT}.20.keras", tmp_path / "port")
    stored = load_file(tmp_path / "port" / "optimizer.safetensors")
    listed = {part["name"]: part for part in done.manifest["optimizer"]["tensors"]}
    assert listed.keys() == stored.keys()
    assert int(stored["step"]) == 20
    parameters = {p["name"]: p for p in done.manifest["parameters"] if p["trainable"]}
    for name, parameter in parameters.items():
        for slot in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq"):
            assert list(stored[f"{name}.{slot}"].shape) == parameter["shape"]
    assert len(stored) == 2 + 3 * len(parameters)
    fresh = port(trajectories / f"{SHORT}.0.keras")
    assert fresh.manifest["optimizer"] is None


def test_a_state_that_does_not_fit_is_refused_by_name(trajectories: Path, tmp_path: Path) -> None:
    original = trajectories / f"{SHORT}.20.h5"

    def changed(name: str, change: Any) -> Path:
        path = tmp_path / f"{name}.h5"
        shutil.copy(original, path)
        with h5py.File(path, "a") as file:
            weights = file["optimizer_weights"]
            change(weights, [str(n) for n in weights.attrs["weight_names"]])
        return path

    def reshape(weights: Any, names: list[str]) -> None:
        del weights[names[2]]
        weights[names[2]] = np.zeros((2, 2))

    def recount(weights: Any, names: list[str]) -> None:
        weights[names[0]][()] = -3

    def retype(weights: Any, names: list[str]) -> None:
        shape = weights[names[3]].shape
        del weights[names[3]]
        weights[names[3]] = np.zeros(shape, "int32")

    def shorten(weights: Any, names: list[str]) -> None:
        weights.attrs["weight_names"] = names[:-1]

    for change, said in (
        (reshape, r"the optimizer's momentum of .*embeddings' must have shape \(9, 4\)"),
        (recount, "the optimizer's iteration must be a number of steps"),
        (retype, "the optimizer's velocity of .*must be floating-point numbers"),
    ):
        with pytest.raises(WeightsError, match=said):
            port(changed(change.__name__, change), train=True)
    # Keras itself passes over a state with another number of variables.
    done = port(changed("shorten", shorten))
    assert done.manifest["optimizer"] is None
    assert any("training starts afresh" in note for note in done.notes)


def test_train_py_goes_on_from_its_own_checkpoint(
    trajectories: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was interrupted ends as if it had not been; a truncated checkpoint costs itself."""
    with np.load(trajectories / f"{SHORT}.data.npz") as stored:
        data = dict(stored)
    port(trajectories / f"{SHORT}.20.keras", tmp_path / "port")

    def run(first: int, last: int, *, resume: bool) -> tuple[Any, list[float]]:
        trainer = imported(tmp_path / "port")
        model = trainer.load()
        state = trainer.start(model)
        if resume:
            trainer.resume(model, state, None)
        assert state.step == (first if resume else 0)
        losses = steps(trainer, model, state, data, first, last)
        trainer.save(model, state, None)
        return model, losses

    expected = np.load(trajectories / f"{SHORT}.losses.npy")
    assert apart(run(20, 26, resume=True)[1], expected[20:26]) <= EXACT  # from Keras' state
    assert apart(run(26, 32, resume=True)[1], expected[26:32]) <= EXACT  # from the checkpoint
    checkpoint = tmp_path / "port" / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    model, losses = run(26, 40, resume=True)
    assert "checkpoint.pt is damaged" in capsys.readouterr().out
    assert apart(losses, expected[26:]) <= EXACT
    assert distance(model, trajectories / f"{SHORT}.40.keras", tmp_path / "end") <= EXACT
    assert not [p for p in model.parameters() if torch.isnan(p).any()]
