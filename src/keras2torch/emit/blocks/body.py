"""The statements of a class, encoded so that equal runs of them have equal codes."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from keras2torch.emit.blocks.kinds import Kinds, is_weighty
from keras2torch.emit.blocks.stems import begins, common_stem, pattern, stems, words
from keras2torch.emit.blocks.wiring import joins, modules_of
from keras2torch.emit.simplify import PLACE
from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Model, Module, Value

LONGEST = 90  # statements of one block
MOST_INPUTS = 3


@dataclass(frozen=True)
class Size:
    """What a run is made of.

    ``leaves`` counts the modules that are no blocks, ``weighty`` the statements whose modules are
    more than a normalization. ``branches``: values of its own are joined. ``inputs`` is how many
    values the run is given.
    """

    statements: int
    modules: int = 0
    leaves: int = 0
    weighty: int = 0
    blocks: int = 0
    branches: bool = False
    chain: bool = True
    inputs: int = 1


class Body:
    """The statements with what has to be known of them."""

    def __init__(self, model: Model, kinds: Kinds) -> None:
        self.statements = model.statements
        self.made_at = {
            value: number
            for number, statement in enumerate(model.statements)
            for value in statement.targets
        }
        uses = Counter(m for statement in model.statements for m in modules_of(statement))
        several = {leaf.value for t in model.traced if len(t.outputs) > 1 for leaf in t.outputs}
        strings = {tensor.value for _, tensor in model.inputs if tensor.kind != "Tensor"}
        self.last_use = self._last_uses(model)
        self.sizes: list[Size] = []
        self.codes: list[Hashable | None] = []
        for statement in model.statements:
            modules = modules_of(statement)
            self.sizes.append(
                Size(
                    1,
                    len(modules),
                    sum(map(_leaves, modules)),
                    any(map(is_weighty, modules)),
                    any(module.parts is not None for module in modules),
                )
            )
            fit = (
                statement.target == "{0}"
                and statement.kind == "Tensor"
                and strings.isdisjoint(statement.operands)
                and not several.intersection(statement.targets)
                and all(uses[module] == 1 and is_plain(module) for module in modules)
            )
            code = (skeleton(statement.expression), *(kinds.code(m) for m in modules))
            self.codes.append(code if fit else None)

    def _last_uses(self, model: Model) -> list[int]:
        last = [-1] * len(self.statements)
        for number, statement in enumerate(self.statements):
            for operand in statement.operands:
                if isinstance(operand, Value) and operand in self.made_at:
                    last[self.made_at[operand]] = number
        for leaf in leaves(model.outputs):
            if leaf.value in self.made_at:
                last[self.made_at[leaf.value]] = len(self.statements)
        return last

    def groups(self) -> list[tuple[Size, list[int]]]:
        """The sizes of the runs that come more than once, and where they begin."""
        nodes: dict[Hashable, int] = {}
        starts: dict[int, list[int]] = defaultdict(list)
        sizes: dict[int, Size] = {}
        for start in range(len(self.statements)):
            node, size, open_until = 0, Size(0), -1
            outside: dict[Value, int] = {}
            for place in range(start, min(len(self.statements), start + LONGEST)):
                if self.codes[place] is None:
                    break
                wiring = self._wiring(start, place, outside)
                if len(outside) > MOST_INPUTS:
                    break
                node = nodes.setdefault((node, self.codes[place], wiring), len(nodes) + 1)
                size = _longer(size, self.sizes[place], wiring, len(outside))
                if open_until <= place and self.last_use[place] > place:
                    starts[node].append(start)
                    sizes[node] = size
                open_until = max(open_until, self.last_use[place])
        return [(sizes[node], at) for node, at in starts.items() if len(at) > 1]

    def _wiring(self, start: int, place: int, outside: dict[Value, int]) -> tuple[int, ...]:
        """Where each operand comes from: steps back, or the negative number of an input."""
        wiring = []
        for operand in self.statements[place].operands:
            if isinstance(operand, Value):
                made = self.made_at.get(operand, -1)
                known = made >= start
                number = 0 if known else outside.setdefault(operand, len(outside))
                wiring.append(place - made if known else -1 - number)
        return tuple(wiring)

    def is_periodic(self, start: int, length: int) -> bool:
        """Whether the run is itself a repetition of a shorter one."""
        codes = self.codes[start : start + length]
        return any(
            length % period == 0 and codes[period:] == codes[:-period]
            for period in range(1, length // 2 + 1)
        )

    def is_named(self, start: int, length: int) -> bool:
        """Whether the layers of the run, and no others beside it, share the first words of their
        names."""
        stem = common_stem(self.layers(start, length))
        around = [*self.statements[max(0, start - 1) : start]]
        around += self.statements[start + length : start + length + 1]
        return bool(stem) and not any(begins(s.layer, stem) for s in around)

    def layers(self, start: int, length: int) -> list[str]:
        """The names of a run's layers."""
        return [s.layer for s in self.statements[start : start + length]]

    def siblings(self, runs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
        """Runs whose layers are named as those of the given ones are: ``block1a`` beside
        ``block2b``, ``block2c``, …; each as its start and length."""
        own = {common_stem(self.layers(*run)) for run in runs}
        patterns = {(pattern(stem), len(words(stem))) for stem in own if re.search(r"\d", stem)}
        if len(patterns) != 1:
            return []
        wanted, count = patterns.pop()
        layers = [s.layer for s in self.statements]
        found: list[tuple[int, int]] = []
        of_place = stems(layers, count)
        for stem, run in itertools.groupby(range(len(layers)), key=of_place.__getitem__):
            places = list(run)
            if pattern(stem) == wanted and len(places) > 2 and self._may_be_run(places):
                found.append((places[0], len(places)))
        return found

    def _may_be_run(self, places: Sequence[int]) -> bool:
        inner = [self.last_use[place] for place in places[:-1]]
        return None not in (self.codes[p] for p in places) and max(inner) <= places[-1]


def _longer(size: Size, more: Size, wiring: tuple[int, ...], inputs: int) -> Size:
    return Size(
        size.statements + 1,
        size.modules + more.modules,
        size.leaves + more.leaves,
        size.weighty + more.weighty,
        size.blocks + more.blocks,
        size.branches or len(wiring) > 1,
        size.chain and wiring == ((1,) if size.statements else (-1,)),
        max(1, inputs),
    )


def _leaves(module: Module) -> int:
    """The modules that are in a module, itself for want of others."""
    return sum(_leaves(part) for part in module.parts or () if part) or 1


def is_plain(module: Module) -> bool:
    """Whether a module may be part of a block: nested models and blocks with a shortcut may not."""
    if module.model is None:
        return module.parts is None
    return module.parts is not None and not any(map(joins, module.model.statements))


@functools.cache
def skeleton(expression: str) -> str:
    """An expression without its numbers."""
    tree = ast.parse(PLACE.sub(r"operand_\1", expression), mode="eval")
    return ast.dump(_Numbers().visit(tree))


class _Numbers(ast.NodeTransformer):
    """Puts one and the same constant in the place of every number and tuple of numbers."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        number = isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
        return ast.Constant("number") if number else node

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        inner = self.generic_visit(node)
        return node.operand if ast.dump(node.operand) == "Constant(value='number')" else inner

    def visit_Tuple(self, node: ast.Tuple) -> ast.AST:
        inner = self.generic_visit(node)
        plain = all(ast.dump(part) == "Constant(value='number')" for part in node.elts)
        return ast.Constant("number") if plain else inner
