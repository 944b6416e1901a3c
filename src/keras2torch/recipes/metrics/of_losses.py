"""Metrics that are the mean of a loss's values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras2torch.errors import UnsupportedError
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call, Function
from keras2torch.recipes.losses.call import LossCall
from keras2torch.recipes.metrics.common import MetricCall, counted, mean_of, metric, rest
from keras2torch.recipes.table import find, recipe

# Keras squeezes nothing before these.
BROADCAST = ("hinge", "squared_hinge", "categorical_hinge", "kl_divergence", "poisson")


def mean_of_loss(name: str, options: Config, backend: str) -> MetricCall:
    """The mean of the values of the loss with this name and these options."""
    inner = rest(options)
    call = find("loss", name, options.where).function(inner, backend)
    inner.finish()
    if not isinstance(call, LossCall):
        raise TypeError(f"the recipe of loss {name} returns no LossCall")
    if call.mask is not None and "ignore_class" not in call.options:
        raise UnsupportedError(f"{options.where}: {name} masks values; it is a loss only")
    logits = call.with_logits
    return replace(_mean(call), with_logits=None if logits is None else _mean(logits))


def _mean(call: Call) -> MetricCall:
    kind = "BroadcastMetric" if call.function in BROADCAST else "MeanMetric"
    kind = "MeanWithoutClass" if "ignore_class" in call.options else kind
    return MetricCall(kind, (Function(call.function),), call.options)


def loss_per_batch(value: Mapping[str, Any], where: str, backend: str) -> MetricCall:
    """A loss object among the metrics: its value for each batch, averaged over the batches."""
    name, config = value.get("class_name"), value.get("config")
    options = Config(config if config is not None else {}, f"{where}, loss {name}")
    call = find("loss", str(name), where).function(options, backend)
    options.finish()
    if not isinstance(call, LossCall) or call.mask is not None:
        raise UnsupportedError(f"{options.where}: it masks values, which no metric follows yet")

    def per_batch(one: Call) -> MetricCall:
        functions = (Function(one.function), Function(call.reduction))
        return MetricCall("LossPerBatch", functions, one.options)

    logits = call.with_logits
    return replace(per_batch(call), with_logits=None if logits is None else per_batch(logits))


def function_call(name: str, options: Config, backend: str) -> MetricCall:
    """A function among the metrics. Keras looks for its name among the losses first."""
    try:
        found = find("loss", name, options.where)
    except UnsupportedError:
        return metric(find("metric", name, options.where).function(options, backend))
    if name not in found.names[1:]:
        raise UnsupportedError(f"{options.where}: {name} is no function")
    return mean_of_loss(name, options, backend)


NAMES = (
    ("MeanSquaredError", "mean_squared_error", "mse", "MSE"),
    ("MeanAbsoluteError", "mean_absolute_error", "mae", "MAE"),
    ("MeanAbsolutePercentageError", "mean_absolute_percentage_error", "mape", "MAPE"),
    ("MeanSquaredLogarithmicError", "mean_squared_logarithmic_error", "msle", "MSLE"),
    ("Hinge", "hinge"),
    ("SquaredHinge", "squared_hinge"),
    ("CategoricalHinge", "categorical_hinge"),
    ("KLDivergence", "kl_divergence"),
    ("Poisson", "poisson"),
)


def _plain(name: str) -> Any:
    def mapping(options: Config, backend: str) -> MetricCall:
        counted(options)
        return mean_of_loss(name, options, backend)

    return mapping


for names in NAMES:
    recipe("metric", *names)(_plain(names[1]))

recipe("metric", "LogCoshError", "logcosh", "log_cosh_error")(_plain("log_cosh"))

SMOOTHED: tuple[dict[str, Any], ...] = (
    {},
    {"from_logits": True},
    {"label_smoothing": 0.1},
    {"from_logits": True, "label_smoothing": 0.2},
)

recipe("metric", "BinaryCrossentropy", "binary_crossentropy", "bce", "BCE", examples=SMOOTHED)(
    _plain("binary_crossentropy")
)

recipe("metric", "CategoricalCrossentropy", "categorical_crossentropy", examples=SMOOTHED)(
    _plain("categorical_crossentropy")
)

recipe(
    "metric",
    "SparseCategoricalCrossentropy",
    "sparse_categorical_crossentropy",
    examples=({}, {"from_logits": True}, {"ignore_class": 2}),
)(_plain("sparse_categorical_crossentropy"))


@recipe("metric", "CosineSimilarity", "cosine_similarity", examples=({}, {"axis": 1}))
def cosine_similarity(options: Config, backend: str) -> MetricCall:
    counted(options)
    return mean_of("cosine_closeness", axis=(options.int("axis", -1), -1))


@recipe("metric", "MeanMetricWrapper", "mean_metric_wrapper", examples=())
def mean_metric_wrapper(options: Config, backend: str) -> MetricCall:
    counted(options)
    function = options.raw("fn")
    if isinstance(function, Mapping) and function.get("class_name") == "function":
        if function.get("registered_name", "function") != "function":
            raise UnsupportedError(f"{options.where}: its function is not Keras'")
        function = function.get("config")
    if not isinstance(function, str):
        raise options.wrong("fn", "a function of Keras'", function)
    inner = rest(options)
    call = function_call(function, inner, backend)
    inner.finish()
    return call
