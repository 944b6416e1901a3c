"""The emitted train.py: what it logs is what Keras logs, and it is code that one would keep."""

from __future__ import annotations

import contextlib
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import made_once, run_keras

from keras2torch import port

BIN = Path(sys.executable).parent
NAMES = ["article_b", "article_a", "picture", "regression", "tags"]


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with compiled models, their data, what Keras logged, and their ports."""

    def make(folder: Path) -> None:
        run_keras("training_programs.py", {"folder": str(folder)}, "tensorflow")
        for name in NAMES:
            port(folder / f"{name}.keras", folder / name, train=True)

    return made_once(tmp_path_factory, "compiled", make)


@contextlib.contextmanager
def program(folder: Path) -> Any:
    """The definitions of a train.py, with its own model.py beside it."""
    sys.path.insert(0, str(folder))
    sys.modules.pop("model", None)
    try:
        yield runpy.run_path(str(folder / "train.py"))
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("model", None)


def epochs_of(folder: Path, data: Path, size: int, epochs: int) -> list[dict[str, float]]:
    """The logs of each epoch, with all their digits."""
    with program(folder) as train:
        batches, validation = train["open_data"](str(data), size, None)
        model = train["load"]()
        state = train["start"](model)
        logs = []
        for _ in range(epochs):
            found = train["train_epoch"](model, state, batches, "cpu")
            held_out = train["evaluate"](model, validation, "cpu")
            logs.append(found | {f"val_{name}": value for name, value in held_out.items()})
    return logs


@pytest.mark.parametrize("name", NAMES)
def test_the_logs_of_each_epoch_are_those_of_keras(name: str, compiled: Path) -> None:
    """Row 23 of the users' questions: means over samples, the last batch being smaller."""
    expected = json.loads((compiled / "history.json").read_text())[name]
    logs = epochs_of(compiled / name, compiled / f"{name}.npz", 16, 2)
    assert set(logs[0]) == set(expected)
    for key, values in expected.items():
        assert [epoch[key] for epoch in logs] == pytest.approx(values, rel=2e-5, abs=2e-6), key


def test_it_runs_as_a_program(compiled: Path) -> None:
    folder = compiled / "article_b"
    command = [sys.executable, folder / "train.py", compiled / "article_b.npz"]
    command += ["--epochs", "2", "--batch-size", "16", "--no-shuffle"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = json.loads((compiled / "history.json").read_text())["article_b"]
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for number, line in enumerate(lines):
        found = dict(re.findall(r"(\w+): ([-0-9.e]+)", line))
        assert list(found) == sorted(expected)
        for key, value in found.items():
            assert float(value) == pytest.approx(expected[key][number], abs=6e-5), line
    assert (folder / "trained.safetensors").exists()


def test_weights_of_classes(compiled: Path) -> None:
    """Row 21 of the users' questions: Keras divides by the number of samples all the same."""
    with program(compiled / "article_b") as train, torch.no_grad():
        model = train["load"]()
        outputs = model.logits(torch.tensor([[1] * 12, [2] * 12]))
        targets, chosen = torch.tensor([[0], [1]]), train["class_weight_of"]('{"1": 3}')
        weights = train["weights_of_classes"](targets, chosen)
        loss = train["compute_loss"](model, outputs, targets, weights)
        each = [
            train["compute_loss"](model, outputs[n : n + 1], targets[n : n + 1], None)
            for n in (0, 1)
        ]
    assert float(loss) == pytest.approx(float(each[0] + 3 * each[1]) / 2)


def test_what_trains_in_keras_trains_in_the_program(compiled: Path) -> None:
    """Row 25 of the users' questions: every weight that trains is one of the optimizer's."""
    for name in NAMES:
        manifest = json.loads((compiled / name / "port.json").read_text())
        with program(compiled / name) as train:
            state = train["start"](train["load"]())
        groups = state.optimizer.param_groups
        assert sum(p.numel() for group in groups for p in group["params"]) == sum(
            p["count"] for p in manifest["parameters"] if p["trainable"]
        )


def test_the_programs_are_clean(compiled: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).mkdir()
        for file in ("model.py", "train.py"):
            text = (
                (compiled / name / file)
                .read_text()
                .replace("from model import", "from .model import")
            )
            (tmp_path / name / file).write_text(text)
        (tmp_path / name / "__init__.py").touch()
    files = [tmp_path / name / "train.py" for name in NAMES]
    for command in (
        ["ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I,B,SIM,UP,RUF"],
        ["ruff", "format", "--isolated", "--check"],
        ["mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path / "cache")],
    ):
        done = subprocess.run(
            [BIN / command[0], *command[1:], *files],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tokens": None}, r"tokens is missing, an array of shape \('rows', 12\)"),
        ({"y": np.zeros((50, 3))}, r"y has shape \(50, 3\), it must be \('rows', 1\) or"),
        ({"tokens": np.full((50, 12), 60)}, "tokens must be from 0 to 59: it has 0 to 60"),
        ({"y": np.zeros(49)}, "all arrays must have as many rows, found"),
        ({"y": np.full(50, "a")}, "y holds <U1 and no numbers"),
        ({"val_tokens": None}, "val_tokens is missing"),
    ],
)
def test_bad_data_is_one_line(
    change: dict[str, Any], said: str, compiled: Path, tmp_path: Path
) -> None:
    with np.load(compiled / "article_b.npz") as stored:
        arrays = {**stored, **change}
    np.savez(tmp_path / "data.npz", **{k: v for k, v in arrays.items() if v is not None})
    with program(compiled / "article_b") as train, pytest.raises(SystemExit, match=said) as error:
        train["open_data"](str(tmp_path / "data.npz"), 16, None)
    assert "\n" not in str(error.value)
