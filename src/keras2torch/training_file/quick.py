"""``--quick``: the same run on few rows, to see that everything works."""

from __future__ import annotations

import dataclasses

import numpy as np

from keras2torch.training.data import Array, ArrayData
from keras2torch.training.splitting import class_numbers, kind_of_targets
from keras2torch.training_file.building import FileData
from keras2torch.training_file.schema import TrainingFile


def quick_file(file: TrainingFile) -> TrainingFile:
    """Fewer epochs, folds and models."""
    small = file.quick
    return dataclasses.replace(
        file,
        training=dataclasses.replace(file.training, epochs=min(small.epochs, file.training.epochs)),
        cross_validation=dataclasses.replace(
            file.cross_validation,
            folds=min(small.folds, file.cross_validation.folds),
            repeats=1,
            seeds=1,
        ),
    )


def quick_data(data: FileData, count: int) -> FileData:
    """Few rows: some of each class or label, the rest evenly from all; of test rows the first."""
    rows = np.unique(np.linspace(0, len(data.train) - 1, min(count, len(data.train))).astype(int))
    if isinstance(data.train.targets, np.ndarray):
        rows = np.union1d(rows, _some_of_each(data.train.targets, max(2, count // 20)))
    return dataclasses.replace(
        data.rows(rows), test=_first(data.test, count), validation=_first(data.validation, count)
    )


def _first(data: ArrayData | None, count: int) -> ArrayData | None:
    return None if data is None else data.rows(np.arange(min(count, len(data))))


def _some_of_each(targets: Array, count: int) -> Array:
    kind = kind_of_targets(targets)
    if kind == "regression":
        return np.arange(0)
    if kind == "multilabel":
        found = [np.flatnonzero(targets[:, c])[:count] for c in range(targets.shape[1])]
    else:
        numbers = class_numbers(targets)
        found = [np.flatnonzero(numbers == c)[:count] for c in np.unique(numbers)]
    some: Array = np.concatenate(found)
    return some
