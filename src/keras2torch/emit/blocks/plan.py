"""The forward of a block: a name for every value, and what must be kept under a second name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras2torch.emit.blocks.unify import Unlike
from keras2torch.emit.blocks.wiring import Wiring, joins, optional_parts

INPUTS = ("x", "other", "another")


ACTIVATION = re.compile(r"^(?:torch|F)\.(\w+)\(")


@dataclass(frozen=True)
class Copy:
    """``name = source`` before line ``before``; the lines ``readers`` read the copy."""

    before: int
    source: int
    name: str
    readers: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """``names`` of lines and inputs, the ``copies``, and the flag of each optional line."""

    names: Mapping[int, str]
    copies: Sequence[Copy]
    flags: Mapping[int, str]


def plan(wiring: Wiring, attributes: Mapping[int, str]) -> Plan:
    """Names for a block's values; ``attributes`` has the name of the first module of each line.

    Raises:
        Unlike: an optional part can't be written so that its result has the name of what it
            replaces.
    """
    names = _names(wiring, attributes)
    for _ in range(len(wiring.lines) + 1):
        flags = _flags(wiring, names, attributes)
        found = Plan(names, _copies(wiring, names), flags)
        lost = _lost(wiring, found)
        if lost is None:
            return found
        names[lost] = _own_name(lost, names, attributes)
    raise Unlike


def _own_name(number: int, names: Mapping[int, str], attributes: Mapping[int, str]) -> str:
    """A name that no other value of the block has."""
    stem = attributes.get(number, "y")
    name, count = stem, 1
    while name in names.values():
        count += 1
        name = f"{stem}{count}"
    return name


def _names(wiring: Wiring, attributes: Mapping[int, str]) -> dict[int, str]:
    """The main line is ``x``, what is added to it ``shortcut``, what it is multiplied with
    ``scale``, what is concatenated ``branch1``, ``branch2``, …"""
    names = {-1 - number: name for number, name in enumerate(INPUTS)}

    def visit(number: int, name: str, whole: str | None = None) -> None:
        """``whole`` is the name for what several branches inside a branch begin with."""
        if number in names:
            return
        if whole and len(wiring.uses(number)) > 1:
            name = whole
        names[number] = name
        main = wiring.main[number]
        sources = list(dict.fromkeys([main, *wiring.sources[number]]))
        inner = [source for source in sources if source not in names]
        expression = wiring.lines[number].any.expression
        if "torch.cat(" in expression:
            stem = "branch" if name == "x" else f"{name}_"
            if len(inner) == 1:
                visit(inner[0], "y" if name == "x" else name)
            for place, source in enumerate(inner):
                visit(source, f"{stem}{place + 1}", None if name == "x" else name)
            return
        for source in inner:
            aside = "shortcut" if " + " in expression else attributes.get(source, "y")
            aside = "scale" if " * " in expression else aside
            visit(source, name if source == main else aside, whole)

    visit(len(wiring.lines) - 1, "x")
    return names


def _copies(wiring: Wiring, names: Mapping[int, str]) -> list[Copy]:
    """Values that are read after their name was given to another."""
    copies = []
    last = len(wiring.lines)
    for number in range(-len(wiring.places[0]) - 1, last):
        if number not in names or not wiring.uses(number):
            continue
        again = next(
            (n for n in range(max(number + 1, 0), last) if names.get(n) == names[number]), last
        )
        late = tuple(user for user in wiring.uses(number) if user > again)
        if late:
            uses = wiring.lines[late[0]].any.expression
            name = "shortcut" if " + " in uses else "y"
            copies.append(Copy(max(number + 1, 0), number, name, late))
    for part in optional_parts(wiring.lines):
        source, name = _source(wiring, part), names[part[-1]]
        if names[source] != name:
            copies.append(Copy(part[0], source, name, tuple(part)))
    return copies


def _lost(wiring: Wiring, found: Plan) -> int | None:
    """The first value that is read when its name stands for another one; None if every name stands
    for what is read under it, whichever optional parts there are.

    Raises:
        Unlike: that would take another name for an input or around an optional part.
    """
    held = {name: number for number, name in found.names.items() if number < 0}
    parts = {part[0]: part for part in optional_parts(wiring.lines)}
    for number in range(len(wiring.lines)):
        for copy in found.copies:
            if copy.before == number:
                held[copy.name] = copy.source
        if number in parts and held.get(found.names[parts[number][-1]]) != _source(
            wiring, parts[number]
        ):
            raise Unlike
        for source in wiring.sources[number]:
            copied = [c for c in found.copies if number in c.readers and c.source == source]
            name = copied[0].name if copied else found.names[source]
            if held.get(name) != source:
                if source < 0:
                    raise Unlike
                return source
        held[found.names[number]] = number
    for part in parts.values():
        if any(max(wiring.uses(number), default=0) > part[-1] for number in part[:-1]):
            raise Unlike
    return None


def _source(wiring: Wiring, part: Sequence[int]) -> int:
    """What an optional part hands on where a run goes without it."""
    number = part[-1]
    while number >= part[0]:
        number = wiring.main[number]
    return number


def _flags(
    wiring: Wiring, names: Mapping[int, str], attributes: Mapping[int, str]
) -> dict[int, str]:
    flags: dict[int, str] = {}
    for part in optional_parts(wiring.lines):
        expressions = [wiring.lines[number].any.expression for number in part]
        own = next((attributes[number] for number in part if number in attributes), "")
        if any(joins(wiring.lines[number].any) for number in part):
            flag = "residual"
        elif names[part[-1]] == "shortcut":
            flag = "projection"
        elif any("F.pad(" in text for text in expressions):
            flag = "pad"
        elif own.startswith("expand"):
            flag = "expand"
        elif activation := ACTIVATION.match(expressions[0]):
            flag = activation[1]
        else:
            flag = f"use_{own or 'part'}"
        while flag in flags.values():
            flag += "_2"
        flags.update(dict.fromkeys(part, flag))
    return flags
