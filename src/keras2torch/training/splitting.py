"""Which rows are held out in which fold: stratified, by groups, repeated."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from keras2torch.errors import DataError, TrainingError
from keras2torch.training.data import Array

Rows = npt.NDArray[np.int64]
Kind = Literal["binary", "multiclass", "multilabel", "regression"]


@dataclass(frozen=True)
class FoldPlan:
    """How rows are split into folds, over and over.

    Attributes:
        folds: Into how many parts; each is held out once.
        repeats: How often, with other splits.
        stratify: Every fold gets its share of each class or label; ``None`` where there are any.
        groups: A group per row: all rows of a group are held out together.
        by: Labels to stratify by, if other than the targets.
    """

    folds: int = 5
    repeats: int = 1
    stratify: bool | None = None
    groups: Array | None = None
    by: Array | None = None

    def __post_init__(self) -> None:
        if self.folds < 2 or self.repeats < 1:
            raise TrainingError(
                f"{self.folds} folds, {self.repeats} repeats: at least 2 folds and 1 repeat"
            )


def kind_of_targets(targets: Array) -> Kind:
    """What the targets are, by their values."""
    if targets.ndim > 2 or (targets.ndim == 2 and targets.shape[1] > 1):
        if targets.ndim > 2 or not np.isin(targets, (0, 1)).all():
            return "regression"
        return "multiclass" if (targets.sum(axis=1) == 1).all() else "multilabel"
    values = np.unique(targets)
    if np.isin(values, (0, 1)).all():
        return "binary"
    return "multiclass" if targets.dtype.kind in "iu" else "regression"


def class_numbers(targets: Array) -> Array:
    """One number per row: of one column, or of the hot column."""
    if targets.ndim == 2 and targets.shape[1] > 1:
        numbers: Array = targets.argmax(axis=1)
        return numbers
    return targets.reshape(len(targets)).astype(np.int64)


def split_rows(
    targets: Array | Mapping[str, Array], count: int, plan: FoldPlan, seed: int
) -> list[list[Rows]]:
    """The held-out rows by repeat and fold, in their order; a function of the seed.

    Raises:
        DataError: too few rows, or too few of a class or label, for so many folds.
    """
    if plan.folds > count:
        raise DataError(f"{plan.folds} folds of {count} rows: there can be no more folds than rows")
    if plan.groups is not None and len(plan.groups) != count:
        raise DataError(f"groups of {len(plan.groups)} rows for data of {count} rows")
    labels = _labels(targets, count, plan)
    if labels is not None:
        _check_classes(labels, plan.folds)
    made = []
    for repeat in range(plan.repeats):
        splitter = _splitter(labels, plan, seed + repeat)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they warn of is checked here
            y = np.zeros(count) if labels is None else labels
            found = list(splitter.split(np.zeros((count, 1)), y, plan.groups))
        folds = [np.sort(held_out).astype(np.int64) for _, held_out in found]
        if labels is not None:
            _check_folds(labels, folds)
        made.append(folds)
    return made


def _labels(targets: Array | Mapping[str, Array], count: int, plan: FoldPlan) -> Array | None:
    """What is stratified by: class numbers, or several labels per row; None if nothing is."""
    chosen = targets if plan.by is None else plan.by
    if plan.stratify is False or (plan.stratify is None and isinstance(chosen, Mapping)):
        return None
    if isinstance(chosen, Mapping):
        raise TrainingError("several outputs: say what to stratify by, or stratify=False")
    if len(chosen) != count:
        raise DataError(f"labels to stratify by for {len(chosen)} rows, data of {count} rows")
    kind = kind_of_targets(chosen)
    if kind == "regression":
        if plan.stratify:
            raise DataError("only classes can be stratified by, these targets are numbers")
        return None
    return chosen.astype(np.int64) if kind == "multilabel" else class_numbers(chosen)


def _splitter(labels: Array | None, plan: FoldPlan, seed: int) -> Any:
    from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

    options = {"n_splits": plan.folds, "shuffle": True, "random_state": seed}
    if plan.groups is not None:
        groups = len(np.unique(plan.groups))
        if groups < plan.folds:
            raise DataError(f"{plan.folds} folds of {groups} groups: a fold needs one at least")
        if labels is not None and labels.ndim == 2:
            raise TrainingError("labels can't be stratified by groups as well: stratify=False")
        return (GroupKFold if labels is None else StratifiedGroupKFold)(**options)
    if labels is None:
        return KFold(**options)
    if labels.ndim == 2:
        from iterstrat.ml_stratifiers import MultilabelStratifiedKFold

        return MultilabelStratifiedKFold(**options)
    return StratifiedKFold(**options)


def _check_classes(labels: Array, folds: int) -> None:
    """Every fold needs a row of each class, and with or without each label."""
    if labels.ndim == 2:
        for column in range(labels.shape[1]):
            rarer = int(min(labels[:, column].sum(), (1 - labels[:, column]).sum()))
            if rarer < folds:
                raise DataError(
                    f"label {column} has {rarer} rows of its rarer value, too few for {folds} folds"
                )
        return
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2:
        raise DataError(f"every row is of class {classes[0]}: two classes at least are needed")
    rarest = int(counts.argmin())
    if counts[rarest] < folds:
        raise DataError(
            f"class {classes[rarest]} has {counts[rarest]} rows, too few for {folds} folds"
        )


def _check_folds(labels: Array, folds: list[Rows]) -> None:
    columns = labels.reshape(len(labels), -1)
    for number, held_out in enumerate(folds):
        learnt = np.delete(columns, held_out, axis=0)
        for what, rows in (("is held out", columns[held_out]), ("is learnt from", learnt)):
            single = [c for c in range(columns.shape[1]) if len(np.unique(rows[:, c])) < 2]
            if single:
                where = f" of label {single[0]}" if columns.shape[1] > 1 else ""
                raise DataError(
                    f"fold {number}: what {what} is of one class only{where}; fewer folds, "
                    "other groups or another seed may help"
                )
