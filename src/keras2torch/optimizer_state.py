"""What Keras' optimizer has gathered, for the optimizer of the port.

A file numbers the optimizer's variables. What each of them is follows from the optimizer's options
and the order of the model's trainable variables; their shapes must agree. A moment of a Keras
variable becomes PyTorch's by the changes that made the parameter of the variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from keras2torch.errors import WeightsError, quoted
from keras2torch.factored_moments import factored
from keras2torch.ir.keras2 import is_keras2
from keras2torch.ir.variables import KerasVariable
from keras2torch.ir.weights import Weight
from keras2torch.readers.saved import Saved, Variable
from keras2torch.recipes.optimizer import Optimizer
from keras2torch.recipes.optimizer_variables import (
    Notation,
    OptimizerVariable,
    optimizer_variables,
)

MOST_STEPS = 2**53  # more fit into no counter that training can reach
LEGACY = re.compile(r"(.*/)?iter(ations)?(_\d+)?(:0)?")
COUNTS = ("iteration", "step_counter")  # whole numbers; the others have fractions
AFRESH = "training starts afresh"


@dataclass(frozen=True)
class OptimizerState:
    """The tensors of ``optimizer.safetensors`` by their keys, and what ``port.json`` lists.

    The keys are ``<parameter>.<slot>``, and without a dot what there is one of.
    """

    tensors: Mapping[str, Weight] = field(default_factory=dict)
    listed: Sequence[Mapping[str, Any]] = ()
    note: str | None = None


def optimizer_state(
    saved: Saved, optimizer: Optimizer, variables: Sequence[KerasVariable]
) -> OptimizerState:
    """The state that goes with the port; without tensors where there is none to go on from.

    Raises:
        WeightsError: the file's optimizer has variables that can't be its own.
    """
    stored = saved.optimizer
    if saved.optimizer_note is not None:
        return OptimizerState(note=f"{saved.optimizer_note}: {AFRESH}")
    notation = _notation(saved)
    wanted = optimizer_variables(optimizer, [(v.path, v.shape) for v in variables], notation)
    of_all = 4 if optimizer.loss_scale is not None else 2  # counters and learning rates
    if not stored or (len(stored) <= of_all < len(wanted)):
        return OptimizerState()  # compiled, and never trained since
    if notation != "keras 3" and any(
        s.of == "scalar" for slots in optimizer.call.slots for s in slots
    ):
        return OptimizerState(
            note=f"Keras 2 does not save all that {optimizer.call.function} has gathered: {AFRESH}"
        )
    if len(stored) != len(wanted):
        # Keras passes such a state over, with a warning.
        return OptimizerState(
            note=f"the optimizer's state has {len(stored)} variables, for this model it must have "
            f"{len(wanted)}; like Keras, {AFRESH}"
        )
    for variable, found in zip(wanted, stored, strict=True):
        _check(variable, found, variables)
    computed = [w for v in variables for w in v.parameters.values() if not _followed(w, optimizer)]
    if computed:
        return OptimizerState(
            note=f"the optimizer's state of {quoted(computed[0].keras)} has no counterpart, as the "
            f"parameter is not it in another order of axes ({computed[0].how}): {AFRESH}"
        )
    return _ported(wanted, stored, variables)


def _followed(weight: Weight, optimizer: Optimizer) -> bool:
    """Whether the slots of a variable can go where the parameter's numbers went. Means over axes
    of more than two can if the axes themselves stayed as they are."""
    if not optimizer.call.shaped or len(weight.origin) < 3:
        return weight.moved
    return set(weight.how.split(", ")) <= {"as it is", "transposed", "reshaped"}


def _notation(saved: Saved) -> Notation:
    if not is_keras2(saved):
        return "keras 3"
    names = saved.optimizer_names
    return "legacy" if names and LEGACY.fullmatch(names[0]) else "keras 2"


def _check(wanted: OptimizerVariable, found: Variable, variables: Sequence[KerasVariable]) -> None:
    """Refuse a variable of another shape or kind than its place in the file says."""
    said = f"the optimizer's {wanted.keras}"
    if wanted.of is not None:
        said += f" of {quoted(variables[wanted.of].path)}"
    if found.shape != wanted.shape:
        raise WeightsError(f"{said} must have shape {wanted.shape}, the file has {found.shape}")
    if wanted.key is None and wanted.shape == ():
        return  # a place for nothing, of whatever kind
    counts = wanted.of is None and wanted.keras in COUNTS
    if found.dtype.kind not in ("iu" if counts else "f"):
        kind = "whole numbers" if counts else "floating-point numbers"
        raise WeightsError(f"{said} must be {kind}, found {found.dtype}")
    if counts and not 0 <= int(found.array()) < MOST_STEPS:
        raise WeightsError(f"{said} must be a number of steps, found {found.array()}")


def _ported(
    wanted: Sequence[OptimizerVariable],
    stored: Sequence[Variable],
    variables: Sequence[KerasVariable],
) -> OptimizerState:
    tensors: dict[str, Weight] = {}
    listed: list[dict[str, Any]] = []

    def add(key: str, place: int, weight: Weight) -> None:
        of = wanted[place].of
        said = wanted[place].keras + ("" if of is None else f" of {variables[of].path}")
        tensors[key] = weight
        listed.append({"name": key, "shape": list(weight.shape), "number": place, "keras": said})

    for place, (variable, found) in enumerate(zip(wanted, stored, strict=True)):
        if variable.key is None or variable.kind == "columns":
            continue
        if variable.of is None:
            add(variable.key, place, Weight((), found.dtype, found.array, ()))
            continue
        parameters = variables[variable.of].parameters
        if variable.kind == "rows":  # its columns follow
            shape, name = variables[variable.of].shape, next(iter(parameters))
            both = factored(list(parameters.values()), shape, found, stored[place + 1])
            for part, weight in enumerate(both):
                add(f"{name}.{wanted[place + part].key}", place + part, weight)
            continue
        for name, weight in parameters.items():
            add(f"{name}.{variable.key}", place, weight.with_values(found.array, found.dtype))
    return OptimizerState(tensors, listed)
