"""The statements of a block that several runs share, some of them optional, and how their values
go from one to the next."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from keras2torch.ir.program import Module, Statement, Value

Run = Sequence[Statement]
MOST_OPTIONAL = 3
NOWHERE = -99


@dataclass(frozen=True)
class Line:
    """One statement of a block, as it is in each run (None: that run goes without)."""

    statements: tuple[Statement | None, ...]
    code: Hashable

    @property
    def present(self) -> tuple[bool, ...]:
        return tuple(statement is not None for statement in self.statements)

    @property
    def any(self) -> Statement:
        """One of the statements."""
        return next(s for s in self.statements if s is not None)


class Wiring:
    """Which line each operand of each line comes from.

    ``sources`` has, per line, its Value operands: numbers of lines, or of inputs as -1, -2, …
    A line that a run goes without hands on its main source. ``valid`` tells whether the lines
    say of every run what it does.
    """

    def __init__(self, lines: Sequence[Line], inputs: Sequence[Sequence[Value]]) -> None:
        self.lines = lines
        self.places: list[dict[Value, int]] = []
        for run, given in enumerate(inputs):
            known = {value: -1 - number for number, value in enumerate(given)}
            for number, line in enumerate(lines):
                statement = line.statements[run]
                if statement is not None:
                    known[statement.targets[0]] = number
            self.places.append(known)
        self.sources = [self._sources(line) for line in lines]
        self.main = [self._main(number) for number in range(len(lines))]
        self.valid = len({len(given) for given in inputs}) == 1 and all(
            self._agrees(number, run) for number in range(len(lines)) for run in range(len(inputs))
        )

    def _sources(self, line: Line) -> list[int]:
        """Of all runs' sources the last: the one that the optional lines between lead to."""
        found: list[list[int]] = []
        for run, statement in enumerate(line.statements):
            if statement is not None:
                values = [o for o in statement.operands if isinstance(o, Value)]
                found.append([self.places[run].get(value, NOWHERE) for value in values])
        return [max(of_runs) for of_runs in zip(*found, strict=True)]

    def depth(self, number: int) -> int:
        """The lines on the longest way from an input."""
        if number < 0:
            return 0
        return 1 + max((self.depth(source) for source in self.sources[number]), default=0)

    def _main(self, number: int) -> int:
        """The source that the block's main line goes through: of a sum the longest way, of a
        product the shortest, of others the first."""
        sources = self.sources[number]
        expression = self.lines[number].any.expression
        if " + " in expression:
            return max(sources, key=self.depth)
        if " * " in expression:
            return min(sources, key=self.depth)
        return sources[0] if sources else NOWHERE

    def resolved(self, number: int, run: int) -> int:
        """Where a value comes from in a run that may go without its line."""
        while number >= 0 and self.lines[number].statements[run] is None:
            number = self.main[number]
        return number

    def _agrees(self, number: int, run: int) -> bool:
        statement = self.lines[number].statements[run]
        if statement is None:
            return True
        own = [self.places[run].get(o) for o in statement.operands if isinstance(o, Value)]
        return own == [self.resolved(source, run) for source in self.sources[number]]

    def uses(self, number: int) -> list[int]:
        """The lines that read a line or an input."""
        return [user for user, sources in enumerate(self.sources) if number in sources]


def inputs_of(run: Run) -> list[Value]:
    """The values that a run takes from outside, in the order of their first use."""
    made = {value for statement in run for value in statement.targets}
    used = [o for statement in run for o in statement.operands if isinstance(o, Value)]
    return list(dict.fromkeys(value for value in used if value not in made))


def modules_of(statement: Statement | None) -> list[Module]:
    """The modules that a statement calls."""
    return [] if statement is None else [o for o in statement.operands if isinstance(o, Module)]


def joins(statement: Statement) -> bool:
    """Whether a statement adds up or concatenates several values."""
    values = {o for o in statement.operands if isinstance(o, Value)}
    joined = " + " in statement.expression or "torch.cat(" in statement.expression
    return len(values) > 1 and joined


def lines_of(runs: Sequence[Run], codes: Sequence[Hashable]) -> list[Line]:
    """The lines of runs that are the same but for their numbers."""
    statements = zip(*runs, strict=True)
    return [Line(tuple(s), code) for s, code in zip(statements, codes, strict=True)]


def joined(lines: Sequence[Line], more: Sequence[Line], chains: bool) -> list[Line] | None:
    """Lines for both: what only one has becomes optional. None if too little is common; of
    ``chains`` an activation at the end may be optional and nothing else."""
    width, others = len(lines[0].statements), len(more[0].statements)
    merged = []
    for a, b in _aligned([line.code for line in lines], [line.code for line in more]):
        left = lines[a].statements if a is not None else (None,) * width
        right = more[b].statements if b is not None else (None,) * others
        code = lines[a].code if a is not None else more[b or 0].code
        merged.append(Line((*left, *right), code))
    parts = optional_parts(merged)
    common = sum(all(line.present) for line in merged)
    if common * 5 < len(merged) * 3 or len(parts) > MOST_OPTIONAL:
        return None
    if chains and (len(parts) > 1 or parts[0] != [len(merged) - 1] or modules_of(merged[-1].any)):
        return None
    return merged


def optional_parts(lines: Sequence[Line]) -> list[list[int]]:
    """The runs of neighbouring lines that the same runs go without."""
    parts: list[list[int]] = []
    for number, line in enumerate(lines):
        if all(line.present):
            continue
        if parts and parts[-1][-1] == number - 1 and lines[number - 1].present == line.present:
            parts[-1].append(number)
        else:
            parts.append([number])
    return parts


def _aligned(
    left: Sequence[Hashable], right: Sequence[Hashable]
) -> list[tuple[int | None, int | None]]:
    """The longest common subsequence as pairs of places, and what is in one only between."""
    best = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for a in range(1, len(left) + 1):
        for b in range(1, len(right) + 1):
            same = left[a - 1] == right[b - 1]
            best[a][b] = best[a - 1][b - 1] + 1 if same else max(best[a - 1][b], best[a][b - 1])
    pairs: list[tuple[int | None, int | None]] = []
    a, b = len(left), len(right)
    while a or b:
        if a and b and left[a - 1] == right[b - 1]:
            a, b = a - 1, b - 1
            pairs.append((a, b))
        elif b and (not a or best[a][b - 1] >= best[a - 1][b]):
            b -= 1
            pairs.append((None, b))
        else:
            a -= 1
            pairs.append((a, None))
    return pairs[::-1]
