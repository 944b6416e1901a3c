"""Repeated blocks become classes: what a model says ten times is written once."""

from __future__ import annotations

import re
from collections.abc import Sequence

from keras2torch.emit.blocks.block import extract
from keras2torch.emit.blocks.body import Body
from keras2torch.emit.blocks.kinds import Kinds
from keras2torch.emit.blocks.order import branch_by_branch, inputs_apart
from keras2torch.emit.blocks.repeats import Repeat, Shape, find_repeats
from keras2torch.emit.blocks.stages import gather
from keras2torch.emit.blocks.unify import Unlike
from keras2torch.emit.blocks.wiring import Line, Wiring, inputs_of, joined, joins, lines_of
from keras2torch.emit.names import Names
from keras2torch.ir.program import Model

MOST_CLASSES = 12
TEMPORARY = re.compile(r"\bBlock\d+_(?=\()")


def fold(models: list[Model], names: Names) -> Kinds:
    """Replace repeated runs of statements by blocks, in every model.

    Returns how the modules of the program start, kind by kind.
    """
    kinds = Kinds(models)
    for model in models:
        blocks: dict[str, Model] = {}
        as_filed = list(model.statements)
        model.statements[:] = inputs_apart(model, branch_by_branch(model))
        for shape in Shape:
            while len(blocks) < MOST_CLASSES and _fold_best(model, blocks, kinds, shape):
                pass
        if blocks:
            gather(model)
            _name(model, blocks, names)
        else:
            model.statements[:] = as_filed
    return kinds


def _fold_best(model: Model, blocks: dict[str, Model], kinds: Kinds, shape: Shape) -> bool:
    """Make one class; whether there was something to make one of."""
    body = Body(model, kinds)
    worthy, every = find_repeats(body, shape)
    for repeat in worthy:
        lines, starts = _with_variants(body, repeat, every, shape)
        for tried, begin in ((lines, starts), (_lines(body, repeat), list(repeat.starts))):
            try:
                extract(model, tried, begin, blocks)
            except Unlike:
                continue
            return True
    return False


def _lines(body: Body, repeat: Repeat) -> list[Line]:
    runs = [body.statements[s : s + repeat.length] for s in repeat.starts]
    first = repeat.starts[0]
    return lines_of(runs, body.codes[first : first + repeat.length])


def _with_variants(
    body: Body, repeat: Repeat, every: Sequence[Repeat], shape: Shape
) -> tuple[list[Line], list[int]]:
    """The lines of a repeat and of those that differ from it by optional parts only."""
    lines, starts, taken = _lines(body, repeat), list(repeat.starts), repeat.places
    runs = [(start, repeat.length) for start in repeat.starts]
    siblings = [Repeat(length, (start,)) for start, length in body.siblings(runs)]
    near = [r for r in every if repeat.length <= 2 * r.length <= 4 * repeat.length]
    for candidate in [*siblings, *near]:
        other = candidate.without(taken)
        merged = joined(lines, _lines(body, other), shape is Shape.CHAIN) if other else None
        if merged and candidate not in siblings and _loses_a_join(merged):
            continue  # a part of something else rather than a variant of this
        if other and merged and _wired(merged):
            lines, taken = merged, taken | other.places
            starts += other.starts
    return lines, starts


def _loses_a_join(lines: Sequence[Line]) -> bool:
    return any(joins(line.any) and not all(line.present) for line in lines)


def _wired(lines: Sequence[Line]) -> bool:
    """Whether the lines say of every run what it does."""
    runs = [
        [s for line in lines if (s := line.statements[run]) is not None]
        for run in range(len(lines[0].statements))
    ]
    return Wiring(lines, [inputs_of(run) for run in runs]).valid


def _name(model: Model, blocks: dict[str, Model], names: Names) -> None:
    """Name the classes in the order in which they will stand in the file."""
    found = {}
    classes = [inner for inner in model.submodels() if inner.name in blocks]
    for inner in classes:
        found[inner.name] = names.take_class(inner.wanted, "Block")
    for owner in [*classes, model]:
        for module in owner.modules:
            if module.parts is not None:
                module.construct = TEMPORARY.sub(lambda m: found[m[0]], module.construct)
    for inner in classes:
        inner.name = found[inner.name]
