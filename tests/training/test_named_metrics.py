"""Metrics of ``compile()`` that fit no output, or have no port."""

from __future__ import annotations

from typing import Any

import pytest
from compiled_cases import function, metric

from keras2torch.errors import ConfigError, UnsupportedError
from keras2torch.recipes.metrics.named import Output, named_metrics


@pytest.mark.parametrize(
    ("metrics", "problem"),
    [
        (["accuracy"], "an entry per output"),
        ({"third": "accuracy"}, "an entry per output"),
        ([[{"class_name": "AUC", "config": {"name": 3}}], None], "must be text"),
        ([[7], None], "no metric"),
    ],
)
def test_metrics_that_fit_no_output(metrics: Any, problem: str) -> None:
    outputs = [Output("first", (None, 1)), Output("second", (None, 3))]
    with pytest.raises(ConfigError, match=problem):
        named_metrics(metrics, None, outputs, "tensorflow")


@pytest.mark.parametrize(
    "metric",
    [
        {**function("mine"), "registered_name": "mine"},
        {**metric("Mine"), "registered_name": "package>Mine"},
        function("circle"),
        metric("Mean"),
        metric("AUC", dtype="float16"),
        metric("AUC", num_thresholds=10**9),
        metric("MeanIoU", num_classes=10**6),
        metric("MeanIoU", num_classes=3, axis=1),
        metric("AUC", more=1),
    ],
)
def test_refused(metric: Any) -> None:
    with pytest.raises(UnsupportedError):
        named_metrics([metric], None, [Output("first", (None, 1))], "tensorflow")
