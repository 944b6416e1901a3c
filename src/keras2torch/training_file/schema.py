"""What a training file can say.

    [model]
    make = "model.py:build"              # or port = "a port's folder"
    method = "logits"                    # whose outputs the loss takes
    activation = "sigmoid"               # makes predictions of them

    [data]
    train = "train.npz"                  # or "data.py:load"
    test = "test.npz"

    [training]
    loss = "BCEWithLogitsLoss"
    optimizer = { name = "Adam", lr = 1e-3 }
    scheduler = { name = "CyclicLR", base_lr = 1e-3, max_lr = 3e-3, step_size_up = 300 }
    epochs = 5
    batch_size = 512

    [cross_validation]
    folds = 5
    scores = ["roc_auc", "f1"]

Paths are taken from the file's own folder.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from keras2torch.errors import TrainingError, quoted
from keras2torch.training_file.tables import read_into

Named = str | dict[str, Any]  # a name, or a table with name and options


@dataclass(frozen=True)
class ModelTable:
    """What is trained: ``port`` is a port's folder, ``make`` a function that makes a module.

    A port starts afresh, but for parameters that don't train, pretrained embeddings say, and those
    that fit the patterns ``keep``; ``keep = ["*"]`` goes on from its weights. ``initial`` names the
    arrays that parameters start from: an ``.npy``, or a function that returns one, called once for
    all folds. Embeddings that fit ``sparse`` get sparse gradients: with them Keras' optimizers
    follow TensorFlow.
    """

    port: str | None = None
    make: str | None = None
    method: str = "forward"
    activation: Literal["sigmoid", "softmax"] | None = None
    keep: tuple[str, ...] = ()
    initial: dict[str, str] = field(default_factory=dict)
    sparse: tuple[str, ...] = ()


@dataclass(frozen=True)
class DataTable:
    """Files of arrays, or functions that return such arrays by name; ``groups`` names one.

    ``prepare`` is a function of (rows to learn from, held-out rows, test rows) that returns them
    changed: a scaler fitted on the first, so that nothing leaks.
    """

    train: str
    test: str | None = None
    validation: str | None = None
    groups: str | None = None
    stratify_by: str | None = None
    prepare: str | None = None


@dataclass(frozen=True)
class AverageTable:
    """The average of the weights: SWA, or EMA with ``decay``."""

    decay: float | None = None
    first_epoch: int = 0
    per: Literal["batch", "epoch"] = "batch"


@dataclass(frozen=True)
class BucketsTable:
    """Batches of sequences of similar length; exact for models that mask their padding."""

    inputs: tuple[str, ...]
    pad: int = 0
    side: Literal["left", "right"] = "right"
    window: int = 50


@dataclass(frozen=True)
class TrainingTable:
    """How it is trained. A name is torch's, ``keras.NAME`` this package's, ``FILE.py:NAME`` own.

    ``rates`` are factors of the learning rate by pattern of parameters; ``frozen`` has, from the
    epoch that is its key on, the patterns of those that stay as they are.
    """

    loss: Named | dict[str, Named]
    optimizer: Named
    epochs: int = 1
    batch_size: int = 32
    loss_weights: dict[str, float] | None = None
    metrics: dict[str, Named] = field(default_factory=dict)
    scheduler: Named | None = None
    scheduler_per: Literal["batch", "epoch"] = "batch"
    clip_norm: float | None = None
    clip_value: float | None = None
    clip: Named | None = None
    accumulate: int = 1
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    rates: dict[str, float] | None = None
    frozen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    callbacks: tuple[Named, ...] = ()
    average: AverageTable | None = None
    buckets: BucketsTable | None = None
    shuffle: bool = True
    seed: int = 0
    data_workers: int = 0
    deterministic: bool = True
    threads: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    checkpoint_every: int | None = None


@dataclass(frozen=True)
class CrossValidationTable:
    """The folds, and what is measured."""

    folds: int = 5
    repeats: int = 1
    seeds: int = 1
    stratify: bool | None = None
    scores: tuple[str, ...] | dict[str, str] | None = None


@dataclass(frozen=True)
class QuickTable:
    """How small ``--quick`` is."""

    rows: int = 600
    epochs: int = 1
    folds: int = 2


@dataclass(frozen=True)
class TrainingFile:
    """All tables of a file."""

    model: ModelTable
    data: DataTable
    training: TrainingTable
    cross_validation: CrossValidationTable = field(default_factory=CrossValidationTable)
    quick: QuickTable = field(default_factory=QuickTable)


def read_training_file(path: Path) -> TrainingFile:
    """Read and check a training file.

    Raises:
        TrainingError: it can't be read, is no TOML, or says something that means nothing.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"{quoted(path)} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise TrainingError(f"{quoted(path)} is not UTF-8: {error.reason}") from error
    except tomllib.TOMLDecodeError as error:
        raise TrainingError(f"{quoted(path)} is no TOML: {quoted(error, 200)}") from error
    tables = read_into(TrainingFile, table, path.name)
    if (tables.model.port is None) == (tables.model.make is None):
        raise TrainingError(f"{path.name} model must have either port or make")
    return tables
