"""The metrics of ``compile()``: which metric of which output stands in the logs under which name.

Source: CompileMetrics in keras/src/trainers/compile_utils.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras2torch.errors import ConfigError, UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.metrics.common import MetricCall, mean_of, metric
from keras2torch.recipes.metrics.of_losses import function_call, loss_per_batch
from keras2torch.recipes.table import call_of, find

ACCURACY = ("accuracy", "acc")
# Losses that fix what their targets look like.
ONE_HOT = (
    *("binary_crossentropy", "BinaryCrossentropy", "bce", "BCE"),
    *("categorical_crossentropy", "CategoricalCrossentropy"),
)
NUMBERED = ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy")


@dataclass(frozen=True)
class Output:
    """An output of the model: Keras' name of it, its shape with the batch, None for what varies,
    and its loss as it stands in the file."""

    name: str
    shape: tuple[int | None, ...]
    loss: object = None


@dataclass(frozen=True)
class NamedMetric:
    """A metric of the output with this number, by its key in the logs.

    ``weighted`` says whether it is given the samples' weights, ``keras`` the class in Keras.
    """

    name: str
    output: int
    weighted: bool
    call: MetricCall
    keras: str


def named_metrics(
    metrics: object,
    weighted: object,
    outputs: Sequence[Output],
    backend: str,
    keys: Sequence[str] | None = None,
) -> list[NamedMetric]:
    """The metrics of ``compile(metrics=…, weighted_metrics=…)`` in the order of Keras' logs.

    ``outputs`` are the model's in its own order; ``keys`` are those of a model that returns a
    dict of its outputs.

    Raises:
        ConfigError: metrics that don't fit the outputs.
        UnsupportedError: a metric that can't be followed exactly.
    """
    order = _order(outputs, keys)
    found: dict[str, NamedMetric] = {}
    counts: dict[str, int] = {}
    for of, given in ((metrics, False), (weighted, True)):
        for number, own, value in _of_outputs(of, order):
            prefix = f"{own}_" if len(order) > 1 else ""
            plain = metric_name(value)
            name = prefix + plain
            if given and name in counts:
                name = f"{prefix}weighted_{plain}"
            if name in counts:
                counts[name] += 1
                name = f"{name}_{counts[name] - 1}"
            else:
                counts[name] = 1
            call = metric_call(value, outputs[number], backend)
            call = call.with_weights() if given else call
            # A name that is there already is replaced, as in Keras' dict.
            found[name] = NamedMetric(name, number, given, call, class_of(value))
    return list(found.values())


def metric_name(value: object) -> str:
    """What Keras calls a metric: the text given to ``compile()``, or the metric's own name."""
    if isinstance(value, str):
        return value
    if not isinstance(value, Mapping):
        raise ConfigError(f"metrics: no metric: {quoted(value)}")
    config = value.get("config")
    if value.get("class_name") == "function":
        name = config
    else:
        name = config.get("name") if isinstance(config, Mapping) else None
        if name is None:
            name = find("metric", str(value.get("class_name")), "metrics").names[1]
    if not isinstance(name, str):
        raise ConfigError(f"metrics: a metric's name must be text, found {quoted(name)}")
    return name


def class_of(value: object) -> str:
    """The class that Keras makes of a metric's name, of a function or a saved object."""
    if isinstance(value, Mapping):
        function = value.get("class_name") == "function"
        value = value.get("config") if function else value.get("class_name")
    if isinstance(value, str) and value.lower() in ACCURACY:
        return "Accuracy"
    try:
        return find("metric", str(value), "metrics").names[0]
    except UnsupportedError:  # a loss, which Keras wraps
        return "MeanMetricWrapper"


def metric_call(value: object, output: Output, backend: str) -> MetricCall:
    """The call for a metric of an output; "accuracy" is the one that fits output and targets."""
    if isinstance(value, str) and value.lower() in ACCURACY:
        return mean_of(_fitting_accuracy(output))
    where = f"metrics of output {quoted(output.name)}"
    kind = value.get("class_name") if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and kind == "function":
        name = value.get("config")
        if not isinstance(name, str) or value.get("registered_name", kind) != kind:
            raise UnsupportedError(f"{where}: function {quoted(name)} is not Keras'")
        return function_call(name, Config({}, f"{where}, {name}"), backend)
    if isinstance(value, Mapping) and value.get("module") == "keras.losses":
        return loss_per_batch(value, where, backend)
    return metric(call_of("metric", value, where, backend))


def _fitting_accuracy(output: Output) -> str:
    """The accuracy that Keras chooses by the shapes of output and targets.

    Targets are seen at the first batch only, but some losses take one kind alone.
    """
    loss, axis = output.loss, -1
    if isinstance(loss, Mapping):
        config = loss.get("config")
        axis = config.get("axis", -1) if isinstance(config, Mapping) else -1
        loss = config if loss.get("class_name") == "function" else loss.get("class_name")
    classes = output.shape[-1] if output.shape else None
    if classes == 1:
        return "binary_accuracy"
    if classes is None or axis != -1 or not isinstance(loss, str):
        return "accuracy_by_shape"
    if loss in NUMBERED:
        return "sparse_categorical_accuracy"
    return "categorical_accuracy" if loss in ONE_HOT else "accuracy_by_shape"


def _order(outputs: Sequence[Output], keys: Sequence[str] | None) -> list[tuple[int, str]]:
    """(number, name) of the outputs in the order in which Keras goes through them."""
    names = [output.name for output in outputs]
    if keys is None:
        return list(enumerate(names))
    if set(keys) == set(names):
        return [(keys.index(name), name) for name in names]
    return [(keys.index(name), name) for name in sorted(keys)]


def _of_outputs(
    metrics: object, order: Sequence[tuple[int, str]]
) -> Iterator[tuple[int, str, object]]:
    """(number of the output, its name, metric), for each metric of each output."""
    if isinstance(metrics, Mapping) and metrics.get("class_name") == "__tuple__":
        metrics = metrics.get("items")
    if not metrics:
        return
    if len(order) == 1:
        yield from ((*order[0], value) for value in _leaves(metrics))
        return
    names = [name for _, name in order]
    if isinstance(metrics, Mapping) and not metrics.keys() - set(names):
        entries: list[Any] = [metrics.get(name) for name in names]
    elif isinstance(metrics, list) and len(metrics) == len(names):
        entries = metrics
    else:
        wanted = ", ".join(map(quoted, names))
        raise ConfigError(f"metrics: a list or an object with an entry per output ({wanted}) fits")
    for (number, name), entry in zip(order, entries, strict=True):
        if entry is not None:
            yield from ((number, name, value) for value in _leaves(entry))


def _leaves(metrics: object) -> Iterator[object]:
    """The metrics in lists and objects; Keras goes through the latter by sorted keys."""
    if isinstance(metrics, Mapping) and metrics.get("class_name") == "__tuple__":
        metrics = metrics.get("items")
    if isinstance(metrics, list):
        for part in metrics:
            yield from _leaves(part)
    elif isinstance(metrics, Mapping) and "class_name" not in metrics:
        for key in sorted(metrics):
            yield from _leaves(metrics[key])
    elif metrics is not None:
        yield metrics
