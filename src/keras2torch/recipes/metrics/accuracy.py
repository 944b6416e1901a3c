"""Accuracies."""

from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.metrics.common import MetricCall, counted, mean_of
from keras2torch.recipes.table import recipe


@recipe("metric", "Accuracy", "accuracy")
def accuracy(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("exact_match")


@recipe("metric", "BinaryAccuracy", "binary_accuracy", examples=({}, {"threshold": 0.3}))
def binary_accuracy(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("binary_accuracy", threshold=(options.float("threshold", 0.5), 0.5))


@recipe("metric", "CategoricalAccuracy", "categorical_accuracy")
def categorical_accuracy(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("categorical_accuracy")


@recipe("metric", "SparseCategoricalAccuracy", "sparse_categorical_accuracy")
def sparse_categorical_accuracy(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("sparse_categorical_accuracy")


@recipe("metric", "TopKCategoricalAccuracy", "top_k_categorical_accuracy", examples=({}, {"k": 2}))
def top_k_categorical_accuracy(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("top_k_categorical_accuracy", k=(options.int("k", 5, low=1), 5))


@recipe(
    "metric",
    "SparseTopKCategoricalAccuracy",
    "sparse_top_k_categorical_accuracy",
    examples=({}, {"k": 2}, {"k": 3, "from_sorted_ids": True}),
)
def sparse_top_k_categorical_accuracy(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of(
        "sparse_top_k_categorical_accuracy",
        k=(options.int("k", 5, low=1), 5),
        from_sorted_ids=(options.bool("from_sorted_ids", False), False),
    )
