"""The masks that Keras hands on with a model's outputs: its losses leave out what they mask."""

from __future__ import annotations

from collections.abc import Sequence

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Model, Module, Program, Statement, Tensor, Value


def take_masks(program: Program, places: Sequence[int]) -> None:
    """Give the model a method for the masks of the outputs at these places.

    Raises:
        UnsupportedError: a mask that is made of more than the inputs.
    """
    model = program.model
    flat = list(leaves(model.outputs))
    masks = [
        Tensor(mask, flat[place].shape[:-1], "bool")
        for place in places
        if (mask := flat[place].mask) is not None
    ]
    if not masks:
        return
    statements = _needed(model, {mask.value for mask in masks})
    known = {tensor.value for _, tensor in model.inputs}
    known.update(value for statement in statements for value in statement.targets)
    if any(mask.value not in known for mask in masks):
        raise UnsupportedError(
            "an output's mask is made in a nested model, its training can't be written yet"
        )
    for statement in statements:
        modules = [o for o in statement.operands if isinstance(o, Module)]
        if modules:
            raise UnsupportedError(
                f"layer {quoted(statement.layer)} makes the mask of an output of what "
                f"{quoted(modules[0].layer)} computes, its training can't be written yet"
            )
    model.output_masks = masks[0] if len(masks) == 1 else tuple(masks)
    model.mask_statements = statements


def _needed(model: Model, values: set[Value]) -> list[Statement]:
    """The statements that these values are made by."""
    kept = []
    for statement in reversed(model.statements):
        if values.intersection(statement.targets):
            kept.append(statement)
            values.update(o for o in statement.operands if isinstance(o, Value))
    return kept[::-1]
