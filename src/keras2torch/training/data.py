"""What a model learns from: arrays by name, or any data set of (inputs, targets[, weights])."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.utils.data import Dataset

from keras2torch.errors import DataError, quoted

Array = npt.NDArray[Any]
TARGETS, WEIGHTS = "y", "sample_weight"


@dataclass(frozen=True)
class ArrayData:
    """Rows in arrays: an array per input by name, targets and weights (per output, if several).

    Example:
        >>> data = ArrayData({"ids": np.zeros((8, 5), "int64")}, np.zeros(8, "float32"))
        >>> len(data), len(data.rows([0, 3]))
        (8, 2)
    """

    inputs: Mapping[str, Array]
    targets: Array | Mapping[str, Array] | None = None
    weights: Array | Mapping[str, Array] | None = None

    def __post_init__(self) -> None:
        if not self.inputs:
            raise DataError("no inputs: an array per input is needed")
        parts = {**self.inputs, **_by_name(TARGETS, self.targets)}
        parts |= _by_name(WEIGHTS, self.weights)
        for name, array in parts.items():
            _check_values(name, array)
        lengths = {name: len(array) for name, array in parts.items()}
        if len(set(lengths.values())) > 1:
            raise DataError(f"arrays of different lengths: {quoted(lengths, 200)}")

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def rows(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> ArrayData:
        """These rows, copied."""
        chosen = np.asarray(rows, dtype=np.int64)
        return ArrayData(
            {name: array[chosen] for name, array in self.inputs.items()},
            _taken(self.targets, chosen),
            _taken(self.weights, chosen),
        )

    def labelled(self) -> Array | Mapping[str, Array]:
        """The targets.

        Raises:
            DataError: there are none.
        """
        if self.targets is None:
            raise DataError(f"no labels: an array {TARGETS!r}, or {TARGETS}_OUTPUT for each output")
        return self.targets


def arrays_from(stored: Mapping[str, Array], prefix: str = "") -> ArrayData:
    """The arrays of an ``.npz`` as data: ``y``, ``y_<output>``, ``sample_weight``, else inputs.

    ``prefix`` chooses those whose names begin so (``val_``) and takes it off.
    """
    own = {n.removeprefix(prefix): a for n, a in stored.items() if n.startswith(prefix)}
    if not prefix:
        own = {name: array for name, array in own.items() if not name.startswith("val_")}
    targets = _named(own, TARGETS)
    weights = _named(own, WEIGHTS)
    inputs = {n: a for n, a in own.items() if not _belongs(n, TARGETS) and not _belongs(n, WEIGHTS)}
    return ArrayData(inputs, targets, weights)


class IndexedRows(Dataset[tuple[int, Any]]):
    """A data set whose samples come with their row: (row, sample)."""

    def __init__(self, samples: Dataset[Any]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)  # type: ignore[arg-type]

    def __getitem__(self, row: int) -> tuple[int, Any]:
        return row, self.samples[row]


def in_forward_order(inputs: Mapping[str, Array], model: nn.Module, method: str) -> tuple[str, ...]:
    """The inputs' names in the order in which the model takes them; theirs if it has others.

    Raises:
        DataError: the model takes another number of inputs.
    """
    parameters = inspect.signature(getattr(model, method)).parameters.values()
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    taken = [p.name for p in plain]
    if set(inputs) <= set(taken):
        return tuple(name for name in taken if name in inputs)
    needed = sum(p.default is p.empty for p in plain)
    more = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if not more and not needed <= len(inputs) <= len(taken):
        raise DataError(f"the model takes {quoted(taken)}, the data has {quoted(list(inputs))}")
    return tuple(inputs)


def in_dtype_of(model: nn.Module, data: Any) -> Any:
    """Arrays with floating-point inputs in the dtype of the model's parameters, as Keras has them.

    NumPy makes float64 of most numbers, which a float32 model refuses. Data sets stay as they are.
    """
    known: dict[Any, Any] = {torch.float32: np.float32, torch.float64: np.float64}
    floating = (p.dtype for p in model.parameters() if p.is_floating_point())
    wanted = known.get(next(floating, None))
    if not isinstance(data, ArrayData) or wanted is None:
        return data
    inputs = {
        n: a.astype(wanted, copy=False) if a.dtype.kind == "f" else a
        for n, a in data.inputs.items()
    }
    return dataclasses.replace(data, inputs=inputs)


def _by_name(name: str, arrays: Array | Mapping[str, Array] | None) -> dict[str, Array]:
    if arrays is None:
        return {}
    if isinstance(arrays, Mapping):
        return {f"{name}_{output}": array for output, array in arrays.items()}
    return {name: arrays}


def _taken(
    arrays: Array | Mapping[str, Array] | None, rows: npt.NDArray[np.int64]
) -> Array | dict[str, Array] | None:
    if isinstance(arrays, Mapping):
        return {name: array[rows] for name, array in arrays.items()}
    return None if arrays is None else arrays[rows]


def _belongs(name: str, kind: str) -> bool:
    return name == kind or name.startswith(f"{kind}_")


def _named(own: Mapping[str, Array], kind: str) -> Array | dict[str, Array] | None:
    several = {n.removeprefix(f"{kind}_"): a for n, a in own.items() if n.startswith(f"{kind}_")}
    return several or own.get(kind)


def _check_values(name: str, array: Array) -> None:
    """Refuse what no model can learn from."""
    if array.ndim == 0:
        raise DataError(f"{quoted(name)} is one number; it must have one for each row")
    if array.dtype == object:
        raise DataError(f"{quoted(name)} holds objects, not numbers: missing values perhaps")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        what = "a label is missing" if _belongs(name, TARGETS) else "NaN or infinite"
        raise DataError(f"{quoted(name)}, row {row}: {what}; every value must be a finite number")
