"""The statements of ``forward`` as text: what is unused goes, what is used once is written where
it is used, and names are given last."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras2torch.emit.literals import literal
from keras2torch.emit.names import GLOBALS, Names
from keras2torch.ir.graph import leaves, map_leaves
from keras2torch.ir.program import Model, Module, Statement, Value

MAX_INLINE = 84  # an expression longer than this is not made longer still
PLACE = re.compile(r"\{(\d+)\}")


@dataclass(frozen=True)
class Forward:
    """The text of a forward pass.

    ``lines`` holds one statement each, with its comment; ``arguments`` the parameters' names;
    ``places`` tells, per value that has a name, after which line it can be seen (-1: at the start)
    and under which name.
    """

    arguments: list[str]
    lines: list[str]
    returned: str
    returns: str
    places: Mapping[Value, tuple[int, str]]


def write_forward(model: Model, attributes: Mapping[Module, str], globals_: set[str]) -> Forward:
    """Write the forward pass of one class."""
    outputs = [leaf.value for leaf in leaves(model.outputs)]
    statements = _without_unused(model.statements, outputs)
    seen = {tensor.value for traced in model.traced for tensor in traced.outputs}
    statements = _inlined(statements, outputs, seen)
    return _named(model, statements, outputs, attributes, globals_)


def _without_unused(statements: Sequence[Statement], outputs: Sequence[Value]) -> list[Statement]:
    """Forward passes have no side effects, so a statement that nobody reads can go."""
    needed = set(outputs)
    kept = []
    for statement in reversed(statements):
        if needed.intersection(statement.targets):
            kept.append(statement)
            needed.update(o for o in statement.operands if isinstance(o, Value))
    return kept[::-1]


def _inlined(
    statements: list[Statement], outputs: Sequence[Value], seen: set[Value]
) -> list[Statement]:
    """Write a value that is used once, by its own layer, into the expression that uses it."""
    uses = Counter(o for s in statements for o in s.operands if isinstance(o, Value))
    uses.update(outputs)
    waiting: dict[Value, Statement] = {}
    kept: list[Statement] = []
    for statement in statements:
        merged = statement
        for operand in statement.operands:
            inner = waiting.get(operand) if isinstance(operand, Value) else None
            if inner is None or inner.layer != statement.layer:
                continue
            candidate = _merge(merged, inner)
            if len(candidate.expression) <= MAX_INLINE:
                merged = candidate
                del waiting[inner.targets[0]]
                kept.remove(inner)
        kept.append(merged)
        first = merged.targets[0]
        if merged.target == "{0}" and uses[first] == 1 and first not in seen:
            waiting[first] = merged
    return kept


def _merge(outer: Statement, inner: Statement) -> Statement:
    """``outer`` with ``inner``'s expression in the place of its value."""
    operands = list(outer.operands)
    place = operands.index(inner.targets[0])
    shifted = {}
    for number, operand in enumerate(inner.operands):
        if operand not in operands:
            operands.append(operand)
        shifted[number] = operands.index(operand)
    text = PLACE.sub(lambda m: f"{{{shifted[int(m[1])]}}}", inner.expression)
    expression = _insert(outer.expression, place, text)
    used = sorted({int(number) for number in PLACE.findall(expression)})
    expression = PLACE.sub(lambda m: f"{{{used.index(int(m[1]))}}}", expression)
    return replace(outer, expression=expression, operands=tuple(operands[n] for n in used))


def _insert(template: str, place: int, text: str) -> str:
    """Put ``text`` for operand ``place``, in brackets where it would be read wrongly without."""
    parsed = ast.parse(PLACE.sub(r"operand_\1", text), mode="eval").body
    atomic = isinstance(parsed, (ast.Name, ast.Call, ast.Attribute, ast.Subscript, ast.Constant))

    def put(match: re.Match[str]) -> str:
        if int(match[1]) != place:
            return match[0]
        before, after = template[: match.start()], template[match.end() :]
        alone = before.endswith(("(", "[", ", ")) and after.startswith((")", "]", ","))
        return text if atomic or alone or template == match[0] else f"({text})"

    return PLACE.sub(put, template)


