"""What the commands write, and what they read back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file
from torch import nn

from keras2torch.errors import DataError, TrainingError, quoted
from keras2torch.porting import MANIFEST, MODEL, VOCABULARY, WEIGHTS
from keras2torch.training.data import ArrayData
from keras2torch.training.fitting import Fitted
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.predicting import predict


def write_fitted(out: Path, model: nn.Module, told: Fitted, port: Path | None) -> None:
    """``weights.safetensors`` and ``history.json``; of a port its other files, to be one again.

    Raises:
        TrainingError: they can't be written.
    """
    weights = {n: t.detach().cpu().clone().contiguous() for n, t in model.state_dict().items()}
    aside = out / ".weights.aside"
    try:
        save_file(weights, aside)
        aside.rename(out / WEIGHTS)
        (out / "history.json").write_text(json.dumps(told.history, indent=1))
        for file in [port / name for name in (MODEL, MANIFEST, VOCABULARY)] if port else []:
            if file.is_file() and not out.samefile(file.parent):
                shutil.copyfile(file, out / file.name)
    except Exception as error:  # safetensors has its own
        raise TrainingError(f"{quoted(out)} can't be written: {quoted(error)}") from error


def mean_predictions(
    maker: Callable[[], nn.Module], weights: Path, rows: ArrayData, plan: TrainingPlan
) -> dict[str, Any]:
    """The mean of what the models with these weights say, by output.

    Raises:
        TrainingError: there are no weights, or they are of another model.
    """
    found: list[dict[str, Any]] = []
    for file in _weight_files(weights):
        model = maker()
        try:
            model.load_state_dict(load_file(file))
        except Exception as error:  # torch's and safetensors' own
            raise TrainingError(
                f"{quoted(file)} does not fit the model: {quoted(error)}"
            ) from error
        said = predict(model, rows, plan)
        found.append(dict(said) if isinstance(said, Mapping) else {"": said})
    return {
        name: (sum(f[name].astype(np.float64) for f in found) / len(found)).astype(array.dtype)
        for name, array in found[0].items()
    }


def write_predictions(out: Path, found: Mapping[str, Any]) -> list[Path]:
    """An ``.npy`` per output.

    Raises:
        DataError: it can't be written.
    """
    files = []
    for output, array in found.items():
        file = out.with_name(f"{out.stem}_{output}.npy") if output else out
        aside = file.with_name(f".{file.name}.aside")
        try:
            with aside.open("wb") as opened:
                np.save(opened, array, allow_pickle=False)
            aside.replace(file)
        except OSError as error:
            raise DataError(f"{quoted(file)} can't be written: {error.strerror}") from error
        files.append(file)
    return files


def _weight_files(weights: Path) -> list[Path]:
    files = [weights] if weights.is_file() else sorted(weights.glob("*.safetensors"))
    files = files or sorted((weights / "weights").glob("*.safetensors"))
    if not files:
        raise TrainingError(f"{quoted(weights)} holds no .safetensors")
    return files
