"""The statements of ``forward`` as text: what is unused goes, what is used once is written where
it is used, and names are given last."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras2torch.emit.names import GLOBALS, Names
from keras2torch.ir.graph import Shape, leaves, map_leaves
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Model, Module, Statement, Value

MAX_INLINE = 84  # an expression longer than this is not made longer still
MAX_LINE = 80  # with its comment; behind it a statement is broken, and the comment with it
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
    kept: dict[Statement, None] = {}  # a set in order
    for statement in statements:
        merged = statement
        for operand in statement.operands:
            inner = waiting.get(operand) if isinstance(operand, Value) else None
            if inner is None or inner.layer != statement.layer:
                continue
            place = merged.operands.index(operand)
            if merged.expression.count(f"{{{place}}}") != 1:
                continue  # it would be computed twice
            candidate = _merge(merged, inner)
            if len(candidate.expression) <= MAX_INLINE:
                merged = candidate
                del waiting[inner.targets[0]]
                del kept[inner]
        kept[merged] = None
        first = merged.targets[0]
        if merged.target == "{0}" and uses[first] == 1 and first not in seen:
            waiting[first] = merged
    return list(kept)


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
    last_use = _last_uses(statements, outputs)
    chain = _main_chain(model, statements, last_use)
    names = Names(GLOBALS | globals_ | {"x"})
    arguments = [
        "x"
        if hint == "x" and len(model.inputs) == 1 and tensor.kind == "Tensor"
        else names.take("strings" if hint == "x" and tensor.kind != "Tensor" else hint, "inputs")
        for hint, tensor in model.inputs
    ]
    name_of = {t.value: n for (_, t), n in zip(model.inputs, arguments, strict=True)}
    shapes: dict[Value, Shape | None] = {t.value: t.memory_shape for _, t in model.inputs}
    places: dict[Value, tuple[int, str]] = {v: (-1, n) for v, n in name_of.items()}
    held = {name: value for value, name in name_of.items()}
    lines: list[str] = []
    declared = set(arguments)
    plain: dict[str, int] = {}  # the lines that bind a name without declaring it
    loose: set[str] = set()  # bound to what mypy knows nothing of
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
            free = {n for n, v in held.items() if last_use.get(v, -1) <= number} - set(arguments)
            # The only argument may be called x too; nobody may still read it.
            over = arguments == ["x"] and last_use.get(held["x"], -1) <= number
            if value in chain and ("x" in free or "x" not in held or over):
                name = "x"
            else:
                name = _name(value.hint, free, names)
            held[name] = value
            name_of[value] = name
            places[value] = (number, name)
            said.append(name)
        target = re.sub(r"\(_(, _)*\)", "_", _filled(statement.target, said))
        if target.isidentifier() and target not in declared and "self." in expression:
            target = f"{target}: {statement.kind}"
        elif target in plain and "self." in expression:
            # Modules return what mypy knows nothing of, and only a declaration holds against it.
            first = plain.pop(target)
            lines[first] = lines[first].replace(" =", ": Tensor =", 1)
        elif target.isidentifier() and target not in declared:
            plain[target] = len(lines)
        elif not target.isidentifier():
            loose.update(set(said) - declared)
        declared.update(said)
        line = f"{target} = {expression}"
        lines.append(line + _comment(line, statement, shapes))
        shapes[statement.targets[0]] = statement.shape
    returned, returns = _returned(model, name_of)
    for name in sorted(loose.intersection(name_of[v] for v in outputs)):
        lines.insert(0, f"{name}: Tensor")
        places = {v: (place + 1 if place >= 0 else place, n) for v, (place, n) in places.items()}
    return Forward(arguments, lines, returned, returns, places)


def _last_uses(statements: Sequence[Statement], outputs: Sequence[Value]) -> dict[Value, int]:
    """The number of the last statement that reads each value."""
    last = {
        operand: number
        for number, statement in enumerate(statements)
        for operand in statement.operands
        if isinstance(operand, Value)
    }
    return {**last, **dict.fromkeys(outputs, len(statements))}


def _main_chain(
    model: Model, statements: Sequence[Statement], last_use: Mapping[Value, int]
) -> set[Value]:
    """The values that may be called ``x``: layers' outputs with nothing living beside them but
    what they are made of, and, while they live, nothing made but what is made of them."""
    bits: dict[Value, int] = {tensor.value: 0 for _, tensor in model.inputs}
    chain: set[Value] = set()
    alive: dict[Value, int] = {}  # layers' outputs that are still read, by last use
    for number, statement in enumerate(statements):
        made_of = 0
        for operand in statement.operands:
            if isinstance(operand, Value):
                made_of |= bits[operand]
        for value in statement.targets:
            bits[value] = made_of | (1 << number)
        main = statement.targets[0]
        if main.hint != statement.layer or main not in last_use or statement.kind != "Tensor":
            continue
        alive = {value: last for value, last in alive.items() if last > number}
        strangers = {value for value in alive if not made_of & _own_bit(bits[value])}
        chain -= strangers
        if not strangers:
            chain.add(main)
        alive[main] = last_use[main]
    return chain


def _own_bit(bits: int) -> int:
    """A value's own bit is the highest of those that say what it is made of."""
    return 1 << (bits.bit_length() - 1)


def _filled(template: str, texts: Sequence[str]) -> str:
    return PLACE.sub(lambda match: texts[int(match[1])], template)


def _name(wanted: str, free: set[str], names: Names) -> str:
    """The wanted name, again if its last holder is no longer read."""
    again = re.sub(r"[^a-z0-9]+", "_", wanted.lower()).strip("_")
    return again if again in free else names.take(wanted, "value")


def _comment(line: str, statement: Statement, shapes: Mapping[Value, Shape | None]) -> str:
    """The shape that a statement makes, where it is another than the one it takes."""
    shape = statement.shape
    first = next((o for o in statement.operands if isinstance(o, Value)), None)
    if shape is None or len(shape) < 2 or (first is not None and shapes.get(first) == shape):
        return ""
    comment = f"  # ({', '.join(sizes_of(shape))})"
    return comment if len(line) + len(comment) <= MAX_LINE else ""


def sizes_of(shape: Shape) -> list[str]:
    """A shape in words: the first axis is the batch unless its size is known."""
    names = ["batch", *["n"] * (len(shape) - 1)]
    return [name if size is None else str(size) for name, size in zip(names, shape, strict=False)]


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
        return str(part)

    return write(structure), kind(map_leaves(lambda tensor: tensor.kind, model.outputs))
