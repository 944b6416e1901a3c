"""Calls of nested models: their outputs, and the masks that go in and come out with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Model, Module, Statement, Tensor, Value
from keras2torch.ir.writer import Writer


def call_model(writer: Writer, module: Module, inner: Model, operands: Sequence[Tensor]) -> Any:
    """A call of a nested model; its outputs lie in memory as its class returns them, and behind
    them come the masks that are made inside (``return_masks`` takes out those nobody needs)."""
    parts = inner.outputs
    flat = _parts(parts)
    if not all(isinstance(tensor, Tensor) for tensor in flat):
        raise UnsupportedError(f"model {quoted(inner.name)}: lists of lists as outputs, nested")
    entered = [mask for place in inner.masked if (mask := operands[place].mask) is not None]
    owned = [tensor.value for _, tensor in inner.inputs[len(operands) :]]
    masks = dict(zip(owned, entered, strict=True))
    made_inside = [value for value in masks_made(inner) if value not in masks]
    given = ", ".join(f"{{{place}}}" for place in range(1, len(operands) + len(entered) + 1))
    hints = tuple(parts) if isinstance(parts, dict) else (writer.name,) * len(flat)
    named = isinstance(parts, dict)
    together = named and bool(made_inside)  # a dict beside masks is taken apart afterwards
    values = writer.unpack(
        _pattern(None if together else parts, 1 if together else len(flat), len(made_inside)),
        (*(["outputs"] if together else hints), *["mask"] * len(made_inside)),
        f"{{0}}({given})" + (".values()" if named and not together else ""),
        module,
        *operands,
        *entered,
    )
    count = 1 if together else len(flat)
    masks.update(zip(made_inside, values[count:], strict=True))
    if together:
        values = writer.unpack(_pattern(parts, len(flat), 0), hints, "{0}.values()", values[0])
    batch = operands[0].shape[:1]
    made = [
        replace(
            tensor,
            value=value,
            shape=(*batch, *tensor.shape[1:]),
            mask=None if tensor.mask is None else masks[tensor.mask],
        )
        for tensor, value in zip(flat, values, strict=False)
    ]
    if isinstance(parts, dict):
        return dict(zip(parts, made, strict=True))
    return type(parts)(made) if isinstance(parts, (list, tuple)) else made[0]


def unmasked(writer: Writer, x: Tensor) -> Tensor:
    """The tensor with a mask of ones, which hides nothing: for a model that expects a mask."""
    expression = "torch.ones_like({0}[..., 0], dtype=torch.bool)"
    like = replace(x, shape=x.shape[:-1], order=None, flat=None, mask=None)
    plain = writer.keras_order(x)
    mask = writer.compute(expression, plain, like=like, dtype="bool", hint="mask")
    return replace(x, mask=mask.value)


def masks_made(inner: Model) -> list[Value]:
    """The masks of a model's outputs, each once."""
    masks = (tensor.mask for tensor in leaves(inner.outputs))
    return list(dict.fromkeys(mask for mask in masks if mask is not None))


def return_masks(model: Model) -> None:
    """Let the nested models of ``model`` return those masks, behind their outputs, that are used
    where they are called."""
    used = {leaf.value for leaf in leaves(model.outputs)}
    calls: dict[Module, list[Statement]] = {}
    for statement in reversed(model.statements):
        if used.intersection(statement.targets):
            used.update(o for o in statement.operands if isinstance(o, Value))
        if statement.operands and isinstance(statement.operands[0], Module):
            calls.setdefault(statement.operands[0], []).append(statement)
    for module, statements in calls.items():
        inner = module.model
        if inner is None:
            continue
        own = {tensor.value for _, tensor in inner.inputs}
        made = [value for value in masks_made(inner) if value not in own]
        if not made:
            return_masks(inner)
            continue
        outputs, count = (
            (None, 1)
            if isinstance(inner.outputs, dict)
            else (inner.outputs, len(_parts(inner.outputs)))
        )
        kept = [
            place
            for place in range(len(made))
            if any(statement.targets[count + place] in used for statement in statements)
        ]
        for statement in statements:
            targets = statement.targets
            statement.targets = (*targets[:count], *(targets[count + place] for place in kept))
            statement.target = _pattern(outputs, count, len(kept))
        if kept:
            like = next(leaf for leaf in leaves(inner.outputs) if leaf.mask is not None)
            shape = like.shape[:-1]
            returned = [Tensor(made[place], shape, "bool") for place in kept]
            inner.outputs = (inner.outputs, *returned)
        return_masks(inner)


def _parts(outputs: Any) -> list[Any]:
    if isinstance(outputs, dict):
        return list(outputs.values())
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def _pattern(outputs: Any, count: int, masks: int) -> str:
    """What a call's results are assigned to: the outputs, then the masks."""
    pattern = ", ".join(f"{{{place}}}" for place in range(count))
    if isinstance(outputs, (list, tuple, dict)) and (masks or count == 1):
        pattern = f"({pattern}{',' if count == 1 else ''})"
    return ", ".join([pattern, *(f"{{{count + place}}}" for place in range(masks))])
