"""Cross-validation: a fresh model per fold, predictions of rows that no model has seen."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from keras2torch.errors import TrainingError, quoted
from keras2torch.training.data import Array, ArrayData
from keras2torch.training.fold_files import FoldFiles
from keras2torch.training.folds import (
    ONLY,
    Engine,
    FoldJob,
    FoldResult,
    FoldTask,
    Parts,
    run_folds,
)
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.scoring import (
    USUAL,
    best_f1_thresholds,
    f1_with_foreign_thresholds,
    score_all,
)
from keras2torch.training.seeding import derived_seed
from keras2torch.training.splitting import FoldPlan, Kind, kind_of_targets, split_rows


@dataclass(frozen=True)
class FoldOutcome:
    """One fold: what it was, its scores on the rows it held out, its history."""

    job: FoldJob
    scores: Mapping[str, float]
    history: Mapping[str, list[float]]


@dataclass(frozen=True)
class Threshold:
    """From where on a prediction counts as 1: the best per label for F1, out of fold.

    ``f1_foreign`` is F1 where each fold is measured with the best threshold of the others.
    """

    thresholds: Array
    f1: Array
    f1_foreign: Array


@dataclass(frozen=True)
class CrossValidation:
    """What a cross-validation found; by the name of the output, "" for a model that has one.

    ``oof`` are the predictions for every row by models that have not seen it, in the rows' order,
    ``test`` those for the test rows; both are means over all models that made one.
    """

    kinds: Mapping[str, Kind]
    targets: Mapping[str, Array]
    oof: Mapping[str, Array]
    test: Mapping[str, Array]
    folds: Sequence[FoldOutcome]
    scores: Mapping[str, float]
    thresholds: Mapping[str, Threshold]


def cross_validate(
    make_model: Callable[[], nn.Module],
    data: ArrayData,
    plan: TrainingPlan,
    *,
    folds: int | FoldPlan = 5,
    seeds: int = 1,
    test: ArrayData | None = None,
    scores: Mapping[str, Any] | Sequence[str] | None = None,
    prepare: Callable[[ArrayData, ArrayData, ArrayData | None], Parts] | None = None,
    workers: int | None = None,
    engine: Engine = "processes",
    out: str | Path | None = None,
    every: int | None = None,
    resume: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> CrossValidation:
    """Train a fresh model per fold and predict the rows that it has not seen.

    Each fold is a function of data, plan and its own seed: here, in two processes or on Ray it
    gives the same bits. It runs on one thread unless the plan says otherwise, and as many at once
    as there are cores (or GPUs).

    Args:
        make_model: Makes a model with fresh weights; called once per fold, after seeding.
        data: The rows.
        plan: How each model is trained; its seed decides splits and the folds' seeds.
        folds: Into how many parts the rows are split, or how exactly.
        seeds: How many models per fold, each with a seed of its own.
        test: Rows that every model predicts.
        scores: See ``score_all``; by default what is usual for such targets.
        prepare: Changes a fold's rows; fitted on those it learns from, so nothing leaks.
        workers: How many folds at once; 1 runs them in this process.
        engine: ``ray`` for a cluster: ``RAY_ADDRESS`` or ``ray.init`` says which, else here.
        out: A folder for everything found, weights too, and a page, ``report.html``.
        every: Keep each fold's state there after so many updates, besides each epoch.
        resume: Take over the folds that an interrupted run has finished there, and begun here.
        progress: Told (what, done, of how much).

    Raises:
        DataError: rows, labels, classes or groups don't allow such folds.
        TrainingError: a setting, a score or a worker fails.
    """
    split = FoldPlan(folds) if isinstance(folds, int) else folds
    plan = dataclasses.replace(plan, threads=plan.threads or 1)
    targets = _outputs(data.labelled())
    jobs = _jobs(split_rows(data.labelled(), len(data), split, plan.seed), seeds, plan.seed)
    files = FoldFiles(Path(out)) if out else None
    done = files.begin(_identity(data, plan, jobs), jobs, resume) if files else {}
    task = FoldTask(
        make_model, data, test, plan, prepare, files.checkpoints if files else None, every
    )
    waiting = [job for job in jobs if job.number not in done]
    if progress:
        progress("folds", len(done), len(jobs))
    for result in run_folds(task, waiting, workers or _cores(plan, len(jobs)), engine):
        done[result.job.number] = files.keep(result) if files else result
        if progress:
            progress("folds", len(done), len(jobs))
    found = _together([done[job.number] for job in jobs], targets, len(data), scores)
    if files:
        files.finish(found)
    return found


def _jobs(splits: list[list[Array]], seeds: int, seed: int) -> list[FoldJob]:
    if seeds < 1:
        raise TrainingError(f"{seeds} seeds: a fold needs a model at least")
    which = [
        (repeat, member, fold, held_out)
        for repeat, folds in enumerate(splits)
        for member in range(seeds)
        for fold, held_out in enumerate(folds)
    ]
    return [
        FoldJob(number, repeat, member, fold, derived_seed(seed, repeat, member, fold), held_out)
        for number, (repeat, member, fold, held_out) in enumerate(which)
    ]


def _cores(plan: TrainingPlan, jobs: int) -> int:
    """How many folds at once: one per GPU, or as many as have their threads."""
    if plan.device != "cpu" and torch.cuda.is_available():
        return min(jobs, torch.cuda.device_count())
    return max(1, min(jobs, len(os.sched_getaffinity(0)) // (plan.threads or 1)))


def _outputs(arrays: Array | Mapping[str, Array]) -> dict[str, Array]:
    return dict(arrays) if isinstance(arrays, Mapping) else {ONLY: arrays}


def _together(
    results: list[FoldResult],
    targets: Mapping[str, Array],
    count: int,
    scores: Mapping[str, Any] | Sequence[str] | None,
) -> CrossValidation:
    """The folds' predictions as one, and what they are worth."""
    for name in targets:
        if name not in results[0].held_out:
            raise TrainingError(f"labels for output {quoted(name)}, which the model does not have")
    oof = {
        name: _out_of_fold([(r.job, r.held_out[name]) for r in results], count) for name in targets
    }
    test = {name: _mean([r.test[name] for r in results]) for name in results[0].test}
    kinds = {name: kind_of_targets(y) for name, y in targets.items()}
    split = [r.job.held_out for r in results if r.job.repeat == r.job.member == 0]
    thresholds = {
        name: _threshold(y, one_column(kinds[name], oof[name]), split)
        for name, y in targets.items()
        if kinds[name] in ("binary", "multilabel")
    }

    def scored(rows: Array, predicted: Mapping[str, Array]) -> dict[str, float]:
        found: dict[str, float] = {}
        for name, y in targets.items():
            kind, cuts = kinds[name], thresholds.get(name)
            chosen = USUAL[kind] if scores is None else scores
            shown = one_column(kind, predicted[name])
            own = score_all(chosen, kind, y[rows], shown, cuts.thresholds if cuts else None)
            found |= {f"{name}/{score}" if name else score: v for score, v in own.items()}
        return found

    outcomes = [FoldOutcome(r.job, scored(r.job.held_out, r.held_out), r.history) for r in results]
    whole = scored(np.arange(count), oof)
    return CrossValidation(kinds, targets, oof, test, outcomes, whole, thresholds)


