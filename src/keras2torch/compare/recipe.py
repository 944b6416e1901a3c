"""How a compiled model is trained, read from its compile config: what both sides then do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras2torch.errors import DataError, UnsupportedError, quoted
from keras2torch.ir.config import Config

LOSSES = {
    "binary_crossentropy": "binary_crossentropy",
    "BinaryCrossentropy": "binary_crossentropy",
    "categorical_crossentropy": "categorical_crossentropy",
    "CategoricalCrossentropy": "categorical_crossentropy",
    "sparse_categorical_crossentropy": "sparse_categorical_crossentropy",
    "SparseCategoricalCrossentropy": "sparse_categorical_crossentropy",
    "mse": "mean_squared_error",
    "mean_squared_error": "mean_squared_error",
    "MeanSquaredError": "mean_squared_error",
}
OPTIMIZERS = ("Adam", "SGD")


@dataclass(frozen=True)
class Recipe:
    """Loss, optimizer and metric of a training run, under Keras' names.

    ``clip`` is one of the three ways Keras clips gradients and its bound, if any.
    """

    loss: str
    optimizer: str
    options: Mapping[str, float | bool]
    clip: tuple[str, float] | None
    accuracy: bool


def recipe_of(compiled: Mapping[str, Any] | None) -> Recipe:
    """The recipe in a saved model's compile config.

    Raises:
        DataError: the model was saved without one.
        UnsupportedError: something in it can't be trained in PyTorch yet.
    """
    if compiled is None:
        raise DataError(
            "the model was saved uncompiled: compile it in Keras before saving, compare trains it"
        )
    config = Config(compiled, "compile()")
    raw = config.raw("optimizer")
    if not isinstance(raw, dict) or raw.get("class_name") not in OPTIMIZERS:
        shown = raw.get("class_name") if isinstance(raw, dict) else raw
        raise UnsupportedError(f"compile(): optimizer {quoted(shown)} can't be compared yet")
    metrics = config.raw("metrics", None) or []
    if metrics not in ([], ["accuracy"], ["acc"]):
        raise UnsupportedError(
            f"compile(): metrics {quoted(metrics)}, only accuracy is compared yet"
        )
    for key in ("loss_weights", "weighted_metrics"):
        if config.raw(key, None):
            raise UnsupportedError(f"compile(): {key} can't be compared yet")
    config.ignore("run_eagerly", "steps_per_execution", "jit_compile", "auto_scale_loss")
    loss = _loss(config.raw("loss"))
    config.finish()
    options, clip = _optimizer(str(raw["class_name"]), raw.get("config"))
    return Recipe(loss, str(raw["class_name"]), options, clip, bool(metrics))


def _loss(raw: Any) -> str:
    name = raw.get("class_name") if isinstance(raw, dict) else raw
    if not isinstance(name, str) or name not in LOSSES:
        raise UnsupportedError(f"compile(): loss {quoted(name)} can't be compared yet")
    if isinstance(raw, dict):
        options = Config(raw.get("config"), f"compile(), loss {name}")
        options.ignore("name", "reduction", "dtype", "axis")
        options.require("from_logits", False, False)
        options.require("label_smoothing", 0.0, 0.0)
        options.require("ignore_class", None, None)
        options.finish()
    return LOSSES[name]


def _optimizer(name: str, raw: Any) -> tuple[dict[str, float | bool], tuple[str, float] | None]:
    config = Config(raw, f"compile(), optimizer {name}")
    if not isinstance(config.raw("learning_rate"), (int, float)):
        raise UnsupportedError(f"{config.where}: a learning-rate schedule can't be compared yet")
    options: dict[str, float | bool] = {"learning_rate": config.float("learning_rate")}
    if name == "Adam":
        for key in ("beta_1", "beta_2", "epsilon"):
            options[key] = config.float(key)
        options["amsgrad"] = config.bool("amsgrad", False)
    else:
        options["momentum"] = config.float("momentum", 0.0)
        options["nesterov"] = config.bool("nesterov", False)
    clips = [
        (key, config.float(key))
        for key in ("clipnorm", "global_clipnorm", "clipvalue")
        if config.raw(key, None) is not None
    ]
    for key in ("weight_decay", "loss_scale_factor", "gradient_accumulation_steps"):
        config.require(key, None, None)
    config.require("use_ema", False, False)
    config.ignore("name", "ema_momentum", "ema_overwrite_frequency")
    config.finish()
    return options, clips[0] if clips else None
