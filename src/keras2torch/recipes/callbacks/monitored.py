"""Callbacks that look at one number of the logs.

Sources: keras/src/callbacks/early_stopping.py, reduce_lr_on_plateau.py, model_checkpoint.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.callbacks.directions import Direction
from keras2torch.recipes.defaults import without_defaults
from keras2torch.recipes.table import recipe

# Keras' files, and what has their place.
ENDINGS = (".weights.h5", ".keras", ".h5")
WEIGHTS = ".safetensors"


@dataclass(frozen=True)
class Monitored(Call):
    """A call whose ``mode`` may be "auto": it is decided when the metrics are known."""

    def decided(self, metrics: Mapping[str, Direction | None], where: str) -> Call:
        """The call with a mode, as Keras decides it by the name of what is monitored."""
        monitor, mode = self.options["monitor"], self.options["mode"]
        if mode == "auto":
            name = monitor.removeprefix("val_")
            mode = metrics.get(name) or ("min" if name == "loss" else None)
        if mode is None:
            raise UnsupportedError(
                f"{where}: whether {quoted(monitor)} is to rise or to fall is not known, "
                "say mode='max' or mode='min'"
            )
        return Call(self.function, self.args, {**self.options, "mode": mode})


def _monitor(config: Config) -> dict[str, Any]:
    config.ignore("verbose")  # what is printed
    return {
        "monitor": config.text("monitor", "val_loss"),
        "mode": config.choice("mode", ("auto", "min", "max"), "auto"),
    }


def _frequency(config: Config) -> int | None:
    """Batches between two files; None for every epoch."""
    if config.raw("save_freq", "epoch") == "epoch":
        return None
    return config.int("save_freq", low=1)


@recipe(
    "callback",
    "EarlyStopping",
    examples=[
        {"monitor": "loss"},
        {"patience": 2, "restore_best_weights": True},
        {"monitor": "val_accuracy", "min_delta": 0.01, "patience": 3},
        {"mode": "max", "baseline": 0.6, "patience": 2, "min_delta": -0.02},
        {"baseline": 0.4, "patience": 2, "restore_best_weights": True, "start_from_epoch": 3},
    ],
)
def early_stopping(config: Config, backend: str) -> Call:
    options = _monitor(config) | {
        "min_delta": abs(config.float("min_delta", 0)),
        "patience": config.int("patience", 0, low=0),
        "baseline": config.float_or_none("baseline"),
        "restore_best_weights": config.bool("restore_best_weights", False),
        "start_from_epoch": config.int("start_from_epoch", 0, low=0),
    }
    defaults = {"min_delta": 0.0, "baseline": None, "restore_best_weights": False}
    return Monitored(
        "EarlyStopping",
        options=without_defaults(options, patience=0, start_from_epoch=0, **defaults),
    )


@recipe(
    "callback",
    "ReduceLROnPlateau",
    examples=[
        {"patience": 1},
        {"monitor": "loss", "factor": 0.5, "patience": 2, "cooldown": 2, "min_lr": 1e-3},
        {"monitor": "val_accuracy", "factor": 0.3, "patience": 0, "min_delta": 0.02},
        {"mode": "max", "factor": 0.7, "patience": 1, "cooldown": 1, "min_lr": 0.01},
    ],
)
def reduce_lr_on_plateau(config: Config, backend: str) -> Call:
    options = _monitor(config) | {
        "factor": config.float("factor", 0.1),
        "patience": config.int("patience", 10, low=0),
        "min_delta": abs(config.float("min_delta", 0.0001)),
        "cooldown": config.int("cooldown", 0, low=0),
        "min_lr": config.float("min_lr", 0.0),
    }
    if options["factor"] >= 1:
        raise config.wrong("factor", "a number below 1", options["factor"])
    defaults = {"min_delta": 0.0001, "cooldown": 0, "min_lr": 0.0}
    return Monitored("ReduceLROnPlateau", options=without_defaults(options, **defaults))


@recipe(
    "callback",
    "ModelCheckpoint",
    examples=[
        {"filepath": "every-{epoch:02d}-{val_loss:.3f}.keras"},
        {"filepath": "best.weights.h5", "save_weights_only": True, "save_best_only": True},
        {"filepath": "{epoch}.keras", "save_best_only": True, "monitor": "val_accuracy"},
        {"filepath": "{epoch}-{batch:03d}.keras", "save_freq": 3},
        {
            "filepath": "{epoch}.keras",
            "save_best_only": True,
            "monitor": "loss",
            "initial_value_threshold": 0.5,
        },
    ],
)
def model_checkpoint(config: Config, backend: str) -> Call:
    """Keras' endings become that of PyTorch's weights: what else Keras saves is in the port."""
    path = config.text("filepath")
    config.ignore("save_weights_only")
    ending = next((ending for ending in ENDINGS if path.endswith(ending)), WEIGHTS)
    options = {
        "filepath": path.removesuffix(ending) + WEIGHTS,
        **_monitor(config),
        "save_best_only": config.bool("save_best_only", False),
        "save_freq": _frequency(config),
        "initial_value_threshold": config.float_or_none("initial_value_threshold"),
    }
    defaults = {"save_best_only": False, "save_freq": None, "initial_value_threshold": None}
    made = Monitored("ModelCheckpoint", options=without_defaults(options, **defaults))
    if options["save_best_only"]:
        return made
    unmonitored = {k: v for k, v in made.options.items() if k not in ("monitor", "mode")}
    return Call(made.function, options=unmonitored)
