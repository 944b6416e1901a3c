"""Metrics with Keras' arithmetic in PyTorch."""

from keras2torch.training.metrics.accuracy import (
    accuracy_by_shape,
    binary_accuracy,
    categorical_accuracy,
    exact_match,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from keras2torch.training.metrics.auc import AUC
from keras2torch.training.metrics.f_score import F1Score, FBetaScore
from keras2torch.training.metrics.iou import BinaryIoU, IoU
from keras2torch.training.metrics.mean import MeanMetric, RunningMean
from keras2torch.training.metrics.metric import Metric
from keras2torch.training.metrics.of_losses import (
    BroadcastMetric,
    LossPerBatch,
    MeanWithoutClass,
)
from keras2torch.training.metrics.precision_recall import (
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from keras2torch.training.metrics.regression import (
    R2Score,
    RootMeanSquaredError,
    concordance_correlation,
    cosine_closeness,
    pearson_correlation,
)
from keras2torch.training.metrics.weighted_mean import Mean, Sum, WeightedMeanMetric

__all__ = [
    "AUC",
    "BinaryIoU",
    "BroadcastMetric",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "IoU",
    "LossPerBatch",
    "Mean",
    "MeanMetric",
    "MeanWithoutClass",
    "Metric",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "RunningMean",
    "SensitivityAtSpecificity",
    "SpecificityAtSensitivity",
    "Sum",
    "TrueNegatives",
    "TruePositives",
    "WeightedMeanMetric",
    "accuracy_by_shape",
    "binary_accuracy",
    "categorical_accuracy",
    "concordance_correlation",
    "cosine_closeness",
    "exact_match",
    "pearson_correlation",
    "sparse_categorical_accuracy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]
