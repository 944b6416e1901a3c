"""Optimizers x models: Keras and the emitted train.py take the same 50 steps in float64."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from trained_ports import EXACT, apart, distance, steps, trainer_of
from trajectory_cases import FAST_SWEEP, MODELS, OPTIMIZERS, SWEEP


def _apart(folder: Path, identity: str, out: Path) -> float:
    """The largest distance of losses and weights."""
    trainer = trainer_of(folder / f"{identity}.0.keras", out / "port")
    model = trainer.load()
    with np.load(folder / f"{identity}.data.npz") as stored:
        data = dict(stored)
    expected = np.load(folder / f"{identity}.losses.npy")
    found = steps(trainer, model, trainer.start(model), data, 0, len(expected))
    last = folder / f"{identity}.{len(expected)}.keras"
    return max(apart(found, expected), distance(model, last, out / "end"))


@pytest.mark.parametrize("name", FAST_SWEEP)
def test_the_same_steps(name: str, trajectories: Path, tmp_path: Path) -> None:
    assert _apart(trajectories, SWEEP[name]["id"], tmp_path) <= EXACT


@pytest.mark.slow
def test_every_optimizer_on_every_model(
    all_trajectories: Path, tmp_path: Path, summary: Callable[[str, str], None]
) -> None:
    found = {
        name: _apart(all_trajectories, case["id"], tmp_path / case["id"])
        for name, case in SWEEP.items()
    }
    lines = [" " * 28 + "".join(f"{model:>13}" for model in MODELS)]
    for optimizer in OPTIMIZERS:
        names = [f"{model}-{optimizer}" for model in MODELS]
        cells = [f"{found[n]:13.1e}" if n in found else f"{'Keras fails':>13}" for n in names]
        lines.append(f"{optimizer:28}{''.join(cells)}")
    summary("50 steps of Keras and of train.py, float64: largest difference", "\n".join(lines))
    assert {name: far for name, far in found.items() if not far <= EXACT} == {}
