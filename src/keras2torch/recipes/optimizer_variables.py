"""The variables that a Keras optimizer keeps, in the order in which files number them.

Keras 3: ``keras/src/optimizers/base_optimizer.py`` and ``build`` of each optimizer. Keras 2.11 and
later (``tf_keras/src/optimizers/optimizer.py``) stores no learning rate, which stands in its
config, and only what has a value for each weight. Before that (``optimizers/legacy``) all weights'
first slots come first, then all their second ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from keras2torch.readers.saved import Shape
from keras2torch.recipes.optimizer import Optimizer, Slot
from keras2torch.recipes.variables import is_excluded

Notation = Literal["keras 3", "keras 2", "legacy"]
Kind = Literal["weight", "scalar", "matrix", "other", "rows", "columns", "vector"]
AVERAGE = "average"
ACCUMULATED = "accumulated_gradient"


@dataclass(frozen=True)
class OptimizerVariable:
    """One of them: its name in Keras, the shape it must have, and the key that its values get.

    ``of`` is the number of the trainable variable that it follows, None: it is one for all. A
    ``key`` of None is what PyTorch has no use for. ``kind`` is its Slot's.
    """

    keras: str
    key: str | None
    shape: Shape
    of: int | None = None
    kind: Kind = "weight"


def optimizer_variables(
    optimizer: Optimizer, trained: Sequence[tuple[str, Shape]], notation: Notation
) -> list[OptimizerVariable]:
    """What ``optimizer`` keeps for trainable variables of these paths and shapes."""
    found: list[OptimizerVariable] = []
    if optimizer.loss_scale is not None and notation == "keras 3":
        # LossScaleOptimizer is an optimizer itself, whose first two are of no use.
        found += [_single("iteration"), _single("learning_rate")]
        found += [_single("step_counter", "finite_steps"), _single("dynamic_scale", "loss_scale")]
    found.append(_single("iteration", "step"))
    if isinstance(optimizer.learning_rate, float) and notation == "keras 3":
        found.append(_single("learning_rate", "learning_rate"))
    every = [(of, path, shape) for of, (path, shape) in enumerate(trained)]
    rounds: list[Sequence[Slot]] = [*optimizer.call.slots]
    if notation == "legacy":
        rounds = [(slot,) for slots in rounds for slot in slots]
    if optimizer.accumulation is not None:
        rounds.insert(0, (Slot("gradient_accumulator", ACCUMULATED),))
    if optimizer.averaging is not None:
        rounds.insert(0, (Slot("average", AVERAGE),))
    for slots in rounds:
        if notation == "keras 3":
            found += [_single(slot.keras, slot.torch) for slot in slots if slot.of == "scalar"]
        for of, path, shape in every:
            for slot in slots:
                found += _of_variable(slot, of, path, shape, optimizer.call.adam, notation)
    return found


def _single(keras: str, key: str | None = None) -> OptimizerVariable:
    return OptimizerVariable(keras, key, ())


def _of_variable(
    slot: Slot, of: int, path: str, shape: Shape, adam: Sequence[str] | None, notation: Notation
) -> list[OptimizerVariable]:
    """What a slot is of one variable: one, or none."""
    key: str | None = slot.torch
    match slot.of:
        case "scalar":
            return []
        case "matrix" | "other":
            matrix = len(shape) == 2 and not is_excluded(tuple(adam or ()), path)
            if matrix != (slot.of == "matrix"):
                return []
        case "rows" | "columns" if len(shape) < 2:
            # Keras 3 has numbers without use in their places.
            return [OptimizerVariable(slot.of, None, (), of)] if notation == "keras 3" else []
        case "rows":
            shape = shape[:-1]
        case "columns":
            shape = (*shape[:-2], shape[-1])
        case "vector" if len(shape) > 1:
            key = None
        case _:
            pass
    return [OptimizerVariable(slot.keras or slot.of, key, shape, of, slot.of)]
