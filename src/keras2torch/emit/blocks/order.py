"""The statements of a class branch by branch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Model, Statement, Value

PERMUTE = re.compile(r"\{(\d+)\}(\.permute\([\d, ]+\))")


def branch_by_branch(model: Model) -> Sequence[Statement]:
    """The statements so that each branch stands together, before what joins it to another.

    Keras files them by their distance from the outputs, so that branches are mixed.
    """
    made = {value: s for s in model.statements for value in s.targets}
    ordered: dict[Statement, None] = {}
    begun: set[Statement] = set()
    stack = [leaf.value for leaf in leaves(model.outputs)][::-1]
    while stack:
        statement = made.get(stack[-1])
        if statement is None or statement in ordered:
            stack.pop()
        elif statement in begun:
            ordered[statement] = None
            stack.pop()
        else:
            begun.add(statement)
            stack += [o for o in statement.operands if isinstance(o, Value)][::-1]
    return list(ordered)


def inputs_apart(model: Model, statements: Sequence[Statement]) -> list[Statement]:
    """The statements with the permute of an image in a statement of its own, so that the layer
    behind it is like others."""
    inputs = {tensor.value: tensor.memory_shape for _, tensor in model.inputs}
    found: list[Statement] = []
    for statement in statements:
        match = PERMUTE.search(statement.expression)
        source = statement.operands[int(match[1])] if match else None
        alone = match and match[0] == statement.expression
        if not match or not isinstance(source, Value) or source not in inputs or alone:
            found.append(statement)
            continue
        value = Value(statement.layer)
        shape = tuple(inputs[source][int(axis)] for axis in re.findall(r"\d+", match[2]))
        layer = statement.layer
        found.append(Statement((value,), "{0}", f"{{0}}{match[2]}", (source,), layer, shape))
        expression = statement.expression.replace(match[0], f"{{{match[1]}}}")
        operands = tuple(value if o is source else o for o in statement.operands)
        found.append(replace(statement, expression=expression, operands=operands))
    return found