def _named(
    model: Model,
    statements: Sequence[Statement],
    outputs: Sequence[Value],
    attributes: Mapping[Module, str],
    globals_: set[str],
) -> Forward:
    """Give names. The main chain is ``x``; what lives beside it is called by its layer."""
    last_use: dict[Value, int] = {}
    for number, statement in enumerate(statements):
        for operand in statement.operands:
            if isinstance(operand, Value):
                last_use[operand] = number
    last_use.update(dict.fromkeys(outputs, len(statements)))

    names = Names(GLOBALS | globals_ | {"x"})
    arguments = []
    name_of: dict[Value, str] = {}
    for hint, tensor in model.inputs:
        name = "x" if hint == "x" and "x" not in arguments else names.take(hint, "inputs")
        arguments.append(name)
        name_of[tensor.value] = name
    places: dict[Value, tuple[int, str]] = {v: (-1, n) for v, n in name_of.items()}
    lines: list[str] = []
    declared: set[str] = set(arguments)
    loose: set[str] = set()  # bound to what mypy knows nothing of
    held: dict[str, Value] = {n: v for v, n in name_of.items()}
    for number, statement in enumerate(statements):
        given = [
            name_of[o] if isinstance(o, Value) else f"self.{attributes[o]}"
            for o in statement.operands
        ]
        expression = _filled(statement.expression, given)
        said = []
        for value in statement.targets:
            if value not in last_use:
                said.append("_")
                continue
            wanted = "x" if value.hint == statement.layer else value.hint
            name = _variable(wanted, statement, number, names, held, last_use, set(arguments))
            held[name] = value
            name_of[value] = name
            places[value] = (number, name)
            said.append(name)
        target = re.sub(r"\(_(, _)*\)", "_", _filled(statement.target, said))
        if target.isidentifier() and target not in declared and "self." in expression:
            target = f"{target}: Tensor"
        elif not target.isidentifier():
            loose.update(set(said) - declared)
        declared.update(said)
        lines.append(f"{target} = {expression}{_comment(statement)}")
    returned, returns = _returned(model, name_of)
    for name in sorted(loose.intersection(name_of[v] for v in outputs)):
        lines.insert(0, f"{name}: Tensor")
        places = {v: (place + 1 if place >= 0 else place, n) for v, (place, n) in places.items()}
    return Forward(arguments, lines, returned, returns, places)


def _filled(template: str, texts: Sequence[str]) -> str:
    return PLACE.sub(lambda match: texts[int(match[1])], template)


def _variable(
    wanted: str,
    statement: Statement,
    number: int,
    names: Names,
    held: dict[str, Value],
    last_use: Mapping[Value, int],
    arguments: set[str],
) -> str:
    """A free name for a value: the wanted one if nobody who is still read holds it."""

    def free(name: str) -> bool:
        holder = held.get(name)
        return holder is None or last_use.get(holder, -1) <= number

    if wanted == "x" and free("x"):
        return "x"
    if wanted == "x":
        wanted = statement.layer
    again = re.sub(r"[^a-z0-9]+", "_", wanted.lower()).strip("_")
    if again in held and again not in arguments and free(again):
        return again
    return names.take(wanted, "value")


def _comment(statement: Statement) -> str:
    """The shape that a statement makes."""
    if statement.shape is None or len(statement.shape) < 2:
        return ""
    sizes = ["batch", *("n" if size is None else str(size) for size in statement.shape[1:])]
    return f"  # ({', '.join(sizes)})"


def _returned(model: Model, name_of: Mapping[Value, str]) -> tuple[str, str]:
    """The returned expression and its type, in Keras' structure."""
    structure: Any = map_leaves(lambda tensor: name_of[tensor.value], model.outputs)

    def write(part: Any) -> str:
        if isinstance(part, dict):
            pairs = ", ".join(f"{literal(key)}: {write(part[key])}" for key in part)
            return "{" + pairs + "}"
        if isinstance(part, list):
            return "[" + ", ".join(map(write, part)) + "]"
        if isinstance(part, tuple):
            inner = ", ".join(map(write, part))
            return f"({inner},)" if len(part) == 1 else f"({inner})"
        return str(part)

    def kind(part: Any) -> str:
        if isinstance(part, dict):
            inner = {kind(v) for v in part.values()}
            return f"dict[str, {inner.pop() if len(inner) == 1 else 'Any'}]"
        if isinstance(part, list):
            inner = {kind(v) for v in part}
            return f"list[{inner.pop() if len(inner) == 1 else 'Any'}]"
        if isinstance(part, tuple):
            return f"tuple[{', '.join(map(kind, part))}]"
        return "Tensor"

    return write(structure), kind(structure)
