"""F scores, and intersection over union."""

from __future__ import annotations

from typing import Any

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.metrics.common import MetricCall, bounded, counted, differing
from keras2torch.recipes.table import recipe


def _score(options: Config) -> dict[str, tuple[Any, Any]]:
    counted(options)
    average = options.raw("average", None)
    if average is not None:
        average = options.choice("average", ("micro", "macro", "weighted"))
    threshold = options.float_or_none("threshold")
    if threshold is not None and not 0 < threshold <= 1:
        raise options.wrong("threshold", "a number above 0, of 1 at most", threshold)
    return {"average": (average, None), "threshold": (threshold, None)}


AVERAGES: tuple[dict[str, Any], ...] = (
    {},
    {"average": "micro"},
    {"average": "macro"},
    {"average": "weighted"},
    {"threshold": 0.3},
    {"threshold": 0.5, "average": "micro"},
    {"threshold": 0.25, "average": "weighted"},
)


@recipe("metric", "F1Score", "f1_score", examples=AVERAGES)
def f1_score(options: Config, backend: str) -> MetricCall:
    return MetricCall("F1Score", options=differing(**_score(options)))


@recipe(
    "metric",
    "FBetaScore",
    "fbeta_score",
    "f_beta_score",
    examples=(*AVERAGES, {"beta": 2.0}, {"beta": 0.5, "average": "macro"}),
)
def fbeta_score(options: Config, backend: str) -> MetricCall:
    beta = options.float("beta", 1.0)
    if beta <= 0:
        raise options.wrong("beta", "above 0", beta)
    return MetricCall("FBetaScore", options=differing(**_score(options), beta=(beta, 1.0)))


def _pixels(options: Config) -> dict[str, tuple[Any, Any]]:
    """What all have: whether weights are cut to whole numbers, which the dtype tells."""
    options.ignore("name")
    dtype = options.raw("dtype", None)
    whole = dtype in (None, "int", "int32", "int64")
    if not whole and dtype not in ("float32", "float64"):
        raise UnsupportedError(f"{options.where}: dtype={quoted(dtype)} has no exact port yet")
    return {"whole_weights": (whole, True)}


def _classes(options: Config) -> dict[str, tuple[Any, Any]]:
    """What those of several classes have besides. Of other axes than the last, Keras can't tell
    the result."""
    options.require("axis", -1, -1)
    ignored = options.raw("ignore_class", None)
    if ignored is not None:
        ignored = options.int("ignore_class")
    return {
        "ignore_class": (ignored, None),
        "sparse_outputs": (options.bool("sparse_y_pred", True), True),
        **_pixels(options),
    }


def _targets(options: Config, classes: int) -> list[int]:
    found = list(options.ints("target_class_ids", low=0))
    if not found or max(found) >= classes:
        raise options.wrong("target_class_ids", f"numbers of {classes} classes", found)
    return found


def _number(options: Config) -> int:
    number = bounded(options, "num_classes", -1, 1)
    if number > 2**12:  # the matrix has the square of it
        raise UnsupportedError(f"{options.where}: num_classes={number} is too many")
    return number


PIXELS: tuple[dict[str, Any], ...] = (
    {"num_classes": 3},
    {"num_classes": 2},
    {"num_classes": 3, "ignore_class": 1},
    {"num_classes": 3, "ignore_class": -1, "dtype": "float32"},
)


@recipe(
    "metric",
    "IoU",
    "io_u",
    examples=(
        {"num_classes": 3, "target_class_ids": [0, 2]},
        {"num_classes": 3, "target_class_ids": [1], "ignore_class": 0},
        {
            "num_classes": 6,
            "target_class_ids": [1, 5],
            "sparse_y_pred": False,
            "sparse_y_true": False,
        },
    ),
)
def iou(options: Config, backend: str) -> MetricCall:
    number = _number(options)
    given = differing(
        target_class_ids=(_targets(options, number), None),
        sparse_targets=(options.bool("sparse_y_true", True), True),
        **_classes(options),
    )
    return MetricCall("IoU", (number,), given)


@recipe(
    "metric",
    "MeanIoU",
    "mean_io_u",
    examples=(*PIXELS, {"num_classes": 6, "sparse_y_pred": False}),
)
def mean_iou(options: Config, backend: str) -> MetricCall:
    sparse = (options.bool("sparse_y_true", True), True)
    given = differing(sparse_targets=sparse, **_classes(options))
    return MetricCall("IoU", (_number(options),), given)


ONE_HOT: tuple[dict[str, Any], ...] = (
    {"num_classes": 6, "target_class_ids": [0, 2]},
    {"num_classes": 6, "target_class_ids": [1], "ignore_class": 0},
)


@recipe("metric", "OneHotIoU", "one_hot_io_u", examples=ONE_HOT)
def one_hot_iou(options: Config, backend: str) -> MetricCall:
    number = _number(options)
    given = differing(
        target_class_ids=(_targets(options, number), None),
        **_one_hot(options),
    )
    return MetricCall("IoU", (number,), given)


@recipe(
    "metric",
    "OneHotMeanIoU",
    "one_hot_mean_io_u",
    examples=({"num_classes": 6}, {"num_classes": 6, "dtype": "float32"}),
)
def one_hot_mean_iou(options: Config, backend: str) -> MetricCall:
    return MetricCall("IoU", (_number(options),), differing(**_one_hot(options)))


def _one_hot(options: Config) -> dict[str, tuple[Any, Any]]:
    sparse = options.bool("sparse_y_pred", False)
    return {
        "sparse_targets": (False, True),
        **_classes(options),
        "sparse_outputs": (sparse, True),
    }


@recipe(
    "metric",
    "BinaryIoU",
    "binary_io_u",
    examples=({}, {"threshold": 0.3}, {"target_class_ids": [1], "dtype": "float32"}),
)
def binary_iou(options: Config, backend: str) -> MetricCall:
    both = [0, 1]
    found = _targets(options, 2) if "target_class_ids" in options else both
    given = differing(
        target_class_ids=(found, both),
        threshold=(options.float("threshold", 0.5), 0.5),
        **_pixels(options),
    )
    return MetricCall("BinaryIoU", options=given)
