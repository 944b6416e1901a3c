"""What the mappings of metrics have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call, Function

# No honest metric has as many thresholds, classes, or labels.
LIMIT = 2**16
TAKE_MASKS = (
    "MeanMetric",
    "WeightedMeanMetric",
    "BroadcastMetric",
    "MeanWithoutClass",
    "LossPerBatch",
)


@dataclass(frozen=True)
class MetricCall(Call):
    """A metric. ``with_logits`` is the same of logits, if Keras on TensorFlow looks for them.

    That is behind a model whose last operation is a sigmoid or softmax, see ``recipes/losses``.
    """

    with_logits: MetricCall | None = None

    @property
    def takes_mask(self) -> bool:
        """Whether ``update`` takes the mask of the model's output; the others leave out nothing."""
        return self.function in TAKE_MASKS

    def with_weights(self) -> MetricCall:
        """The metric whose ``update`` takes weights or a mask."""
        logits = None if self.with_logits is None else self.with_logits.with_weights()
        function = "WeightedMeanMetric" if self.function == "MeanMetric" else self.function
        return replace(self, function=function, with_logits=logits)


def metric(call: Call) -> MetricCall:
    """What a recipe of a metric returned."""
    if not isinstance(call, MetricCall):
        raise TypeError(f"the recipe of {call.function} returns no MetricCall")
    return call


def counted(options: Config) -> None:
    """Read what every metric has: its name, and the dtype that it counts in.

    The name is that in the logs, see ``named.py``. Float64 is what a metric has in a model of
    float64, whose outputs are counted in it in PyTorch too.
    """
    options.ignore("name")
    dtype = options.raw("dtype", None)
    if dtype not in (None, "float32", "float64"):
        raise UnsupportedError(
            f"{options.where}: dtype={quoted(dtype)} has no exact port yet, only 'float32' has"
        )


def rest(options: Config) -> Config:
    """The options that nobody has read yet, which count as read here."""
    return Config({key: options.raw(key) for key in options.unread()}, options.where)


def differing(**options: tuple[Any, Any]) -> Mapping[str, Any]:
    """Of options with their defaults, those that are not the default: what is worth writing."""
    return {name: value for name, (value, default) in options.items() if value != default}


def mean_of(function: str, **options: tuple[Any, Any]) -> MetricCall:
    """The mean of what a function of ``training/`` gives per sample; options with defaults."""
    return MetricCall("MeanMetric", (Function(function),), differing(**options))


def numbers(options: Config, key: str) -> list[float] | None:
    """A list of numbers, a tensor of some, or None."""
    value = options.raw(key, None)
    if isinstance(value, Mapping) and value.get("class_name") == "__tensor__":
        config = value.get("config")
        value = config.get("value") if isinstance(config, Mapping) else value
    if value is None:
        return None
    if (
        not isinstance(value, list)
        or len(value) > LIMIT
        or any(type(part) not in (int, float) for part in value)
    ):
        raise options.wrong(key, "a list of numbers", value)
    return [float(part) for part in value]


def bounded(options: Config, key: str, default: int, low: int) -> int:
    """A whole number that memory grows with."""
    value = options.int(key, default, low=low)
    if value > LIMIT:
        raise UnsupportedError(f"{options.where}: {key}={value} is more than {LIMIT}")
    return value
