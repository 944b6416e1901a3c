"""A training file's tables as the objects they describe: model, data, plan, folds."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch.errors import DataError, TrainingError, quoted
from keras2torch.loading import load
from keras2torch.npz import read_npz
from keras2torch.porting import MANIFEST
from keras2torch.training.bucketing import LengthBuckets
from keras2torch.training.data import Array, ArrayData, arrays_from
from keras2torch.training.parameters import RateBySchedule, layer_wise_rates
from keras2torch.training.plan import TrainingPlan, WeightAverage
from keras2torch.training.splitting import FoldPlan
from keras2torch.training_file.objects import OWN, OwnCode, called, made
from keras2torch.training_file.schema import ModelTable, Named, TrainingFile, TrainingTable
from keras2torch.verify.inputs import fitting
from keras2torch.verify.manifest import read_manifest

ACTIVATIONS = {"sigmoid": torch.sigmoid, "softmax": functools.partial(torch.softmax, dim=-1)}


@dataclasses.dataclass(frozen=True)
class FileData:
    """The rows that a file names, and which array says the group of each."""

    train: ArrayData
    test: ArrayData | None
    validation: ArrayData | None
    groups: Array | None
    stratify_by: Array | None

    def rows(self, rows: Array) -> FileData:
        """These rows to train on; the others as they are."""
        groups, by = (a if a is None else a[rows] for a in (self.groups, self.stratify_by))
        return dataclasses.replace(self, train=self.train.rows(rows), groups=groups, stratify_by=by)


def data_of(file: TrainingFile, folder: Path) -> FileData:
    """Read the arrays that the file names.

    Raises:
        DataError: an array is missing or holds what no model can learn from.
    """
    table = file.data
    stored = arrays_of(table.train, folder)
    aside: list[Array | None] = []
    for name in (table.groups, table.stratify_by):
        if name is not None and name not in stored:
            raise DataError(f"{quoted(table.train)} has no array {quoted(name)}")
        aside.append(None if name is None else stored[name])
    kept = {n: a for n, a in stored.items() if n not in (table.groups, table.stratify_by)}
    test = None if table.test is None else arrays_from(arrays_of(table.test, folder))
    validation = None
    if table.validation is not None:
        validation = arrays_from(arrays_of(table.validation, folder))
    elif any(name.startswith("val_") for name in kept):
        validation = arrays_from(kept, "val_")
    train = as_port_takes(arrays_from(kept), file, folder)
    test, validation = (rows and as_port_takes(rows, file, folder) for rows in (test, validation))
    return FileData(train, test, validation, aside[0], aside[1])


def as_port_takes(rows: ArrayData, file: TrainingFile, folder: Path) -> ArrayData:
    """The rows with the kinds of numbers that the file's port takes, if there is one: pictures of
    whole numbers become floating-point ones, as in Keras. What ``prepare`` is to change stays.

    Raises:
        DataError: an input has another shape than the port's.
    """
    port = None if file.model.port is None else folder / file.model.port
    if port is None or not (port / MANIFEST).is_file() or file.data.prepare is not None:
        return rows
    wanted = {entry["name"]: entry for entry in read_manifest(port)["inputs"]}
    inputs = {
        name: fitting(quoted(name), array, wanted[name]) if name in wanted else array
        for name, array in rows.inputs.items()
    }
    return dataclasses.replace(rows, inputs=inputs)


def prepared(file: TrainingFile, data: FileData, folder: Path) -> FileData:
    """All rows after ``prepare``, which is fitted on those to train on."""
    if file.data.prepare is None:
        return data
    prepare = OwnCode.named(file.data.prepare, folder)
    held_out = data.validation or data.train.rows([])
    learnt, held_out, test = made(file.data.prepare, prepare, data.train, held_out, data.test)
    validation = held_out if data.validation else None
    return dataclasses.replace(data, train=learnt, validation=validation, test=test)


def arrays_of(source: str, folder: Path) -> dict[str, Array]:
    """The arrays by name of an ``.npz``, or that ``FILE.py:FUNCTION`` returns."""
    if not OWN.fullmatch(source):
        return read_npz(folder / source)
    found = made(source, OwnCode.named(source, folder))
    if not isinstance(found, Mapping):
        raise DataError(f"{source} must return arrays by name")
    return {name: np.asarray(array) for name, array in found.items()}


def maker_of(table: ModelTable, folder: Path) -> Callable[[], nn.Module]:
    """What makes a model with fresh weights."""
    if table.port is not None:
        maker: Callable[[], Any] = functools.partial(fresh_port, folder / table.port, table.keep)
    else:
        maker = OwnCode.named(str(table.make), folder)
    initial = {name: _array_of(source, folder) for name, source in table.initial.items()}
    return functools.partial(_made_model, table, maker, initial)


def _array_of(source: str, folder: Path) -> Array:
    """The array of an ``.npy``, or that ``FILE.py:FUNCTION`` returns."""
    if OWN.fullmatch(source):
        return np.asarray(made(source, OwnCode.named(source, folder)))
    try:
        found: Array = np.load(folder / source, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{quoted(source)} is no .npy that can be read: {quoted(error)}") from error
    return found


def _made_model(
    table: ModelTable, maker: Callable[[], Any], initial: Mapping[str, Array]
) -> nn.Module:
    name = table.port or str(table.make)
    model = maker() if isinstance(maker, functools.partial) else made(name, maker)
    if not isinstance(model, nn.Module):
        raise TrainingError(f"{name} must return a torch.nn.Module")
    if not hasattr(model, table.method):
        raise TrainingError(f"model method: {name} has no method {quoted(table.method)}")
    _start_from(model, initial)
    embeddings = {n: m for n, m in model.named_modules() if isinstance(m, nn.Embedding)}
    for pattern in table.sparse:
        chosen = [m for n, m in embeddings.items() if fnmatchcase(n, pattern)]
        if not chosen:
            raise TrainingError(f"model sparse: no embedding is called {quoted(pattern)}")
        for module in chosen:
            module.sparse = True
    return model


@torch.no_grad()
def _start_from(model: nn.Module, initial: Mapping[str, Array]) -> None:
    parameters = dict(model.named_parameters())
    for name, array in initial.items():
        if name not in parameters:
            raise TrainingError(f"model initial: no parameter is called {quoted(name)}")
        wanted = tuple(parameters[name].shape)
        if array.shape != wanted or array.dtype.kind not in "fiu":
            raise TrainingError(
                f"model initial {quoted(name)}: numbers of shape {wanted} are needed, found "
                f"{array.dtype} of shape {array.shape}"
            )
        parameters[name].copy_(torch.tensor(array))  # copied first: workers' arrays are read-only


def fresh_port(folder: Path, keep: tuple[str, ...]) -> nn.Module:
    """A port's model started afresh, but for what does not train or is to be kept."""
    trained = load(folder)
    fresh = made(quoted(folder), type(trained))
    own_state = fresh.state_dict()
    parameters = dict(trained.named_parameters())
    held = {
        name: tensor
        for name, tensor in trained.state_dict().items()
        if any(fnmatchcase(name, pattern) for pattern in keep)
        or (name in parameters and not parameters[name].requires_grad)
    }
    fresh.load_state_dict({**own_state, **held})
    model: nn.Module = fresh
    return model


