"""The arguments of a block's ``__init__``: few, and named for what they count."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras2torch.emit.blocks.derived import (
    Argument,
    Values,
    derived,
    derived_border,
    derived_by_flag,
)
from keras2torch.emit.blocks.signatures import role
from keras2torch.emit.blocks.unify import Slot
from keras2torch.emit.names import Names
from keras2torch.ir.program import Model, Parameter

POSITIONAL = ("in_channels", "channels", "out_channels")
# What a number is called where the place that it is found in has no name for it.
OTHERWISE = {"Mult": "scale", "Div": "scale", "Add": "offset", "Sub": "offset"}

Sizes = Mapping[str, Sequence[int | None]]


@dataclass(frozen=True)
class Arguments:
    """What a class takes, what each mark in its texts becomes, and each instance's arguments.

    ``locals`` are variables of ``__init__`` that follow from the arguments.
    """

    parameters: list[Parameter]
    locals: list[tuple[str, str]]
    texts: Mapping[str, str]
    given: list[str]


def arguments_of(
    slots: Sequence[Slot],
    owners: Mapping[str, str],
    sizes: Sizes,
    flags: Mapping[str, Sequence[bool]],
    blocks: dict[str, Model],
    names: Names,
) -> Arguments:
    """Few arguments for many slots.

    ``owners`` says, by mark, what the author calls the module; ``sizes`` has the channels of each
    instance's input and output, ``flags`` which optional parts each has.
    """
    arguments = _grouped(slots, blocks)
    arguments.sort(key=lambda argument: _rank(argument, sizes))
    local: list[tuple[str, str]] = []
    for argument in arguments:
        known = [a for a in arguments if a.text and not a.derived]
        wanted = _wanted(argument, owners, sizes)
        text = derived(argument, known)
        follows = None
        if not text and wanted not in POSITIONAL:
            follows = derived_by_flag(argument, known, flags) or derived_border(argument, known)
        argument.derived = bool(text or follows)
        argument.text = text or names.take(wanted, "value")
        if follows:
            local.append((argument.text, follows))
        if wanted in ("in_channels", "out_channels"):
            argument.fill(sizes[wanted])
    named = [argument for argument in arguments if not argument.derived]
    named.sort(key=lambda argument: _place(argument.text))
    written = {slot.mark: a.text for a in arguments for slot in a.slots}
    parameters = [_parameter(argument) for argument in named]
    parameters += [
        Parameter(flag, "bool", str(sum(present) * 2 > len(present)), flag, False)
        for flag, present in flags.items()
    ]
    values = [argument.values for argument in named]
    values += [tuple(map(str, present)) for present in flags.values()]
    given = [
        ", ".join(_given(parameters, of_instance)) for of_instance in zip(*values, strict=True)
    ]
    return Arguments(parameters, local, written, given or [""] * len(sizes["in_channels"]))


def _parameter(argument: Argument) -> Parameter:
    name, annotation = argument.text, _annotation(argument.values)
    return Parameter(name, annotation, _default(argument), argument.role, name in POSITIONAL)


def _given(parameters: Sequence[Parameter], values: Sequence[str | None]) -> list[str]:
    """The arguments of one instance, without those that have their default."""
    return [
        str(value) if parameter.positional else f"{parameter.name}={value}"
        for parameter, value in zip(parameters, values, strict=True)
        if parameter.positional or value not in (None, parameter.default)
    ]


def _grouped(slots: Sequence[Slot], blocks: dict[str, Model]) -> list[Argument]:
    """Slots that always agree, as one argument. Those that every instance has come first."""
    found: list[Argument] = []
    for slot in sorted(slots, key=lambda slot: slot.values.count(None)):
        kind = role(slot.owner, slot.argument, blocks)
        known = next((a for a in found if a.fits(kind, slot.values)), None)
        if known is None:
            known = Argument(kind, slot.values)
            found.append(known)
        known.take(slot)
    return found


def _place(name: str) -> tuple[int, str]:
    """Channels come first, in and out."""
    return (POSITIONAL.index(name), "") if name in POSITIONAL else (len(POSITIONAL), "")


def _rank(argument: Argument, sizes: Sizes) -> int:
    """The block's own channels are named before others, which may be multiples of them."""
    for place, name in enumerate(("in_channels", "out_channels")):
        if argument.role == "channels" and _is(argument.values, sizes[name]):
            return place
    return {"channels": 2, "kernel_size": 3}.get(argument.role, 4)


def _is(values: Values, sizes: Sequence[int | None]) -> bool:
    pairs = [(a, str(b)) for a, b in zip(values, sizes, strict=True) if a and b]
    known = all(a or b for a, b in zip(values, sizes, strict=True))
    return bool(pairs) and known and all(a == b for a, b in pairs)


def _wanted(argument: Argument, owners: Mapping[str, str], sizes: Sizes) -> str:
    kind, slot = argument.role, argument.slots[0]
    if kind == "padding" and slot.owner == "F.pad":
        return "border"
    if kind != "channels":
        return kind if kind and not kind.isdigit() else OTHERWISE.get(slot.owner, "value")
    enters, leaves = (_is(argument.values, sizes[n]) for n in ("in_channels", "out_channels"))
    if enters and leaves:
        return "channels"
    if enters or leaves:
        return "in_channels" if enters else "out_channels"
    if all(slot.argument == "groups" for slot in argument.slots):
        return "groups"
    owned = [owners[slot.mark].split("_") for slot in argument.slots]
    if all("se" in words or "squeeze" in words for words in owned):
        return "squeeze_channels"
    return "hidden_channels"


def _default(argument: Argument) -> str | None:
    """The value that most instances have, if it is a usual one; any, if some have no use for it."""
    if argument.text in POSITIONAL:
        return None
    given = [value for value in argument.values if value is not None]
    common, times = Counter(given).most_common(1)[0]
    counted = argument.role == "channels" and argument.text != "groups"
    usual = common in ("1", "0", "True", "False") or argument.role == "kernel_size"
    if usual and not counted and times * 2 >= len(given):
        return common
    if len(given) == len(argument.values):
        return None
    return "0.0" if _annotation(argument.values) == "float" else common


def _annotation(values: Values) -> str:
    kinds = {_kind(ast.literal_eval(value)) for value in values if value is not None}
    if kinds == {"int", "float"}:
        return "float"
    return " | ".join(sorted(kinds))


def _kind(value: object) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(_kind(part) for part in value)}]"
    return type(value).__name__
