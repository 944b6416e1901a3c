"""Older notations of what ``compile()`` got in that of Keras 3's ``.keras``.

Whole-model HDF5 files and SavedModels keep the optimizer under another name; Keras 2 wrote losses
and metrics with the functions they call. What computed something else is refused.
Sources: keras/src/legacy/saving/saving_utils.py; tf_keras/src/optimizers/legacy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch.errors import UnsupportedError
from keras2torch.ir.keras2 import is_keras2
from keras2torch.readers.saved import Saved


def compiled(saved: Saved) -> Mapping[str, Any] | None:
    """What ``compile()`` got, as Keras 3 writes it; None for a model that is not compiled."""
    if saved.compile_config is None:
        return None
    config = dict(saved.compile_config)
    if "optimizer" not in config and "optimizer_config" in config:
        config["optimizer"] = config.pop("optimizer_config")
    if saved.optimizer_scaled:
        config["optimizer"] = _scaled(config.get("optimizer"))
    if not is_keras2(saved):
        return config
    if config.get("sample_weight_mode") is None:
        config.pop("sample_weight_mode", None)
    for key in ("loss", "metrics", "weighted_metrics"):
        config[key] = _function(config.get(key))
    for key in ("metrics", "weighted_metrics"):
        value = config[key]
        if isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
            config[key] = value[0]  # of the only output
    config["optimizer"] = _optimizer(config.get("optimizer"))
    return config


def _scaled(optimizer: Any) -> Any:
    """What ``compile()`` makes of the optimizer of a mixed_float16 model, which the description of
    the model does not tell (keras/src/trainers/trainer.py)."""
    if isinstance(optimizer, dict) and optimizer.get("class_name") == "LossScaleOptimizer":
        return optimizer
    return {"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": optimizer}}


def _function(value: Any) -> Any:
    """Losses and metrics, in lists and objects by output."""
    if isinstance(value, list):
        return [_function(part) for part in value]
    if not isinstance(value, dict):
        return value
    config = value.get("config")
    if "class_name" not in value or not isinstance(config, dict):
        return {key: _function(part) for key, part in value.items()}
    if value["class_name"] == "MeanMetricWrapper" and isinstance(config.get("fn"), str):
        # "accuracy" was one of several functions, which Keras 3 chooses by the same rule.
        short = config.get("name") in ("accuracy", "acc")
        return config["name"] if short else config["fn"]
    config = {key: part for key, part in config.items() if key != "fn"}
    if config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"
    return {**value, "config": config}


def _optimizer(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("class_name"), str):
        return value
    name = value["class_name"].removeprefix("Custom>")
    config = value.get("config")
    if not isinstance(config, dict):
        return value
    older = "is_legacy_optimizer" not in config
    if older and (
        name in ("Adagrad", "Ftrl", "Nadam") or (name == "RMSprop" and not config.get("momentum"))
    ):
        raise UnsupportedError(
            f"compile(): the {name} of Keras before 2.11 computes other steps than that of Keras 3 "
            "and has no exact port, compile the model with another optimizer"
        )
    return {**value, "class_name": name}
