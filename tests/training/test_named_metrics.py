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

OUTPUTS = [Output("first", (None, 1)), Output("second", (None, 3))]


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
    with pytest.raises(ConfigError, match=problem):
        named_metrics(metrics, None, OUTPUTS, "tensorflow")


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


def test_metrics_as_keras_2_has_them() -> None:
    """A list per output, functions by name."""
    saved = metric("MeanMetricWrapper", name="acc", dtype="float32", fn="binary_accuracy")
    found = named_metrics([[saved], [None]], None, OUTPUTS, "tensorflow")
    calls = [(one.name, one.call.source()) for one in found]
    assert calls == [("first_acc", "MeanMetric(binary_accuracy)")]


@pytest.mark.parametrize("name", ["accuracy", "acc", "ACC"])
@pytest.mark.parametrize(
    ("shape", "loss", "chosen"),
    [
        ((None, 1), "mse", "binary_accuracy"),
        ((None, 4), "sparse_categorical_crossentropy", "sparse_categorical_accuracy"),
        ((None, 4), metric("BinaryCrossentropy"), "categorical_accuracy"),
        ((None, 4), "mse", "accuracy_by_shape"),
        ((None, None), "categorical_crossentropy", "accuracy_by_shape"),
        ((None, 4, 4), metric("SparseCategoricalCrossentropy", axis=1), "accuracy_by_shape"),
        ((None, 4), None, "accuracy_by_shape"),
    ],
)
def test_accuracy_fits_output_and_loss(name: str, shape: Any, loss: Any, chosen: str) -> None:
    (found,) = named_metrics([name], None, [Output("only", shape, loss)], "tensorflow")
    assert (found.name, found.call.source()) == (name, f"MeanMetric({chosen})")


@pytest.mark.parametrize("made", all_recipes("metric"), ids=lambda made: made.names[0])
def test_sources_pass_the_audit(made: Recipe) -> None:
    """What is cut out for a metric may stand in train.py."""
    for config in made.examples:
        call = call_of("metric", {"class_name": made.names[0], "config": config}, "", "tensorflow")
        sources, imports, _ = cut(call.helpers(), TRAINING)
        audit_training("\n\n".join([*sorted(imports), *sources]))
