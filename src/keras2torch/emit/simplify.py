"""The statements of a class as its author would write them: what is unused goes, and what is used
once is written where it is used."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Model, Statement, Value

MAX_INLINE = 84  # an expression longer than this is not made longer still
PLACE = re.compile(r"\{(\d+)\}")


def simplified(model: Model) -> list[Statement]:
    """The statements of the model's forward, fewer."""
    outputs = [leaf.value for leaf in leaves(model.outputs)]
    statements = _without_unused(model.statements, outputs)
    seen = {tensor.value for traced in model.traced for tensor in traced.outputs}
    return _inlined(statements, outputs, seen)


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
