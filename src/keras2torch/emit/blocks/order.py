"""The statements of a class branch by branch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Model, Statement, Value

NEAR = 150  # statements: what is farther away belongs to another block
PERMUTE = re.compile(r"\{(\d+)\}(\.permute\([\d, ]+\))")


def branch_by_branch(model: Model) -> Sequence[Statement]:
    """The statements so that each branch stands together, before what joins it to another.

    Keras files them by their distance from the outputs, so that branches are mixed.
    """
    order = _Order(model)
    stack = [leaf.value for leaf in leaves(model.outputs)][::-1]
    while stack:
        statement = order.made.get(stack[-1])
        if statement is None or statement in order.depths:
            stack.pop()
        elif statement in order.begun:
            order.end(statement)
            stack.pop()
        else:
            order.begun[statement] = len(order.statements)
            stack += [o for o in statement.operands if isinstance(o, Value)][::-1]
    return order.statements


class _Order:
    """The statements that have their place, each with its depth: how far it is from the inputs.

    ``begun`` are those whose operands are being placed, and where the first of these stands.
    """

    def __init__(self, model: Model) -> None:
        self.made = {value: s for s in model.statements for value in s.targets}
        self.statements: list[Statement] = []
        self.depths: dict[Statement, int] = {}
        self.begun: dict[Statement, int] = {}
        self._uses = Counter(s for user in model.statements for s in self._needs(user))

    def _needs(self, statement: Statement) -> set[Statement]:
        values = [o for o in statement.operands if isinstance(o, Value)]
        return {self.made[value] for value in values if value in self.made}

    def end(self, statement: Statement) -> None:
        """Place a statement whose operands are placed.

        What several others need of it, and is nearer to the inputs than what stands before it, is
        something that a block is given rather than a part of it: that goes in front of the block.
        """
        depths = [self.depths[s] for s in self._needs(statement)]
        self.depths[statement] = 1 + max(depths, default=0)
        self.statements.append(statement)
        start = self.begun.pop(statement)
        before = self.statements[start - 1] if start else statement
        if self._uses[statement] < 2 or self.depths[before] <= self.depths[statement]:
            return
        # What a join begins with, it may be the only one to read.
        joins = (begin for s, begin in reversed(self.begun.items()) if len(self._needs(s)) > 1)
        if next(joins, start) < start:
            self._bring_forward(start)

    def _bring_forward(self, start: int) -> None:
        """Put the statements from ``start`` on behind the last that they are made of."""
        moved = self.statements[start:]
        needed = {s for part in moved for s in self._needs(part)}
        place = start
        while place and self.statements[place - 1] not in needed:
            place -= 1
        if start - place > NEAR:
            return
        self.statements[place:] = [*moved, *self.statements[place:start]]
        for statement, begin in reversed(self.begun.items()):
            if begin <= place:
                break
            self.begun[statement] = begin + len(moved)


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
