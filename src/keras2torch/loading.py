"""Loads a port: the model with its weights."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from keras2torch.errors import PortError, quoted
from keras2torch.porting import MODEL, WEIGHTS
from keras2torch.processes import require

if TYPE_CHECKING:
    from torch import nn


def load(port: str | Path) -> nn.Module:
    """The model in a port's folder, in eval mode and with its weights.

    Runs the folder's ``model.py``, which is its owner's own code.

    Raises:
        PortError: the folder lacks a file, or its weights are not those of the model.
        MissingExtra: torch is not installed.
    """
    require("torch")
    folder = Path(port)
    for name in (MODEL, WEIGHTS):
        if not (folder / name).is_file():
            raise PortError(f"{quoted(folder)} is no port: it has no {name}")
    spec = importlib.util.spec_from_file_location("port_model", folder / MODEL)
    if spec is None or spec.loader is None:
        raise PortError(f"{quoted(folder / MODEL)} can't be imported")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        model: nn.Module = module.load()
    except Exception as error:  # whatever its owner's code raises
        raise PortError(f"{quoted(folder / MODEL)}: {quoted(error, 300)}") from error
    return model
