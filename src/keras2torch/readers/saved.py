"""What every reader returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class Variable(Protocol):
    """One stored array of the file."""

    @property
    def shape(self) -> Shape: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def array(self) -> Array: ...


@dataclass(frozen=True)
class Group:
    """The stored variables of one Keras object in their saved order, and its parts by attribute.

    ``name`` is the object's own name where the file tells it; parts are stored under other names.
    Whole-model HDF5 files keep all variables of a layer, those of its parts too, in one list;
    then ``names`` has the name of each, such as ``lstm/lstm_cell/kernel``, and there are no parts.
    ``named`` are variables that are stored under names instead of numbers, ``assets`` files that
    are stored beside the weights, such as a vocabulary.
    """

    path: str
    variables: tuple[Variable, ...] = ()
    children: Mapping[str, Group] | None = None
    name: str | None = None
    names: tuple[str, ...] | None = None
    named: Mapping[str, Variable] = field(default_factory=dict)
    assets: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)

    def count(self) -> int:
        """How many variables and files stand here and below."""
        own = len(self.variables) + len(self.named) + len(self.assets)
        return own + sum(g.count() for g in (self.children or {}).values())


@dataclass(frozen=True)
class Saved:
    """A saved model as plain data.

    ``model`` is the description as Keras serialises it (``class_name``, ``config``, …). The
    variables of ``weights`` and ``optimizer`` are views on the open file: ``close`` ends them, and
    ``drop_pages`` lets go of the memory that reading them took. ``optimizer_names`` are what the
    file calls the optimizer's variables, if it does; ``optimizer_note`` says why there are none,
    where the file may hold some; ``optimizer_scaled`` that it stood in a LossScaleOptimizer.
    """

    path: Path
    sha256: str
    keras_version: str
    model: Mapping[str, Any]
    weights: Group
    compile_config: Mapping[str, Any] | None
    optimizer: tuple[Variable, ...]
    close: Callable[[], None]
    drop_pages: Callable[[], None]
    optimizer_names: tuple[str, ...] = ()
    optimizer_note: str | None = None
    optimizer_scaled: bool = False

    def __enter__(self) -> Saved:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
