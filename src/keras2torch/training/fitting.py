"""Trains a model: the explicit loop as a function, resumable at any batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from keras2torch.errors import TrainingError, quoted
from keras2torch.training.batches import Samples, row_count
from keras2torch.training.checkpoint_folder import newest_checkpoint, save_checkpoint
from keras2torch.training.data import in_dtype_of
from keras2torch.training.hooks import CallbackHooks, RunState
from keras2torch.training.loop import TrainingLoop
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.seeding import repeatable_run

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Fitted:
    """What a training told: ``loss``, metrics, ``val_...`` of each epoch; and how far it went."""

    history: dict[str, list[float]]
    epochs: int
    updates: int


def fit(
    model: nn.Module,
    data: Samples,
    plan: TrainingPlan,
    *,
    validation: Samples | None = None,
    checkpoints: str | Path | None = None,
    every: int | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Fitted:
    """Train a model in place, and leave it in eval mode.

    Runs on one processor or GPU, or on as many as ``torchrun`` or ``accelerate launch`` started
    this program on: the rows of each batch are shared among them.

    Args:
        model: Any module; its parameters are what training starts from.
        data: Arrays, or a data set of (inputs, targets[, weights]). Arrays of floating-point inputs
            become the dtype of the model's parameters.
        plan: Losses, optimizer, epochs and everything else.
        validation: Other rows, measured after each epoch.
        checkpoints: A folder; the state is kept there after each epoch.
        every: And after so many updates.
        resume: Go on from the newest checkpoint, if there is any: the end is the same, bit by bit.
        progress: Told (what, done, of how much).

    Raises:
        TrainingError: a setting, the device or a checkpoint does not allow it, or the loss is NaN.
        DataError: the data has no labels, lengths that differ, or values that are no numbers.
    """
    with repeatable_run(plan.deterministic, plan.threads):
        loop = TrainingLoop(model, in_dtype_of(model, data), plan)
        run = _Run(loop, plan, Path(checkpoints) if checkpoints else None, every, progress)
        if resume:
            run.take_up()
        return run.to_end(in_dtype_of(model, validation))


class _Run:
    """One training from where it stands to its end."""

    def __init__(
        self,
        loop: TrainingLoop,
        plan: TrainingPlan,
        folder: Path | None,
        every: int | None,
        progress: Progress | None,
    ) -> None:
        self.loop, self.plan, self.folder, self.every = loop, plan, folder, every
        self.progress = progress if loop.accelerator.is_main_process else None
        self.history: dict[str, list[float]] = {}
        self.epoch = self.batch = 0
        self.state = RunState(loop.optimizer, loop.average, plan.epochs)
        writes = loop.accelerator.is_main_process
        self.hooks = CallbackHooks(plan.callbacks, loop.model, self.state, writes)
        self.remembered: list[dict[str, Any]] | None = None

    def to_end(self, validation: Samples | None) -> Fitted:
        self._tell_state()
        self.hooks.begin(self.remembered)
        while self.epoch < self.plan.epochs and not self.state.stop:
            self._epoch(validation)
        self.loop.finish()
        self.hooks.end()
        return Fitted(self.history, self.epoch, self.loop.updates)

    def _epoch(self, validation: Samples | None) -> None:
        loop, epoch = self.loop, self.epoch
        loop.begin_epoch(epoch)
        if self.batch == 0:
            self.hooks.epoch_begins(epoch)
        count, batches = loop.batches(epoch, self.batch)
        for batch in batches:
            loop.update(batch, epoch)
            self._tell_state()
            if self.hooks:
                self.hooks.batch_ended(self.batch, loop.logs_so_far)
            self.batch += 1
            if self.state.stop and loop.accelerator.num_processes == 1:
                break
            if self.progress:
                self.progress(f"epoch {epoch + 1}", self.batch, count)
            if self.every and self.batch % self.every == 0 and self.batch < count:
                self._keep()
        logs = loop.end_epoch(epoch)
        if validation is not None:
            found = self.hooks.validated(lambda: loop.validate(validation))
            logs |= {f"val_{name}": value for name, value in found.items()}
        self.hooks.epoch_ended(epoch, logs)
        loop.follow_schedule(logs)
        self.state.stop = loop.anywhere(self.state.stop)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)
        if not math.isfinite(logs["loss"]) and not self.state.stop:
            raise TrainingError(
                f"the loss is {logs['loss']} in epoch {epoch + 1}: a lower learning rate, or "
                "clip_norm, may keep it finite"
            )
        self.epoch, self.batch = epoch + 1, 0
        self._keep()

    def _tell_state(self) -> None:
        self.state.step, self.state.epoch = self.loop.updates, self.epoch

    def _keep(self) -> None:
        if self.folder is None:
            return
        state = {
            "run": self._identity(),
            "epoch": self.epoch,
            "batch": self.batch,
            "history": self.history,
            "stop": self.state.stop,
            "callbacks": self.hooks.state_dict(),
            **self.loop.state_dict(),
        }
        if self.loop.accelerator.is_main_process:
            # Ordered by how many batches were seen in all: an overflow is no update.
            save_checkpoint(self.folder, self.loop.seen, state)

    def take_up(self) -> None:
        """Go on where the newest checkpoint was written."""
        if self.folder is None:
            raise TrainingError("resume needs a folder with checkpoints")
        state = newest_checkpoint(self.folder)
        if state is None:
            return
        for name, value in self._identity().items():
            if state["run"].get(name) != value:
                raise TrainingError(
                    f"the checkpoints in {quoted(self.folder)} are of another run: {name} was "
                    f"{quoted(state['run'].get(name))}, now {quoted(value)}"
                )
        self.loop.load_state_dict(state)
        self.epoch, self.batch = state["epoch"], state["batch"]
        self.state.stop, self.remembered = state["stop"], state["callbacks"]
        self.history = {name: list(values) for name, values in state["history"].items()}

    def _identity(self) -> dict[str, Any]:
        """What must be the same for a run to be gone on with."""
        shapes = {n: list(p.shape) for n, p in self.loop.model.named_parameters()}
        return {
            "seed": self.plan.seed,
            "batch_size": self.plan.batch_size,
            "rows": row_count(self.loop.data),
            "processes": self.loop.accelerator.num_processes,
            "parameters": sum(int(np.prod(shape)) for shape in shapes.values()),
        }
