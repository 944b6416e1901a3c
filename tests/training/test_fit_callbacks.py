"""Callbacks in ``fit``: told what happens, stopping it, and remembered over a kill."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from small import bits, fresh, small_data, small_plan
from torch import nn

from keras2torch.errors import TrainingError
from keras2torch.training.callbacks.backup_and_restore import BackupAndRestore
from keras2torch.training.callbacks.callback import Callback
from keras2torch.training.callbacks.csv_logger import CSVLogger
from keras2torch.training.callbacks.early_stopping import EarlyStopping
from keras2torch.training.callbacks.swap_ema_weights import SwapEMAWeights
from keras2torch.training.callbacks.terminate_on_nan import TerminateOnNaN
from keras2torch.training.fitting import fit
from keras2torch.training.plan import WeightAverage

DATA, VALIDATION = small_data(), small_data(20, 1)


class Written(Callback):
    """Writes down what it is told."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def __deepcopy__(self, _: Any) -> Written:
        return self

    def on_train_begin(self) -> None:
        self.told.append("train")

    def on_epoch_begin(self, epoch: int) -> None:
        self.told.append(f"epoch {epoch}")

    def on_batch_end(self, batch: int, logs: Callable[[], dict[str, float]]) -> None:
        self.told.append(f"batch {batch}, step {self.state.step}, {sorted(logs())}")

    def on_test_begin(self) -> None:
        self.told.append("test")

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        self.told.append(f"end of {epoch}, {sorted(logs)}")

    def on_train_end(self) -> None:
        self.told.append("end")


def test_callbacks_are_told_in_keras_order() -> None:
    told: list[str] = []
    plan = small_plan(epochs=1, batch_size=25, callbacks=[Written(told)])
    fit(fresh(), DATA, plan, validation=VALIDATION)
    assert told == [
        "train",
        "epoch 0",
        "batch 0, step 1, ['loss']",
        "batch 1, step 2, ['loss']",
        "test",
        "end of 0, ['learning_rate', 'loss', 'val_loss']",
        "end",
    ]


def diverging(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=30.0)


def stopping(**options: Any) -> list[Callback]:
    return [EarlyStopping(patience=2, restore_best_weights=True, **options)]


def test_stopped_early_it_ends_with_the_best_weights(tmp_path: Path) -> None:
    plan = small_plan(epochs=12, optimizer=diverging, callbacks=stopping())
    model = fresh()
    told = fit(model, DATA, plan, validation=VALIDATION)
    losses = told.history["val_loss"]
    best = losses.index(min(losses))
    assert told.epochs == len(losses) == best + 3 < 12
    other = fresh()
    fit(other, DATA, small_plan(epochs=best + 1, optimizer=diverging))
    assert bits(model) == bits(other)

    def interrupt(_: str, batch: int, __: int) -> None:
        seen.append(batch)
        if len(seen) == 4 * best + 6:  # when the best is remembered
            raise KeyboardInterrupt

    seen: list[int] = []
    kept: dict[str, Any] = {"validation": VALIDATION, "checkpoints": tmp_path, "every": 1}
    with pytest.raises(KeyboardInterrupt):
        fit(fresh(), DATA, plan, progress=interrupt, **kept)
    resumed = fresh(9)
    assert fit(resumed, DATA, plan, resume=True, **kept) == told
    assert bits(resumed) == bits(model)


def test_rows_are_appended_when_it_goes_on(tmp_path: Path) -> None:
    callbacks = [CSVLogger(str(tmp_path / "log.csv"))]
    fit(fresh(), DATA, small_plan(epochs=2, callbacks=callbacks), checkpoints=tmp_path)
    plan = small_plan(epochs=3, callbacks=callbacks)
    fit(fresh(), DATA, plan, checkpoints=tmp_path, resume=True)
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [row["epoch"] for row in rows] == ["0", "1", "2"]


def test_a_loss_that_is_no_number_can_end_the_run_quietly() -> None:
    def far(model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(model.parameters(), lr=1e30)

    plan = small_plan(optimizer=far, loss=nn.MSELoss(), callbacks=[TerminateOnNaN()])
    assert fit(fresh(), DATA, plan).updates < 4


def test_validation_can_be_of_the_averages() -> None:
    average = WeightAverage(decay=0.9)
    model = fresh()
    plan = small_plan(average=average, callbacks=[SwapEMAWeights()])
    told = fit(model, DATA, plan, validation=VALIDATION)
    other = fresh()
    plain = fit(other, DATA, small_plan(average=average), validation=VALIDATION)
    assert bits(model) == bits(other)
    assert told.history["loss"] == plain.history["loss"]
    assert told.history["val_loss"] != plain.history["val_loss"]
    last = fit(model, DATA, small_plan(epochs=0))
    assert last.updates == 0
    swapped = fresh()
    plan = small_plan(average=average, callbacks=[SwapEMAWeights(swap_on_epoch=True)])
    fit(swapped, DATA, plan, validation=VALIDATION)
    assert bits(swapped) == bits(model)


def test_keeping_checkpoints_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="fit keeps checkpoints itself"):
        fit(fresh(), DATA, small_plan(callbacks=[BackupAndRestore(str(tmp_path))]))
