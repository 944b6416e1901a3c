"""What the mappings of metrics have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call, Function


def counted(options: Config) -> None:
    """Read what every metric has: its name, and the dtype that it counts in.

    The name is that in the logs, see ``compiled.py``. Float64 is what a metric has in a model of
    float64, whose outputs are counted in it in PyTorch too.
    """
    options.ignore("name")
    dtype = options.raw("dtype", None)
    if dtype not in (None, "float32", "float64"):
        raise UnsupportedError(
            f"{options.where}: dtype={quoted(dtype)} has no exact port yet, only 'float32' has"
        )


def differing(**options: tuple[Any, Any]) -> Mapping[str, Any]:
    """Of options with their defaults, those that are not the default: what is worth writing."""
    return {name: value for name, (value, default) in options.items() if value != default}


def mean_of(function: str, **options: tuple[Any, Any]) -> Call:
    """The mean of what a function of ``training/`` gives per sample; options with defaults."""
    return Call("MeanMetric", (Function(function),), differing(**options))
