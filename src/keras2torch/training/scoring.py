"""Scores of predictions: scikit-learn's, torchmetrics' and own; the best threshold for F1."""

from __future__ import annotations

import copy
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from keras2torch.errors import TrainingError, quoted
from keras2torch.training.data import Array
from keras2torch.training.splitting import Kind, class_numbers

Score = Callable[[Array, Array], float]
USUAL: Mapping[Kind, tuple[str, ...]] = {
    "binary": ("roc_auc", "average_precision", "neg_log_loss", "accuracy", "f1"),
    "multiclass": ("accuracy", "f1_macro", "neg_log_loss"),
    "multilabel": ("roc_auc", "average_precision", "f1_macro"),
    "regression": ("neg_root_mean_squared_error", "r2"),
}


def score_all(
    scores: Mapping[str, Any] | Sequence[str],
    kind: Kind,
    targets: Array,
    predicted: Array,
    thresholds: Array | None = None,
) -> dict[str, float]:
    """Every score of these predictions.

    A score is a name of scikit-learn's (``roc_auc``, see ``sklearn.metrics.get_scorer_names``),
    ``torchmetrics.classification.BinaryAUROC`` and the like, an object of torchmetrics, or a
    function of (targets, predictions). Where scikit-learn's score labels, a prediction counts as 1
    from 0.5 on; for F1 from its threshold on, if any is given.

    Raises:
        TrainingError: a score is unknown, or can't be computed of such predictions.
    """
    named = scores if isinstance(scores, Mapping) else {name: name for name in scores}
    found = {}
    for name, score in named.items():
        try:
            cuts = thresholds if str(score).startswith("f1") else None
            found[name] = float(_score(score, kind, targets, predicted, cuts))
        except TrainingError:
            raise
        except Exception as error:  # whatever the libraries raise
            raise TrainingError(f"score {quoted(name)}: {quoted(error, 200)}") from error
    return found


def _score(score: Any, kind: Kind, targets: Array, predicted: Array, cuts: Array | None) -> Any:
    if isinstance(score, str) and score.startswith("torchmetrics."):
        module, _, name = score.rpartition(".")
        score = getattr(importlib.import_module(module), name)()
    if hasattr(score, "metric_state"):  # torchmetrics', which take predictions first
        metric = copy.deepcopy(score)
        metric.reset()
        wanted = targets if kind == "regression" else targets.astype(np.int64)
        metric.update(
            torch.from_numpy(
                predicted.reshape(targets.shape) if kind != "multiclass" else predicted
            ),
            torch.from_numpy(class_numbers(wanted) if kind == "multiclass" else wanted),
        )
        return metric.compute()
    if not isinstance(score, str):
        return score(targets, predicted)
    from sklearn.metrics import get_scorer, get_scorer_names

    if score not in get_scorer_names():
        raise TrainingError(f"no score is called {quoted(score)}: scikit-learn's and torchmetrics'")
    return _by_scikit_learn(get_scorer(score), kind, targets, predicted, cuts)


def _by_scikit_learn(
    scorer: Any, kind: Kind, targets: Array, predicted: Array, cuts: Array | None
) -> Any:
    """Show a scorer an estimator that has answered already."""
    if kind == "regression":
        return scorer(_answers(False)(predicted.reshape(targets.shape)), targets, targets)
    if kind == "multilabel":
        y = targets.astype(np.int64)
        labels = labels_from(predicted, cuts)
        columns = [np.stack([1 - p, p], axis=1) for p in predicted.astype(np.float64).T]
        return scorer(_answers(True)(labels, columns, [np.arange(2)] * y.shape[1]), y, y)
    y = class_numbers(targets)
    if kind == "binary":
        p = predicted.reshape(len(y)).astype(np.float64)
        made = _answers(True)(labels_from(p, cuts), np.stack([1 - p, p], axis=1), np.arange(2))
    else:
        p = predicted.astype(np.float64)
        p = p / p.sum(axis=1, keepdims=True)  # float32 sums to 1 by 1e-7 only
        made = _answers(True)(p.argmax(axis=1), p, np.arange(p.shape[1]))
    return scorer(made, y, y)


def _answers(classifies: bool) -> Any:
    """A class of estimators that say what they were made with."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

    class Answered(ClassifierMixin if classifies else RegressorMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self, labels: Any, chances: Any = None, classes: Any = None) -> None:
            self.labels, self.chances, self.classes_ = labels, chances, classes

        def predict(self, _: Any) -> Any:
            return self.labels

        def predict_proba(self, _: Any) -> Any:
            return self.chances

    return Answered


def labels_from(predicted: Array, thresholds: Array | None = None) -> Array:
    """1 where a prediction reaches its threshold, 0.5 where none is given."""
    cuts = 0.5 if thresholds is None else thresholds
    labels: Array = (predicted >= cuts).astype(np.int64)
    return labels


def best_f1_thresholds(targets: Array, predicted: Array) -> tuple[Array, Array]:
    """Per label the threshold with the highest F1, and that F1; every threshold is tried.

    It lies in the middle between two predictions. For (rows,) or (rows, labels).
    """
    columns = targets.reshape(len(targets), -1), predicted.reshape(len(targets), -1)
    found = [_best_f1(y, p) for y, p in zip(columns[0].T, columns[1].T, strict=True)]
    return np.array([t for t, _ in found]), np.array([f1 for _, f1 in found])


def _best_f1(targets: Array, predicted: Array) -> tuple[float, float]:
    order = np.argsort(-predicted, kind="stable")
    p, y = predicted[order].astype(np.float64), targets[order].astype(np.float64)
    hits = np.cumsum(y)  # among the first 1, 2, ... predictions
    f1 = 2 * hits / (np.arange(1, len(y) + 1) + y.sum())
    last_of_equal = np.append(p[1:] != p[:-1], True)
    best = int(np.where(last_of_equal, f1, -1.0).argmax())
    below = p[best + 1] if best + 1 < len(p) else p[best] - 1.0
    return float((p[best] + below) / 2), float(f1[best])


def f1_with_foreign_thresholds(targets: Array, predicted: Array, folds: Sequence[Array]) -> Array:
    """F1 per label where each fold's threshold is the best one of the other folds.

    Closer to new data than the best threshold's own F1, which has seen what it is measured on.
    """
    y, p = targets.reshape(len(targets), -1), predicted.reshape(len(targets), -1)
    labels = np.zeros(y.shape, dtype=np.int64)
    for held_out in folds:
        others = np.setdiff1d(np.arange(len(y)), held_out)
        thresholds, _ = best_f1_thresholds(y[others], p[others])
        labels[held_out] = labels_from(p[held_out], thresholds)
    hits = (labels * y).sum(axis=0)
    found: Array = 2 * hits / np.maximum(1, labels.sum(axis=0) + y.sum(axis=0))
    return found
