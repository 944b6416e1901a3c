"""What every reader returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras2torch.ir.weights import Group, Variable


@dataclass(frozen=True)
class Saved:
    """A saved model as plain data.

    ``model`` is the description as Keras serialises it (``class_name``, ``config``, …). The
    variables of ``weights`` and ``optimizer`` are views on the open file: ``close`` ends them.
    """

    path: Path
    sha256: str
    keras_version: str
    model: Mapping[str, Any]
    weights: Group
    compile_config: Mapping[str, Any] | None
    optimizer: tuple[Variable, ...]
    close: Callable[[], None]

    def __enter__(self) -> Saved:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
