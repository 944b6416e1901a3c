"""Checkpoints of ``train.py``: one that a crash has cut short costs no more than itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from keras2torch.training.checkpoint_file import read_checkpoint, write_checkpoint


def test_a_damaged_checkpoint_costs_what_came_after_the_one_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "checkpoint.pt"
    assert read_checkpoint(path) is None
    for step in (1, 2, 3):
        write_checkpoint(path, {"step": step, "weights": torch.full((100,), float(step))})
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "checkpoint.pt",
        "checkpoint.pt.before",
    ]
    whole = path.read_bytes()
    for size in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        found = read_checkpoint(path)
        assert found is not None
        assert found["step"] == 2
        assert float(found["weights"][99]) == 2.0
        assert "checkpoint.pt is damaged" in capsys.readouterr().out
    path.unlink()  # between two renames there may be only the older one
    found = read_checkpoint(path)
    assert found is not None
    assert found["step"] == 2


def test_a_checkpoint_that_cannot_be_written_leaves_the_older_ones(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    write_checkpoint(path, {"step": 1})
    with pytest.raises(Exception, match="pickle"):
        write_checkpoint(path, {"step": lambda: None})
    found = read_checkpoint(path)
    assert found == {"step": 1}
    assert not [file for file in tmp_path.iterdir() if file.name.startswith(".")]