def one_column(kind: Kind, predicted: Array) -> Array:
    """Of two chances that sum to 1 the second."""
    return predicted[:, 1] if kind == "binary" and predicted.shape[1:] == (2,) else predicted


def _threshold(targets: Array, predicted: Array, folds: list[Array]) -> Threshold:
    thresholds, f1 = best_f1_thresholds(targets, predicted)
    return Threshold(thresholds, f1, f1_with_foreign_thresholds(targets, predicted, folds))


def _out_of_fold(parts: list[tuple[FoldJob, Array]], count: int) -> Array:
    """The mean over repeats and members of the predictions for each row."""
    whole: dict[tuple[int, int], Array] = {}
    for job, predicted in parts:
        key = (job.repeat, job.member)
        if key not in whole:
            whole[key] = np.empty((count, *predicted.shape[1:]), predicted.dtype)
        whole[key][job.held_out] = predicted
    return _mean([whole[key] for key in sorted(whole)])


def _mean(arrays: list[Array]) -> Array:
    """In the order given, so that the bits are the same whichever fold ended first."""
    summed = arrays[0].astype(np.float64)
    for array in arrays[1:]:
        summed = summed + array
    found: Array = (summed / len(arrays)).astype(arrays[0].dtype)
    return found


def _identity(data: ArrayData, plan: TrainingPlan, jobs: list[FoldJob]) -> dict[str, Any]:
    """What must be the same for finished folds to be taken over."""
    return {
        "rows": len(data),
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "seeds": [job.seed for job in jobs],
        "held out": [int(job.held_out.sum()) for job in jobs],
    }
