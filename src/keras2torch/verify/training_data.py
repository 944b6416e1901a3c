"""The data that both sides of a comparison train on: the user's, or made to fit the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras2torch.errors import DataError, quoted
from keras2torch.npz import Array, read_npz
from keras2torch.verify.inputs import (
    SEED,
    UNKNOWN_SIZE,
    fitting,
    made_inputs,
    refuse_nan,
    refuse_outside,
)
from keras2torch.verify.step_protocol import (
    CLASS_WEIGHTS,
    TARGETS,
    VALIDATION,
    WEIGHTS,
    keys,
    weighted,
)

Sizes = tuple[int, ...]
Draw = Callable[[np.random.Generator, Sizes], Array]


@dataclass(frozen=True)
class Target:
    """What one output of the model is trained towards: ``loss`` is the function's name.

    A row of the user's targets has one of the shapes ``rows``, or any; numbers of classes are less
    than ``below``; a row of weights has one of the shapes ``weights``.
    """

    output: str
    shape: tuple[int | None, ...]
    loss: str
    rows: tuple[tuple[int | None, ...], ...] = ()
    below: int | None = None
    weights: tuple[tuple[int | None, ...], ...] = ()


@dataclass(frozen=True)
class Length:
    """How long both sides train: passes over the data, and steps in all of them."""

    epochs: int
    steps: int | None
    batch_size: int

    @classmethod
    def of(cls, steps: int | None, epochs: int | None, batch_size: int) -> Length:
        if steps is None and epochs is None:
            raise DataError("say how many steps or epochs to train")
        return cls(epochs or 0, steps, batch_size)

    def rows(self) -> int:
        """How many samples to make: a last batch that is not full shows more."""
        if self.steps is None:
            raise DataError("how many steps an epoch has, the data tell: name some with --data")
        per_epoch = -(-self.steps // (self.epochs or 1))
        return max(1, per_epoch * self.batch_size - self.batch_size // 2)

    def over(self, rows: int) -> Length:
        """With as many samples as these: how many epochs the steps take, or the other way round."""
        per_epoch = -(-rows // self.batch_size)
        if self.steps is None:
            return Length(self.epochs, self.epochs * per_epoch, self.batch_size)
        epochs = -(-self.steps // per_epoch)
        if self.epochs and epochs > self.epochs:
            raise DataError(
                f"{self.epochs} epochs have {self.epochs * per_epoch} steps, not {self.steps}"
            )
        return Length(epochs, self.steps, self.batch_size)


def data_for(
    data: str | Path | None,
    inputs: Sequence[Mapping[str, Any]],
    targets: Sequence[Target],
    length: Length,
) -> tuple[dict[str, Array], Length]:
    """The arrays to train on, the user's or made ones, and how long."""
    outputs = [target.output for target in targets]
    if data is None:
        rows = length.rows()
        return made_training_data(inputs, targets, rows), length.over(rows)
    arrays = read_training_data(Path(data), inputs, targets)
    rows = len(arrays[keys(TARGETS, outputs)[0]])
    length = length.over(rows)
    return first_rows(arrays, min(rows, (length.steps or rows) * length.batch_size)), length


def read_training_data(
    path: Path, inputs: Sequence[Mapping[str, Any]], targets: Sequence[Target]
) -> dict[str, Array]:
    """The user's data: arrays by the inputs' names, ``y``, optional weights; all with ``val_`` too.

    ``class_weight`` has a weight for each class, from 0 on; it becomes a weight for each row, as in
    Keras' ``fit``.

    Raises:
        DataError: it is no such file, an array is missing or does not fit, or they differ in their
            rows.
    """
    arrays = read_npz(path)
    needed = [wanted["name"] for wanted in inputs] + keys(TARGETS, [t.output for t in targets])
    chosen: dict[str, Array] = {}
    for prefix in ("", VALIDATION):
        if prefix and not any(name.startswith(prefix) for name in arrays):
            continue
        missing = [prefix + name for name in needed if prefix + name not in arrays]
        if missing:
            raise DataError(
                f"{quoted(path)} lacks {quoted(missing)}, it holds {quoted(sorted(arrays))}"
            )
        part = _fitting(path, arrays, prefix, inputs, targets)
        lengths = {len(array) for array in part.values()}
        if len(lengths) > 1 or 0 in lengths:
            raise DataError(f"{quoted(path)}: its arrays hold {quoted(sorted(lengths))} samples")
        chosen |= part
    if CLASS_WEIGHTS in arrays:
        _weigh_classes(chosen, arrays[CLASS_WEIGHTS], [t.output for t in targets], path)
    return chosen


def _fitting(
    path: Path,
    arrays: Mapping[str, Array],
    prefix: str,
    inputs: Sequence[Mapping[str, Any]],
    targets: Sequence[Target],
) -> dict[str, Array]:
    """The arrays behind a prefix that both sides take: inputs, targets, weights if there are."""

    def said(name: str) -> str:
        return f"{quoted(path)}: {quoted(prefix + name)}"

    found = {}
    for wanted in inputs:
        name = wanted["name"]
        found[prefix + name] = fitting(said(name), arrays[prefix + name], wanted)
    outputs = [target.output for target in targets]
    for name, target in zip(keys(TARGETS, outputs), targets, strict=True):
        array = arrays[prefix + name]
        _refuse_unlike(said(name), array, target.rows)
        refuse_outside(said(name), array, target.below)
        found[prefix + name] = array
    for name, target in zip(keys(WEIGHTS, outputs), targets, strict=True):
        if prefix + name in arrays:
            _refuse_unlike(said(name), arrays[prefix + name], target.weights)
            found[prefix + name] = arrays[prefix + name]
    return found


