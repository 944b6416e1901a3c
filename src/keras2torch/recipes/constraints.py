"""Keras' constraints: what is done to a weight behind each update.

Source: keras/src/constraints/constraints.py.
"""

from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.along import AlongAxes
from keras2torch.recipes.call import Call
from keras2torch.recipes.table import recipe

MOST_AXES = 32


def _axes(config: Config) -> tuple[int, ...] | None:
    """The axes of Keras' variable along which norms are taken."""
    value = config.raw("axis", 0)
    if value is None:
        return None
    axes = value if isinstance(value, list) else [value]
    if not 0 < len(axes) <= MOST_AXES or any(type(axis) is not int for axis in axes):
        raise config.wrong("axis", "a whole number or a list of some", value)
    return tuple(axes)


@recipe(
    "constraint",
    "MaxNorm",
    "max_norm",
    examples=[{"max_value": 1, "axis": 0}, {"max_value": 0.5, "axis": [0, 1]}, {"axis": -1}],
)
def max_norm(config: Config, backend: str) -> Call:
    options = {"max_value": config.float("max_value", 2)}
    return AlongAxes("max_norm_", options=options, axes=_axes(config))


@recipe("constraint", "NonNeg", "non_neg", examples=[{}])
def non_negative(config: Config, backend: str) -> Call:
    return Call("torch.relu_")


@recipe("constraint", "UnitNorm", "unit_norm", examples=[{"axis": 0}, {"axis": None}])
def unit_norm(config: Config, backend: str) -> Call:
    return AlongAxes("unit_norm_", axes=_axes(config))


@recipe(
    "constraint",
    "MinMaxNorm",
    "min_max_norm",
    examples=[
        {"min_value": 0.5, "max_value": 0.8, "rate": 0.7, "axis": 0},
        {"min_value": 0.9, "axis": [1]},
    ],
)
def min_max_norm(config: Config, backend: str) -> Call:
    options = {
        "min_value": config.float("min_value", 0.0),
        "max_value": config.float("max_value", 1.0),
        "rate": config.float("rate", 1.0),
    }
    return AlongAxes("min_max_norm_", options=options, axes=_axes(config))
