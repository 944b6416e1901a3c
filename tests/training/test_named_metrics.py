"""Metrics of ``compile()`` that fit no output, or have no port."""

from __future__ import annotations

from typing import Any

import pytest
from compiled_cases import function, metric

from keras2torch.emit.audit import audit_training
from keras2torch.emit.helpers import TRAINING, cut
from keras2torch.errors import ConfigError, UnsupportedError
from keras2torch.recipes.metrics.named import Output, named_metrics
from keras2torch.recipes.table import Recipe, all_recipes, call_of


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


@pytest.mark.parametrize("made", all_recipes("metric"), ids=lambda made: made.names[0])
def test_sources_pass_the_audit(made: Recipe) -> None:
    """What is cut out for a metric may stand in train.py."""
    for config in made.examples:
        call = call_of("metric", {"class_name": made.names[0], "config": config}, "", "tensorflow")
        sources, imports, _ = cut(call.helpers(), TRAINING)
        audit_training("\n\n".join([*sorted(imports), *sources]))