def _refuse_unlike(said: str, array: Array, rows: Sequence[tuple[int | None, ...]]) -> None:
    """Refuse what is no array of numbers, or whose rows have another shape than one of these."""
    if array.dtype.kind not in "biuf":
        raise DataError(f"{said} must be numbers, found dtype {array.dtype}")
    if array.ndim == 0 or (rows and not any(_fits(array.shape[1:], row) for row in rows)):
        shown = " or ".join(str(("rows", *row)) for row in rows or [()])
        raise DataError(f"{said} must have shape {shown}, found {array.shape}")
    refuse_nan(said, array)


def _fits(found: Sizes, wanted: Sequence[int | None]) -> bool:
    return len(found) == len(wanted) and all(
        size in (None, own) for own, size in zip(found, wanted, strict=True)
    )


def _weigh_classes(
    data: dict[str, Array], weights: Array, outputs: Sequence[str], path: Path
) -> None:
    """Add the class weights, and the weight of each row that follows from them.

    Source: keras/src/trainers/data_adapters/data_adapter_utils.py.
    """
    if len(outputs) > 1 or weighted(data, "", outputs):
        raise DataError(
            f"{quoted(path)}: Keras takes class_weight for one output and without sample_weight"
        )
    if weights.ndim != 1:
        raise DataError(f"{quoted(path)}: class_weight must be a list, a weight for each class")
    classes = data[TARGETS]
    if classes.ndim > 1:
        classes = classes.argmax(-1) if classes.shape[-1] > 1 else classes[..., 0]
    classes = np.round(classes).astype(np.int64)
    known = (classes >= 0) & (classes < len(weights))
    of_rows = np.where(known, weights[np.where(known, classes, 0)], 1.0)
    data[CLASS_WEIGHTS], data[WEIGHTS] = weights, of_rows.astype(np.float32)


def first_rows(data: Mapping[str, Array], rows: int) -> dict[str, Array]:
    """The data without the rows behind these, but for what is validated on."""
    whole = (VALIDATION, CLASS_WEIGHTS)
    return {n: a if n.startswith(whole) else a[:rows] for n, a in data.items()}


def made_training_data(
    inputs: Sequence[Mapping[str, Any]], targets: Sequence[Target], rows: int
) -> dict[str, Array]:
    """Seeded random inputs, and targets as each output's loss takes them."""
    rng = np.random.default_rng(SEED)
    data: dict[str, Array] = {}
    for wanted in inputs:
        ids = wanted["below"] is not None and not wanted.get("samples")
        shape = (rows, *_known(wanted["shape"][1:]))
        if ids:
            # Small ids come often and most rows begin with 0, as in texts.
            found = (wanted["below"] * rng.random(shape) ** 4).astype(wanted["dtype"])
            if len(shape) == 2:
                found[np.arange(shape[1]) < rng.integers(0, shape[1], (rows, 1))] = 0
            data[wanted["name"]] = found
        else:
            again = {**wanted, "shape": [rows, *wanted["shape"][1:]]}
            data |= made_inputs([again])
    for key, target in zip(keys(TARGETS, [t.output for t in targets]), targets, strict=True):
        data[key] = _draw_of(target.loss)(rng, (rows, *_known(target.shape[1:])))
    return data


def _known(sizes: Sequence[int | None]) -> Sizes:
    return tuple(UNKNOWN_SIZE if size is None else size for size in sizes)


def _draw_of(loss: str) -> Draw:
    if loss == "ctc":
        raise DataError("there are no made targets for the loss CTC: name some with --data")
    return next(draw for part, draw in DRAWS if part in loss)


def _classes(rng: np.random.Generator, shape: Sizes) -> Array:
    return rng.integers(0, shape[-1], shape[:-1])


def _one_hot(rng: np.random.Generator, shape: Sizes) -> Array:
    return np.eye(shape[-1], dtype=np.float32)[_classes(rng, shape)]


def _yes_or_no(rng: np.random.Generator, shape: Sizes) -> Array:
    return rng.integers(0, 2, shape).astype(np.float32)


def _signs(rng: np.random.Generator, shape: Sizes) -> Array:
    signs: Array = 2 * _yes_or_no(rng, shape) - 1
    return signs


def _distribution(rng: np.random.Generator, shape: Sizes) -> Array:
    shares = rng.random(shape) + 0.1
    distribution: Array = shares / shares.sum(-1, keepdims=True)
    return distribution.astype(np.float32)


def _positive(rng: np.random.Generator, shape: Sizes) -> Array:
    return (rng.random(shape) + 0.1).astype(np.float32)


def _counts(rng: np.random.Generator, shape: Sizes) -> Array:
    return rng.poisson(2.0, shape).astype(np.float32)


def _numbers(rng: np.random.Generator, shape: Sizes) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


# By a part of the loss' name, the first that is in it.
DRAWS: tuple[tuple[str, Draw], ...] = (
    ("sparse_categorical", _classes),
    ("categorical_generalized", _classes),
    ("circle", _classes),
    ("categorical", _one_hot),
    ("binary", _yes_or_no),
    ("dice", _yes_or_no),
    ("tversky", _yes_or_no),
    ("hinge", _signs),
    ("kl_divergence", _distribution),
    ("poisson", _counts),
    ("percentage", _positive),
    ("logarithmic", _positive),
    ("", _numbers),
)
