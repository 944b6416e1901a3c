"""Keras' regularizers: what a weight adds to the loss.

Source: keras/src/regularizers/regularizers.py.
"""

from __future__ import annotations

from dataclasses import dataclass

from keras2torch.ir.config import Config
from keras2torch.ir.literals import literal
from keras2torch.recipes.along import AlongAxes
from keras2torch.recipes.call import Call
from keras2torch.recipes.table import recipe


@dataclass(frozen=True)
class Norms(Call):
    """``l1 * sum(|w|) + l2 * sum(w**2)``, written out."""

    def source(self, *first: str) -> str:
        (weight,) = first
        sums = {"l1": f"{weight}.abs().sum()", "l2": f"{weight}.square().sum()"}
        return " + ".join(f"{literal(value)} * {sums[key]}" for key, value in self.options.items())

    def helpers(self) -> set[str]:
        return set()


def _factor(config: Config, key: str, default: float) -> float:
    value = config.float_or_none(key) if key in config else None
    if value is None:
        return default
    if value < 0:
        raise config.wrong(key, "a number from 0", value)
    return value


@recipe("regularizer", "L1", "l1", examples=[{"l1": 0.02}, {}])
def l1(config: Config, backend: str) -> Call:
    return Norms("l1", options={"l1": _factor(config, "l1", 0.01)})


@recipe("regularizer", "L2", "l2", examples=[{"l2": 0.02}, {}])
def l2(config: Config, backend: str) -> Call:
    return Norms("l2", options={"l2": _factor(config, "l2", 0.01)})


@recipe(
    "regularizer",
    "L1L2",
    "l1_l2",
    examples=[{"l1": 0.02, "l2": 0.3}, {"l1": 0.5}, {"l2": 0.5}],
)
def l1_l2(config: Config, backend: str) -> Call:
    factors = {key: _factor(config, key, 0.0) for key in ("l1", "l2")}
    return Norms("l1_l2", options={key: factor for key, factor in factors.items() if factor})


@recipe(
    "regularizer",
    "OrthogonalRegularizer",
    "orthogonal_regularizer",
    examples=[{"factor": 0.3, "mode": "rows"}, {"mode": "columns"}],
)
def orthogonal(config: Config, backend: str) -> Call:
    """Rows are normalized along axis 1, columns along axis 0."""
    axis = 1 if config.choice("mode", ("rows", "columns"), "rows") == "rows" else 0
    options = {"factor": _factor(config, "factor", 0.01)}
    return AlongAxes("orthogonal_penalty", options=options, axes=(axis,), rank=2)