def plan_of(file: TrainingFile, folder: Path) -> TrainingPlan:
    """How the file has a model trained."""
    table = file.training
    same = {
        field.name: getattr(table, field.name)
        for field in dataclasses.fields(TrainingPlan)
        if field.name in {f.name for f in dataclasses.fields(TrainingTable)}
    }
    metrics = {name: _metric(value, folder) for name, value in table.metrics.items()}
    frozen = {_epoch(epoch): patterns for epoch, patterns in table.frozen.items()}
    return TrainingPlan(
        **same
        | {
            "loss": _losses(table.loss, folder),
            "optimizer": _optimizer(table, folder),
            "scheduler": _scheduler(table.scheduler, folder),
            "metrics": metrics,
            "frozen": frozen,
            "clip": _clip(table.clip, folder),
            "callbacks": tuple(_callback(value, folder) for value in table.callbacks),
            "method": file.model.method,
            "activation": ACTIVATIONS.get(file.model.activation or ""),
            "average": table.average and WeightAverage(**dataclasses.asdict(table.average)),
            "buckets": table.buckets and LengthBuckets(**dataclasses.asdict(table.buckets)),
        }
    )


def folds_of(file: TrainingFile, data: FileData) -> FoldPlan:
    """How the file has rows split."""
    table = file.cross_validation
    return FoldPlan(table.folds, table.repeats, table.stratify, data.groups, data.stratify_by)


def prepare_of(file: TrainingFile, folder: Path) -> Callable[..., Any] | None:
    """What changes a fold's rows before they are learnt from."""
    return OwnCode.named(file.data.prepare, folder) if file.data.prepare else None


def _epoch(text: str) -> int:
    if not text.isdecimal():
        raise TrainingError(f"training frozen: {quoted(text)} is no number of an epoch, from 0")
    return int(text)


def _losses(value: Named | dict[str, Named], folder: Path) -> Any:
    if isinstance(value, dict) and "name" not in value:  # one per output
        return {output: _loss(part, folder) for output, part in value.items()}
    return _loss(value, folder)


def _loss(value: Named, folder: Path) -> Any:
    found, options = called("loss", value, folder)
    if inspect.isclass(found.target if isinstance(found, OwnCode) else found):
        return made("training loss", found, **options)
    return functools.partial(found, **options) if options else found


def _metric(value: Named, folder: Path) -> Any:
    found, options = called("metric", value, folder)
    return made("training metrics", found, **options)


def _clip(value: Named | None, folder: Path) -> Any:
    if value is None:
        return None
    found, options = called("clip", value, folder)
    return functools.partial(found, **options)


def _callback(value: Named, folder: Path) -> Any:
    found, options = called("callback", value, folder)
    return made("training callbacks", found, **options)


def _optimizer(table: TrainingTable, folder: Path) -> Callable[[nn.Module], torch.optim.Optimizer]:
    found, options = called("optimizer", table.optimizer, folder)
    return functools.partial(_made_optimizer, found, options, table.rates)


def _made_optimizer(
    kind: Any, options: dict[str, Any], rates: dict[str, float] | None, model: nn.Module
) -> torch.optim.Optimizer:
    parameters = layer_wise_rates(model, rates) if rates else list(model.parameters())
    optimizer: torch.optim.Optimizer = made("training optimizer", kind, parameters, **options)
    return optimizer


def _scheduler(value: Named | None, folder: Path) -> Any:
    if value is None:
        return None
    found, options = called("scheduler", value, folder)
    return functools.partial(_made_scheduler, found, options)


def _made_scheduler(found: Any, options: dict[str, Any], optimizer: torch.optim.Optimizer) -> Any:
    if inspect.isclass(found) or isinstance(found, OwnCode):
        return made("training scheduler", found, optimizer, **options)
    return RateBySchedule(optimizer, made("training scheduler", found, **options))
