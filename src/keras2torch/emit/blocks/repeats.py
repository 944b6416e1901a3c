"""Finds what is repeated in a class: runs of statements that are the same but for their numbers.

Structure decides, names only break ties. A run may become a block's forward if one value leaves
it, and if no module in it is used anywhere else.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from keras2torch.emit.blocks.body import Body, Size
from keras2torch.emit.blocks.wiring import joins

OVERHEAD = 12  # lines of a class beside those of its statements and modules
ENOUGH = 10  # lines that a class must save
ENOUGH_FOR_BRANCHES = -6  # one that says how branches go together is worth it at once
LONGEST_CHAIN = 4


class Shape(Enum):
    """What is looked for, in this order: parts before what contains them.

    CHAIN: a convolution or the like with its normalization and activation. BRANCHES: branches
    that are joined. ROW: blocks without branches that follow each other.
    """

    CHAIN = "chain"
    BRANCHES = "branches"
    ROW = "row"


@dataclass(frozen=True)
class Repeat:
    """Runs of ``length`` statements that begin at ``starts``; ``worth`` is about the number of
    lines that a class for them saves."""

    length: int
    starts: tuple[int, ...]
    worth: float = 0.0

    @property
    def places(self) -> set[int]:
        """The statements of all runs."""
        return {start + n for start in self.starts for n in range(self.length)}

    def without(self, taken: set[int]) -> Repeat | None:
        """The runs that have no statement among those taken."""
        starts = tuple(s for s in self.starts if taken.isdisjoint(range(s, s + self.length)))
        return Repeat(self.length, starts) if starts else None


def find_repeats(body: Body, shape: Shape) -> tuple[list[Repeat], list[Repeat]]:
    """The repeated runs that are worth a class, the best first; and all of them, the longest
    first."""
    found, every = [], []
    for size, starts in body.groups():
        apart = _apart(starts, size.statements)
        every.append(Repeat(size.statements, apart))
        worth = _worth(body, size, apart, shape) if len(apart) > 1 else 0.0
        if worth:
            found.append(Repeat(size.statements, apart, worth))
    found.sort(key=lambda repeat: (-repeat.worth, repeat.length, repeat.starts))
    every.sort(key=lambda repeat: (-repeat.length, repeat.starts))
    return found, every


def _worth(body: Body, size: Size, starts: Sequence[int], shape: Shape) -> float:
    """How much better the file gets by a class for these runs; 0 if it does not."""
    count = len(starts)
    # The lines of all runs, without those of the class and of its instances.
    saved = (count - 1) * (size.statements + size.modules) - count - OVERHEAD
    enough = ENOUGH
    if size.branches and size.leaves >= 4 and size.inputs == 1:
        enough = ENOUGH_FOR_BRANCHES
    if saved < enough or not _has(body, size, starts, shape):
        return 0.0
    if body.is_periodic(starts[0], size.statements):
        return 0.0
    named = sum(body.is_named(start, size.statements) for start in starts) / count
    if shape is Shape.ROW and named < 0.5 and not _in_a_row(starts, size):
        return 0.0
    worth = (saved - ENOUGH_FOR_BRANCHES + 1) * (1 + 0.3 * named)
    last = starts[0] + size.statements - 1
    if shape is Shape.BRANCHES:
        worth *= (1.0 if _closes(body, last) else 0.5) * 0.4 ** (size.inputs - 1)
        worth *= 1.0 if body.sizes[starts[0]].modules else 0.9  # it ends with an activation rather
    if shape is Shape.CHAIN and not body.sizes[last].modules:
        worth *= 1.5  # an activation closes what an author would write as one
    return worth


def _has(body: Body, size: Size, starts: Sequence[int], shape: Shape) -> bool:
    """Whether runs of this size have the shape."""
    match shape:
        case Shape.CHAIN:
            first = body.sizes[starts[0]]
            return (
                size.chain
                and size.statements <= LONGEST_CHAIN
                and size.weighty == 1
                and size.modules > 1
                and first.modules > 0
                and not size.blocks
                and len(starts) > 2
            )
        case Shape.BRANCHES:
            last = starts[0] + size.statements - 1
            if size.inputs > 1 and (size.leaves < 4 or not _closes(body, last)):
                return False
            return size.branches and size.leaves > 1 and size.statements > 2
        case Shape.ROW:
            return not size.branches and size.inputs == 1 and size.leaves > 3


def _closes(body: Body, last: int) -> bool:
    """Whether a run that ends here ends where branches are joined, or with an activation behind."""
    if not body.sizes[last].modules and not joins(body.statements[last]):
        last -= 1
    return joins(body.statements[last])


def _in_a_row(starts: Sequence[int], size: Size) -> bool:
    """Whether most runs begin near where another ends."""
    gaps = [after - start - size.statements for start, after in itertools.pairwise(starts)]
    return sum(gap <= 1 for gap in gaps) * 2 >= len(gaps)


def _apart(starts: Sequence[int], length: int) -> tuple[int, ...]:
    """The starts of runs that don't overlap."""
    kept: list[int] = []
    for start in starts:
        if not kept or start >= kept[-1] + length:
            kept.append(start)
    return tuple(kept)
