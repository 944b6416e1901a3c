"""Metrics of true and false positives and negatives."""

from __future__ import annotations

from typing import Any

from keras2torch.errors import UnsupportedError
from keras2torch.ir.config import Config
from keras2torch.recipes.metrics.common import MetricCall, bounded, counted, differing, numbers
from keras2torch.recipes.table import recipe

EVEN = [0.0, 0.25, 0.5, 0.75, 1.0]


def _thresholds(options: Config) -> float | list[float] | None:
    """One threshold, or several, from 0 to 1."""
    single = type(options.raw("thresholds", None)) in (int, float)
    value = options.float("thresholds") if single else numbers(options, "thresholds")
    levels = [value] if isinstance(value, float) else value
    if (levels is not None and not all(0 <= level <= 1 for level in levels)) or levels == []:
        raise options.wrong("thresholds", "numbers from 0 to 1", value)
    return value


def _count(name: str) -> Any:
    def mapping(options: Config, backend: str) -> MetricCall:
        counted(options)
        thresholds = _thresholds(options)
        given = {} if thresholds is None else {"thresholds": thresholds}
        return MetricCall(name, options=given)

    return mapping


for kind in ("true", "false"):
    for sign in ("positives", "negatives"):
        title = kind.title() + sign.title()
        recipe(
            "metric",
            title,
            f"{kind}_{sign}",
            examples=({}, {"thresholds": 0.3}, {"thresholds": [0.6, 0.25]}, {"thresholds": EVEN}),
        )(_count(title))


def _positives(name: str) -> Any:
    def mapping(options: Config, backend: str) -> MetricCall:
        counted(options)
        given = differing(
            thresholds=(_thresholds(options), None),
            top_k=(options.int_or_none("top_k", low=1), None),
            class_id=(options.int_or_none("class_id"), None),
        )
        return MetricCall(name, options=given)

    return mapping


POSITIVES: tuple[dict[str, Any], ...] = (
    {},
    {"thresholds": 0.25},
    {"thresholds": [0.3, 0.5, 0.9]},
    {"thresholds": EVEN},
    {"class_id": 2},
    {"class_id": 1, "thresholds": EVEN},
    {"top_k": 2},
    {"top_k": 3, "class_id": 0},
    {"top_k": 2, "thresholds": [0.1, 0.3]},
    {"top_k": 2, "thresholds": EVEN},
)
recipe("metric", "Precision", "precision", examples=POSITIVES)(_positives("Precision"))
recipe("metric", "Recall", "recall", examples=POSITIVES)(_positives("Recall"))


def _at_level(name: str, level: str) -> Any:
    def mapping(options: Config, backend: str) -> MetricCall:
        counted(options)
        given = differing(
            num_thresholds=(bounded(options, "num_thresholds", 200, 1), 200),
            class_id=(options.int_or_none("class_id"), None),
        )
        return MetricCall(name, (options.rate(level),), given)

    return mapping


for title, short, level in (
    ("SensitivityAtSpecificity", "sensitivity_at_specificity", "specificity"),
    ("SpecificityAtSensitivity", "specificity_at_sensitivity", "sensitivity"),
    ("PrecisionAtRecall", "precision_at_recall", "recall"),
    ("RecallAtPrecision", "recall_at_precision", "precision"),
):
    recipe(
        "metric",
        title,
        short,
        examples=(
            {level: 0.5},
            {level: 0.3, "num_thresholds": 1},
            {level: 0.7, "num_thresholds": 2},
            {level: 0.4, "num_thresholds": 11},
            {level: 0.6, "class_id": 1},
        ),
    )(_at_level(title, level))


@recipe(
    "metric",
    "AUC",
    "auc",
    examples=(
        {},
        {"curve": "PR"},
        {"curve": "PRGAIN"},
        {"num_thresholds": 5, "summation_method": "minoring"},
        {"num_thresholds": 4, "summation_method": "majoring", "curve": "PR"},
        {"num_thresholds": 2, "summation_method": "minoring", "curve": "PR"},
        {"num_thresholds": 7, "summation_method": "majoring", "curve": "PRGAIN"},
        {"thresholds": [0.7, 0.2]},
        {"thresholds": [0.25, 0.5, 0.75], "curve": "PR"},
        {"thresholds": []},
        {"from_logits": True},
        {"multi_label": True, "num_labels": 4},
        {"multi_label": True, "curve": "PR", "thresholds": [0.4, 0.5]},
        {"multi_label": True, "label_weights": [0.5, 1.0, 0.0, 2.0]},
        {"multi_label": True, "label_weights": [0.5, 1.0, 0.0, 2.0], "curve": "PR"},
        {"label_weights": [0.5, 1.0, 0.25, 2.0]},
        {"label_weights": [0.5, 1.0, 0.25, 2.0], "thresholds": [0.3]},
    ),
)
def auc(options: Config, backend: str) -> MetricCall:
    counted(options)
    curve = options.choice("curve", ("ROC", "PR", "PRGAIN", "roc", "pr", "prgain"), "ROC")
    methods = ("interpolation", "minoring", "majoring")
    ways = (*methods, *(method.title() for method in methods))
    method = options.choice("summation_method", ways, "interpolation")
    thresholds = numbers(options, "thresholds")
    number = bounded(options, "num_thresholds", 200, 2)
    labels = options.int_or_none("num_labels")  # told by the outputs
    multi_label = options.bool("multi_label", False)
    if labels and not multi_label:
        raise UnsupportedError(f"{options.where}: num_labels needs multi_label=True")
    given = differing(
        num_thresholds=(200 if thresholds is not None else number, 200),
        curve=(curve.upper(), "ROC"),
        summation_method=(method.lower(), "interpolation"),
        thresholds=(thresholds, None),
        multi_label=(multi_label, False),
        label_weights=(numbers(options, "label_weights"), None),
        from_logits=(options.bool("from_logits", False), False),
    )
    return MetricCall("AUC", options=given)
