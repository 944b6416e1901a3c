"""Whether a metric is to rise or to fall: what ``mode="auto"`` goes by.

Source: ``_direction`` of the classes in keras/src/metrics.
"""

from __future__ import annotations

from typing import Literal

Direction = Literal["max", "min"]

UP = frozenset(
    """
    Accuracy BinaryAccuracy CategoricalAccuracy SparseCategoricalAccuracy TopKCategoricalAccuracy
    SparseTopKCategoricalAccuracy Precision Recall SensitivityAtSpecificity
    SpecificityAtSensitivity PrecisionAtRecall RecallAtPrecision AUC FBetaScore F1Score IoU
    BinaryIoU MeanIoU OneHotIoU OneHotMeanIoU CosineSimilarity R2Score PearsonCorrelation
    ConcordanceCorrelation
    """.split()
)
DOWN = frozenset(
    """
    MeanSquaredError RootMeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError
    MeanSquaredLogarithmicError LogCoshError Hinge SquaredHinge CategoricalHinge KLDivergence
    Poisson BinaryCrossentropy CategoricalCrossentropy SparseCategoricalCrossentropy
    """.split()
)


def direction(metric: str) -> Direction | None:
    """The direction of a metric of this class, if it has one."""
    return "max" if metric in UP else "min" if metric in DOWN else None
