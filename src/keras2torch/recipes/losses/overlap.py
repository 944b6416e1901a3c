"""Losses of regions."""

from __future__ import annotations

from typing import Any

from keras2torch.ir.config import Config
from keras2torch.recipes.losses.call import LossCall, reduction_of
from keras2torch.recipes.table import recipe


def _axes(options: Config) -> dict[str, Any]:
    """The option ``axis``: None, a number, or some (Keras writes tuples as objects)."""
    axis = options.raw("axis", None)
    if isinstance(axis, dict) and axis.get("class_name") == "__tuple__":
        axis = axis.get("items")
    if axis is None or type(axis) is int:
        return {} if axis is None else {"axis": axis}
    if isinstance(axis, list) and axis and all(type(a) is int for a in axis):
        return {"axis": tuple(axis)}
    raise options.wrong("axis", "None, a whole number or a list of some", axis)


@recipe(
    "loss",
    "Dice",
    "dice",
    examples=({}, {"axis": [1, 2]}, {"axis": -1, "reduction": "sum"}),
)
def dice(options: Config, backend: str) -> LossCall:
    return LossCall("dice", options=_axes(options), reduction=reduction_of(options))


@recipe(
    "loss",
    "Tversky",
    "tversky",
    examples=({}, {"alpha": 0.3, "beta": 0.8, "axis": [1]}, {"axis": -1}),
)
def tversky(options: Config, backend: str) -> LossCall:
    alpha, beta = options.float("alpha", 0.5), options.float("beta", 0.5)
    given = {"alpha": alpha, "beta": beta, **_axes(options)}
    return LossCall("tversky", options=given, reduction=reduction_of(options))
