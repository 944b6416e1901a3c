"""What the names in a training file name: torch's, this package's, or of a file of one's own."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from keras2torch.errors import TrainingError, quoted

OWN = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
KERAS = "keras."
TORCH = {
    "loss": ("torch.nn", "Loss"),
    "optimizer": ("torch.optim", ""),
    "scheduler": ("torch.optim.lr_scheduler", ""),
    "metric": ("torchmetrics.classification", ""),
}
PACKAGES = {
    "loss": "losses",
    "optimizer": "optimizers",
    "scheduler": "schedules",
    "metric": "metrics",
}


def called(kind: str, value: str | dict[str, Any], folder: Path) -> tuple[Any, dict[str, Any]]:
    """What a name, or a table with ``name`` and options, names; and the options.

    Raises:
        TrainingError: nothing has that name.
    """
    options = dict(value) if isinstance(value, dict) else {"name": value}
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise TrainingError(f"training {kind} must be a name, or a table with name and options")
    return named(kind, name, folder), options


def named(kind: str, name: str, folder: Path) -> Any:
    """A class or function by its name.

    Raises:
        TrainingError: nothing has that name.
    """
    if OWN.fullmatch(name):
        return own(name, folder)
    if name.startswith(KERAS):
        found = _definitions(PACKAGES[kind]).get(name.removeprefix(KERAS))
    else:
        package, ending = TORCH[kind]
        found = getattr(importlib.import_module(package), name, None)
        found = found if inspect.isclass(found) and name.endswith(ending) else None
    if found is None:
        raise TrainingError(
            f"no {kind} is called {quoted(name)}: {TORCH[kind][0]}'s by name, {KERAS}NAME for "
            f"Keras', FILE.py:NAME for one's own"
        )
    return found


def own(name: str, folder: Path) -> Any:
    """``FILE.py:NAME``: runs the file, which is its owner's own code.

    Raises:
        TrainingError: there is no such file or name, or it fails.
    """
    match = OWN.fullmatch(name)
    if match is None:
        raise TrainingError(f"{quoted(name)} is not of the form FILE.py:NAME")
    module = _module(folder / match[1])
    if not hasattr(module, match[2]):
        raise TrainingError(f"{quoted(match[1])} has no {match[2]}")
    return getattr(module, match[2])


def made(what: str, call: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call it; what goes wrong becomes a line.

    Raises:
        TrainingError: it fails.
    """
    try:
        return call(*args, **options)
    except Exception as error:  # whatever its author's code raises
        raise TrainingError(f"{what}: {type(error).__name__}: {quoted(error, 200)}") from error


@functools.cache
def _module(file: Path) -> ModuleType:
    """A Python file as a module; known by no name, so that workers get it by value."""
    if not file.is_file():
        raise TrainingError(f"there is no file {quoted(file)}")
    spec = importlib.util.spec_from_file_location(f"own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise TrainingError(f"{quoted(file)} can't be imported")
    module = importlib.util.module_from_spec(spec)
    made(quoted(file), spec.loader.exec_module, module)
    return module


@functools.cache
def _definitions(package: str) -> dict[str, Any]:
    """The classes and functions of a package (or module) of ``training``."""
    root = importlib.import_module(f"keras2torch.training.{package}")
    modules = [root]
    if hasattr(root, "__path__"):
        modules += [
            importlib.import_module(found.name)
            for found in pkgutil.iter_modules(root.__path__, f"{root.__name__}.")
        ]
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    }
