"""What the names in a training file name: torch's, this package's, or of a file of one's own."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
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
    "callback": "callbacks",
    "clip": "clipping",
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
        return OwnCode.named(name, folder)
    if name.startswith(KERAS) or kind not in TORCH:
        found = _definitions(PACKAGES[kind]).get(name.removeprefix(KERAS))
    else:
        package, ending = TORCH[kind]
        found = getattr(importlib.import_module(package), name, None)
        found = found if inspect.isclass(found) and name.endswith(ending) else None
    if found is None:
        torchs = f"{TORCH[kind][0]}'s by name, " if kind in TORCH else ""
        raise TrainingError(
            f"no {kind} is called {quoted(name)}: {torchs}{KERAS}NAME for Keras', FILE.py:NAME "
            "for one's own"
        )
    return found


@dataclass(frozen=True)
class OwnCode:
    """``FILE.py:NAME``, to be called: its owner's own code, which each worker reads for itself."""

    file: Path
    name: str

    @classmethod
    def named(cls, text: str, folder: Path) -> OwnCode:
        """From ``FILE.py:NAME``; the file is run.

        Raises:
            TrainingError: there is no such file or name, it fails, or it can't be called.
        """
        match = OWN.fullmatch(text)
        if match is None:
            raise TrainingError(f"{quoted(text)} is not of the form FILE.py:NAME")
        found = cls(folder / match[1], match[2])
        if not callable(found.target):
            raise TrainingError(f"{quoted(text)} can't be called")
        return found

    @property
    def target(self) -> Any:
        """The class or function itself."""
        module = _module(self.file)
        if not hasattr(module, self.name):
            raise TrainingError(f"{quoted(self.file.name)} has no {self.name}")
        return getattr(module, self.name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.target(*args, **options)


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
    """A Python file as a module; it may import its neighbours."""
    if not file.is_file():
        raise TrainingError(f"there is no file {quoted(file)}")
    spec = importlib.util.spec_from_file_location(f"own_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise TrainingError(f"{quoted(file)} can't be imported")
    module = importlib.util.module_from_spec(spec)
    if str(file.parent) not in sys.path:
        sys.path.insert(0, str(file.parent))
    # Dataclasses look their module up while they are made. It is taken out again: what it defines
    # is sent to workers as it is, for they could not import it by this name.
    sys.modules[spec.name] = module
    try:
        made(quoted(file), spec.loader.exec_module, module)
    finally:
        del sys.modules[spec.name]
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
