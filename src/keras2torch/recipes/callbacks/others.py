"""Callbacks that only write, stop, swap or set the learning rate.

Sources: the files of the same names in keras/src/callbacks.
"""

from __future__ import annotations

from typing import Any

from keras2torch.errors import UnsupportedError
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.defaults import without_defaults
from keras2torch.recipes.table import call_of, recipe


def _said(config: Config, **defaults: Any) -> dict[str, Any]:
    """The options of plain kinds that differ from these defaults."""
    read: dict[type, Any] = {bool: config.bool, int: config.int, str: config.text}
    found = {key: read[type(default)](key, default) for key, default in defaults.items()}
    return {key: value for key, value in found.items() if value != defaults[key]}


@recipe(
    "callback",
    "CSVLogger",
    examples=[{"filename": "log.csv"}, {"filename": "log.tsv", "separator": "\t", "append": True}],
)
def csv_logger(config: Config, backend: str) -> Call:
    return Call(
        "CSVLogger", (config.text("filename"),), options=_said(config, separator=",", append=False)
    )


@recipe("callback", "TerminateOnNaN", examples=[{}, {"raise_error": True}])
def terminate_on_nan(config: Config, backend: str) -> Call:
    return Call("TerminateOnNaN", options=_said(config, raise_error=False))


@recipe(
    "callback",
    "BackupAndRestore",
    examples=[{"backup_dir": "backup"}, {"backup_dir": "b", "save_freq": 3}],
)
def backup_and_restore(config: Config, backend: str) -> Call:
    config.ignore("double_checkpoint")  # files are replaced whole, so one is enough
    options = _said(config, delete_checkpoint=True)
    if config.raw("save_freq", "epoch") != "epoch":
        options["save_freq"] = config.int("save_freq", low=1)
    return Call("BackupAndRestore", (config.text("backup_dir"),), options)


@recipe("callback", "SwapEMAWeights", examples=[{}, {"swap_on_epoch": True}])
def swap_ema_weights(config: Config, backend: str) -> Call:
    return Call("SwapEMAWeights", options=_said(config, swap_on_epoch=False))


@recipe(
    "callback",
    "TensorBoard",
    examples=[{}, {"log_dir": "runs", "histogram_freq": 1, "update_freq": "batch"}],
)
def tensor_board(config: Config, backend: str) -> Call:
    config.ignore("write_graph")  # a graph of Keras' layers
    for key, only in (("write_images", False), ("write_steps_per_second", False)):
        config.require(key, only, only)
    for key in ("profile_batch", "embeddings_freq"):
        config.require(key, 0, 0)
    config.require("embeddings_metadata", None, None)
    options = _said(config, log_dir="logs", histogram_freq=0)
    frequency = config.raw("update_freq", "epoch")
    if frequency != "epoch":
        options["update_freq"] = 1 if frequency == "batch" else config.int("update_freq", low=1)
    return Call("TensorBoard", options=options)


@recipe(
    "callback",
    "LearningRateScheduler",
    examples=[
        {
            "schedule": {
                "class_name": "ExponentialDecay",
                "config": {"initial_learning_rate": 0.1, "decay_steps": 3, "decay_rate": 0.5},
            }
        }
    ],
)
def learning_rate_scheduler(config: Config, backend: str) -> Call:
    """Of a schedule by epoch. Keras takes a function, which is nothing that could be read here."""
    config.ignore("verbose")
    schedule = call_of("schedule", config.raw("schedule"), config.where, backend)
    return Call("LearningRateScheduler", (schedule,))


@recipe(
    "callback",
    "CyclicLR",
    examples=[
        {},
        {"base_lr": 0.01, "max_lr": 0.1, "step_size": 7, "mode": "triangular2"},
        {"base_lr": 0.01, "max_lr": 0.1, "step_size": 5.5, "mode": "exp_range", "gamma": 0.99},
    ],
)
def cyclic_lr(config: Config, backend: str) -> Call:
    """No callback of Keras' own, but one that many a training with Keras has."""
    for key in ("scale_fn", "scale_mode"):
        if config.raw(key, None) not in (None, "cycle"):
            raise UnsupportedError(f"{config.where}: {key}, use one of the three modes")
    modes = ("triangular", "triangular2", "exp_range")
    step_size = config.float("step_size", 2000.0)
    if step_size <= 0:
        raise config.wrong("step_size", "a number above 0", step_size)
    options = {
        "base_lr": config.float("base_lr", 0.001),
        "max_lr": config.float("max_lr", 0.006),
        "step_size": step_size,
        "mode": config.choice("mode", modes, "triangular"),
        "gamma": config.float("gamma", 1.0),
    }
    return Call("CyclicLR", options=without_defaults(options, mode="triangular", gamma=1.0))
