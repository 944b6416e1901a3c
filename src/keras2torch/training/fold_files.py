"""The folder of a cross-validation: finished folds while it runs, everything found at its end."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors.torch import save_file

from keras2torch.errors import TrainingError, quoted
from keras2torch.training.checkpoint_folder import read_whole, write_durably
from keras2torch.training.data import Array
from keras2torch.training.folds import FoldJob, FoldResult

if TYPE_CHECKING:
    from keras2torch.training.cross_validation import CrossValidation

UNFINISHED, WEIGHTS = "unfinished", "weights"


class FoldFiles:
    """Writes ``oof.npy``, ``test.npy``, ``folds.json``, ``report.html`` and weights per fold.

    While the folds run, ``unfinished/`` holds their results and checkpoints; a killed run goes on
    from there.
    """

    def __init__(self, out: Path) -> None:
        self.out, self.unfinished = out, out / UNFINISHED
        self.checkpoints = self.unfinished / "checkpoints"

    def begin(
        self, identity: dict[str, Any], jobs: Sequence[FoldJob], resume: bool
    ) -> dict[int, FoldResult]:
        """Make the folder, and read what is finished if that is to be taken over.

        Raises:
            TrainingError: the folder can't be written, or holds folds of another run.
        """
        described = self.unfinished / "run.json"
        try:
            if not resume:
                shutil.rmtree(self.unfinished, ignore_errors=True)
            (self.out / WEIGHTS).mkdir(parents=True, exist_ok=True)
            self.unfinished.mkdir(exist_ok=True)
            if not described.exists():
                _replace(described, json.dumps(identity).encode())
            elif json.loads(described.read_text()) != identity:
                raise TrainingError(f"{quoted(self.unfinished)} holds folds of another run")
        except (OSError, ValueError) as error:
            raise TrainingError(f"{quoted(self.out)} can't be used: {quoted(error)}") from error
        found = {job.number: self._read(job) for job in jobs}
        return {number: result for number, result in found.items() if result is not None}

    def keep(self, result: FoldResult) -> FoldResult:
        """Write a finished fold; its weights are in a file from now on, not in memory."""
        weights = {name: tensor.contiguous() for name, tensor in result.weights.items()}
        file = self.out / WEIGHTS / f"{result.job.name}.safetensors"
        aside = file.with_suffix(".aside")
        try:
            save_file(weights, aside)
            aside.rename(file)
        except Exception as error:  # safetensors has its own
            aside.unlink(missing_ok=True)
            raise TrainingError(f"{quoted(file)} can't be written: {quoted(error)}") from error
        state = {
            "held_out": _tensors_of(result.held_out),
            "test": _tensors_of(result.test),
            "history": dict(result.history),
        }
        write_durably(self.unfinished / f"{result.job.name}.pt", state)
        shutil.rmtree(self.checkpoints / result.job.name, ignore_errors=True)
        return dataclasses.replace(result, weights={})

    def finish(self, found: CrossValidation) -> None:
        """Write everything that was found."""
        from keras2torch.report.cross_validation import page_of

        try:
            for what, arrays in (("oof", found.oof), ("test", found.test)):
                for output, array in arrays.items():
                    _save_array(self.out / f"{what}{'_' * bool(output)}{output}.npy", array)
            _replace(self.out / "folds.json", json.dumps(plain(found), indent=1).encode())
            _replace(self.out / "report.html", page_of(found).encode())
        except OSError as error:
            raise TrainingError(f"{quoted(self.out)}: {error.strerror}") from error
        shutil.rmtree(self.unfinished, ignore_errors=True)

    def _read(self, job: FoldJob) -> FoldResult | None:
        stored = read_whole(self.unfinished / f"{job.name}.pt")
        if stored is None or not (self.out / WEIGHTS / f"{job.name}.safetensors").exists():
            return None
        arrays = [{k: t.numpy() for k, t in stored[what].items()} for what in ("held_out", "test")]
        return FoldResult(job, arrays[0], arrays[1], stored["history"], {})


def plain(found: CrossValidation) -> dict[str, Any]:
    """The folds, their seeds and rows, and all scores as plain data."""
    return {
        "kinds": dict(found.kinds),
        "scores": dict(found.scores),
        "thresholds": {
            output or "y": {k: v.tolist() for k, v in dataclasses.asdict(chosen).items()}
            for output, chosen in found.thresholds.items()
        },
        "folds": [
            {
                "repeat": fold.job.repeat,
                "member": fold.job.member,
                "fold": fold.job.fold,
                "seed": fold.job.seed,
                "weights": f"{WEIGHTS}/{fold.job.name}.safetensors",
                "scores": dict(fold.scores),
                "history": dict(fold.history),
                "held_out": fold.job.held_out.tolist(),
            }
            for fold in found.folds
        ],
    }


def _tensors_of(arrays: Any) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(array) for name, array in arrays.items()}  # Ray's are read-only


def _save_array(file: Path, array: Array) -> None:
    aside = file.with_suffix(".aside")
    with aside.open("wb") as opened:
        np.save(opened, array, allow_pickle=False)
    aside.rename(file)


def _replace(file: Path, content: bytes) -> None:
    aside = file.with_suffix(".aside")
    aside.write_bytes(content)
    os.replace(aside, file)
