"""Metrics of numbers that are not the mean of a loss."""

from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.metrics.common import MetricCall, counted, differing, mean_of
from keras2torch.recipes.table import recipe


@recipe("metric", "RootMeanSquaredError", "root_mean_squared_error")
def root_mean_squared_error(options: Config, backend: str) -> MetricCall:
    counted(options)
    return MetricCall("RootMeanSquaredError")


@recipe(
    "metric",
    "R2Score",
    "r2_score",
    examples=(
        {},
        {"class_aggregation": None},
        {"class_aggregation": "variance_weighted_average"},
        {"num_regressors": 2},
        {"num_regressors": 40, "class_aggregation": None},
    ),
)
def r2_score(options: Config, backend: str) -> MetricCall:
    counted(options)
    average = options.raw("class_aggregation", "uniform_average")
    if average is not None:
        allowed = ("uniform_average", "variance_weighted_average")
        average = options.choice("class_aggregation", allowed, "uniform_average")
    regressors = options.int("num_regressors", 0, low=0)
    given = differing(
        class_aggregation=(average, "uniform_average"), num_regressors=(regressors, 0)
    )
    return MetricCall("R2Score", options=given)


@recipe("metric", "PearsonCorrelation", "pearson_correlation", examples=({}, {"axis": 1}))
def pearson_correlation(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("pearson_correlation", axis=(options.int("axis", -1), -1))


@recipe("metric", "ConcordanceCorrelation", "concordance_correlation", examples=({}, {"axis": 1}))
def concordance_correlation(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("concordance_correlation", axis=(options.int("axis", -1), -1))
