"""The weights of a port, made anew from what Keras' variables hold after each step.

The original is ported once more, in memory, with other arrays in the place of the stored ones. So
each tensor goes the very way that it went when the port was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from keras2torch.emit.module import write_module
from keras2torch.ir.build import graph_of
from keras2torch.ir.keras2 import described
from keras2torch.ir.lower import program_of
from keras2torch.ir.weights import Weight
from keras2torch.readers import read
from keras2torch.readers.saved import Group, Shape, Variable
from keras2torch.verify.shared_variables import Place, SharedVariables

Array = npt.NDArray[Any]


class _Slots:
    """What all variables look into: ``shared`` once Keras' process has told of it."""

    def __init__(self) -> None:
        self.shared: SharedVariables | None = None
        self.places: dict[tuple[str, int], Place] = {}
        self.slot = 0


@dataclass(frozen=True)
class _Variable:
    """Stands in the place of a stored variable."""

    stored: Variable
    key: tuple[str, int]
    slots: _Slots

    @property
    def shape(self) -> Shape:
        return self.stored.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.stored.dtype

    def array(self) -> Array:
        """What Keras' variable holds now; what is no variable in Keras, as it is stored."""
        place = self.slots.places.get(self.key)
        if place is None or self.slots.shared is None:
            return self.stored.array()
        return self.slots.shared.array(place, self.slots.slot)


class CarriedWeights:
    """Every tensor of a port, made of Keras' variables whenever it is asked for.

    ``weights`` tells what each is made of, ``origins`` which Keras layer each module stands for,
    ``traces`` how the layers' outputs lie in memory.
    """

    def __init__(self, model: Path) -> None:
        self._slots = _Slots()
        self._saved = read(model)  # stays open, as what is read from it comes later
        root = _with_slots(self._saved.weights, self._slots)
        emitted = write_module(program_of(graph_of(described(self._saved), root)))
        self.weights: dict[str, Weight] = {
            name: weight for name, (_, _, weight) in emitted.weights.items()
        }
        self.origins: Mapping[str, str] = emitted.origins
        self.traces: list[dict[str, Any]] = emitted.traces

    def attach(self, shared: SharedVariables) -> None:
        """Look into these slots from now on."""
        self._slots.shared = shared
        self._slots.places = {(place.path, place.index): place for place in shared.places}

    def array(self, name: str, slot: int) -> Array:
        """A tensor of the port's, of what Keras' variables hold in this slot."""
        self._slots.slot = slot
        return self.weights[name].array()


def _with_slots(group: Group, slots: _Slots) -> Group:
    """The same group with variables that look into the slots."""
    return replace(
        group,
        variables=tuple(
            _Variable(variable, (group.path, number), slots)
            for number, variable in enumerate(group.variables)
        ),
        children=None
        if group.children is None
        else {name: _with_slots(child, slots) for name, child in group.children.items()},
    )
