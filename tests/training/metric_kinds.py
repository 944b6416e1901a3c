"""Which batches each metric is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from metric_streams import (
    Make,
    binary,
    binary_flat,
    both_flat,
    classes,
    column,
    counts,
    labels,
    labels_weighted,
    logits,
    numbered,
    numbered_column,
    pixels,
    pixels_flat,
    sides,
    signs,
    sorted_numbers,
    steps,
    steps_by_sample,
    steps_masked,
    steps_numbered,
    tables,
    values,
    whole,
)

Kinds = tuple[Make, ...]

NUMBERS: Kinds = (column, values, tables)
POSITIVES: Kinds = (binary, binary_flat, both_flat, labels, labels_weighted, steps)
SCORES: Kinds = (classes, labels)
KINDS: dict[str, Kinds] = {
    "Accuracy": (whole, binary_flat),
    "BinaryAccuracy": (binary, binary_flat, both_flat, logits, labels, steps),
    "CategoricalAccuracy": (classes, steps, steps_by_sample, steps_masked),
    "SparseCategoricalAccuracy": (numbered, numbered_column, steps_numbered),
    "TopKCategoricalAccuracy": (classes, steps),
    "SparseTopKCategoricalAccuracy": (numbered, steps_numbered),
    "F1Score": SCORES,
    "FBetaScore": SCORES,
    "IoU": (pixels, pixels_flat),
    "MeanIoU": (pixels, pixels_flat),
    "OneHotIoU": (steps, classes),
    "OneHotMeanIoU": (steps, classes),
    "BinaryIoU": (labels_weighted, both_flat),
    "MeanSquaredError": (*NUMBERS, steps_masked),
    "MeanAbsoluteError": NUMBERS,
    "MeanAbsolutePercentageError": NUMBERS,
    "MeanSquaredLogarithmicError": NUMBERS,
    "RootMeanSquaredError": NUMBERS,
    "LogCoshError": NUMBERS,
    "CosineSimilarity": (values, tables),
    "R2Score": (values, column),
    "PearsonCorrelation": (values, tables),
    "ConcordanceCorrelation": (values, tables),
    "Hinge": (sides, signs, values, steps),
    "SquaredHinge": (sides, signs, values, steps),
    "CategoricalHinge": (classes, steps, sides),
    "Poisson": (counts, sides, steps),
    "KLDivergence": (classes, labels, sides),
    "BinaryCrossentropy": (binary, labels, steps),
    "CategoricalCrossentropy": (classes, steps, steps_masked),
    "SparseCategoricalCrossentropy": (numbered, numbered_column, steps_numbered),
}


def kinds_for(name: str, config: Mapping[str, Any]) -> Kinds:
    """The kinds of batches for a metric; the first is what ``make test`` runs."""
    if config.get("from_sorted_ids"):
        return (sorted_numbers,)
    if config.get("from_logits") and name in ("AUC", "BinaryCrossentropy"):
        return (logits,)
    if "label_weights" in config or config.get("multi_label"):
        return (labels, labels_weighted)
    if "class_id" in config or "top_k" in config:
        return (classes, labels)
    if config.get("axis", -1) != -1:
        return (tables,)
    if config.get("sparse_y_pred") is False:
        return (steps,) if config.get("sparse_y_true") is False else (steps_numbered,)
    return KINDS.get(name, POSITIVES)
