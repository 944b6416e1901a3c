"""One fold of a cross-validation, and the ways to run many: here, in processes, on Ray."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from keras2torch.errors import DataError, Keras2TorchError, TrainingError, quoted
from keras2torch.processes import require
from keras2torch.training.data import Array, ArrayData
from keras2torch.training.fitting import fit
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.predicting import predict
from keras2torch.training.seeding import repeatable_run, seed_streams
from keras2torch.training.splitting import Rows

Engine = Literal["processes", "ray"]
Parts = tuple[ArrayData, ArrayData, ArrayData | None]
ONLY = ""  # the name of the output of a model that has one


@dataclass(frozen=True)
class FoldJob:
    """Which fold of which repeat, by which member of the ensemble; its rows and its seed."""

    number: int
    repeat: int
    member: int
    fold: int
    seed: int
    held_out: Rows

    @property
    def name(self) -> str:
        return f"repeat-{self.repeat}-member-{self.member}-fold-{self.fold}"


@dataclass(frozen=True)
class FoldTask:
    """What all folds share.

    ``prepare`` gets a fold's rows to learn from, its held-out rows and the test rows, and may
    change them: a scaler is fitted on the first and applied to all, so nothing leaks.
    """

    make_model: Callable[[], nn.Module]
    data: ArrayData
    test: ArrayData | None
    plan: TrainingPlan
    prepare: Callable[[ArrayData, ArrayData, ArrayData | None], Parts] | None = None
    checkpoints: Path | None = None
    every: int | None = None


@dataclass(frozen=True)
class FoldResult:
    """What a fold's model says of the rows it has not seen, by output; its history and weights."""

    job: FoldJob
    held_out: Mapping[str, Array]
    test: Mapping[str, Array]
    history: Mapping[str, list[float]]
    weights: Mapping[str, torch.Tensor]


def run_fold(task: FoldTask, job: FoldJob) -> FoldResult:
    """Train a fresh model on all but the held-out rows. A function of its arguments alone."""
    plan = dataclasses.replace(task.plan, seed=job.seed)
    others = np.setdiff1d(np.arange(len(task.data)), job.held_out)
    parts: Parts = task.data.rows(others), task.data.rows(job.held_out), task.test
    if torch.cuda.is_available() and plan.device != "cpu":
        torch.cuda.set_device(job.number % torch.cuda.device_count())
    with repeatable_run(plan.deterministic, plan.threads):
        seed_streams(job.seed)
        learnt, held_out, test = task.prepare(*parts) if task.prepare else parts
        model = task.make_model()
        kept = task.checkpoints / job.name if task.checkpoints else None
        told = fit(
            model,
            learnt,
            plan,
            validation=held_out,
            checkpoints=kept,
            every=task.every,
            resume=kept is not None,
        )
        weights = {name: t.detach().cpu().clone() for name, t in model.state_dict().items()}
        return FoldResult(
            job,
            _by_output(predict(model, held_out, plan)),
            {} if test is None else _by_output(predict(model, test, plan)),
            told.history,
            weights,
        )


def run_folds(
    task: FoldTask, jobs: Sequence[FoldJob], workers: int, engine: Engine
) -> Iterator[FoldResult]:
    """The folds' results as they come.

    Raises:
        TrainingError: a worker has died (on Ray: again and again).
    """
    if engine == "ray":
        yield from _on_ray(task, jobs)
    elif workers == 1:
        for job in jobs:
            yield run_fold(task, job)
    else:
        yield from _in_processes(task, jobs, workers)


def _in_processes(task: FoldTask, jobs: Sequence[FoldJob], workers: int) -> Iterator[FoldResult]:
    require("joblib")
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # Large arrays lie in files that all workers map, not in the memory of each.
    pool = Parallel(n_jobs=min(workers, len(jobs)), return_as="generator_unordered")
    try:
        yield from pool(delayed(run_fold)(task, job) for job in jobs)
    except TerminatedWorkerError as error:
        raise TrainingError(
            "a worker was killed, for want of memory perhaps; with resume the finished folds are "
            "kept, and fewer workers need less"
        ) from error


def _on_ray(task: FoldTask, jobs: Sequence[FoldJob]) -> Iterator[FoldResult]:
    require("ray")
    import ray

    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    # A fold whose worker or machine is lost runs again, on another one.
    options: dict[str, Any] = {"num_cpus": task.plan.threads or 1, "max_retries": 3}
    if task.plan.device == "cuda":
        options["num_gpus"] = 1
    try:
        remote = ray.remote(**options)(run_fold)
        shared = ray.put(dataclasses.replace(task, checkpoints=None))  # no disk in common
        waiting = [remote.remote(shared, job) for job in jobs]
        while waiting:
            ready, waiting = ray.wait(waiting)
            yield ray.get(ready[0])
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, Keras2TorchError):
            raise error.cause from error
        raise
    except ray.exceptions.RayError as error:
        raise TrainingError(f"Ray: {quoted(error, 300)}") from error
    finally:
        if started:
            ray.shutdown()


def _by_output(predictions: Any) -> dict[str, Array]:
    if isinstance(predictions, Mapping):
        return dict(predictions)
    if isinstance(predictions, tuple):
        raise DataError("a model of several outputs returns them by name, in a dict")
    return {ONLY: predictions}
