"""Leaves out of the definitions for a ``train.py`` what its model has no use for.

That is options which no call gives, such as ``label_smoothing``, with the branches that they would
take, and what is done with sparse gradients where there are none. Options stay wherever this is not
plain to see: the function is handed over instead of called, say, or the option does more than
choose between branches. In docstrings what begins with an option's name is left out with it; if it
is mentioned elsewhere, the option stays.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from keras2torch.emit.helpers import TRAINING, cut


def cut_for(body: str, names: Iterable[str], sparse: bool) -> tuple[list[str], set[str]]:
    """The sources of these definitions, which ``body`` uses, and the imports that they need.

    ``sparse``: some gradients are.
    """
    texts: dict[str, str] = {}
    while True:
        sources, imports, ordered = cut(names, TRAINING, texts)
        calls = _Calls([body, *sources])
        found = {
            name: without_options(text, calls.not_given(name, text), sparse)
            for name, text in zip(ordered, sources, strict=True)
        }
        if list(found.values()) == sources:
            return sources, imports
        texts |= found


class _Calls:
    """The calls in some sources, by what is called."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.calls: dict[str, list[ast.Call]] = {}
        self.mentions: dict[str, int] = {}
        for node in (node for text in sources for node in ast.walk(ast.parse(text))):
            if isinstance(node, ast.Name):
                self.mentions[node.id] = self.mentions.get(node.id, 0) + 1
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                self.calls.setdefault(node.func.id, []).append(node)

    def not_given(self, name: str, text: str) -> dict[str, object]:
        """The options of a function that no call gives, with their defaults."""
        node, calls = ast.parse(text).body[0], self.calls.get(name, [])
        if not isinstance(node, ast.FunctionDef) or self.mentions.get(name, 0) != len(calls):
            return {}
        order = [arg.arg for arg in node.args.args]
        plain = len(order) == sum(isinstance(n, ast.arg) for n in ast.walk(node.args))
        given: set[str | None] = set()
        for call in calls:
            given.update(order[: len(call.args)], (keyword.arg for keyword in call.keywords))
            plain = plain and not any(isinstance(arg, ast.Starred) for arg in call.args)
        if not plain or None in given:
            return {}
        defaults = dict(zip(reversed(order), reversed(node.args.defaults), strict=False))
        return {
            option: default.value
            for option, default in defaults.items()
            if isinstance(default, ast.Constant) and option not in given
        }


def without_options(text: str, values: Mapping[str, object], sparse: bool) -> str:
    """A definition without these options, which have these values; those that it needs stay."""
    while True:
        trimmed = _Trimmed(text, values, sparse)
        found = trimmed.text()
        if trimmed.needed.isdisjoint(values):
            return found
        values = {name: value for name, value in values.items() if name not in trimmed.needed}


class _Trimmed:
    """One definition in which options have fixed values; ``needed`` are the names that are left."""

    def __init__(self, source: str, options: Mapping[str, object], sparse: bool) -> None:
        self.source = source
        self.options = options
        self.sparse = sparse
        self.needed: set[str] = set()
        self.lines = source.splitlines(keepends=True)
        self.starts = [0, *accumulate(map(len, self.lines))]
        (self.definition,) = ast.parse(source).body

    def text(self) -> str:
        return self._rendered(0, len(self.source), [self.definition])

    def _rendered(self, start: int, end: int, nodes: Sequence[ast.AST]) -> str:
        """This part of the source, in which these nodes are."""
        parts = []
        for first, last, replacement in sorted(e for node in nodes for e in self._edits(node)):
            parts += [self.source[start:first], replacement]
            start = last
        return "".join([*parts, self.source[start:end]])

    def _edits(self, node: ast.AST) -> list[tuple[int, int, str]]:
        """What is to be put in the place of which parts of a node."""
        if isinstance(node, ast.If | ast.IfExp) and not self._is_elif(node):
            choice = self._value(node.test)
            if choice is not None:
                return [self._branch(node, choice)]
        if isinstance(node, ast.Name):
            self.needed.add(node.id)
        edits = [edit for child in ast.iter_child_nodes(node) for edit in self._edits(child)]
        if isinstance(node, ast.FunctionDef) and node is self.definition and self.options:
            edits += [self._signature(node), *self._docstring(node)]
        return edits

    def _is_elif(self, node: ast.If | ast.IfExp) -> bool:
        return self.source.startswith("elif ", self._at(node)[0])

    def _branch(self, node: ast.If | ast.IfExp, choice: bool) -> tuple[int, int, str]:
        chosen = node.body if choice else node.orelse
        if isinstance(chosen, ast.expr):
            return (*self._at(node), self._rendered(*self._at(chosen), [chosen]))
        assert isinstance(node, ast.If)
        start, end = self.starts[node.lineno - 1], self.starts[node.end_lineno or 0]
        if not chosen:
            return start, end, ""
        first = chosen[0].lineno - 1
        while self.lines[first - 1].lstrip().startswith("#"):
            first -= 1
        branch = (self.starts[first], self.starts[chosen[-1].end_lineno or 0])
        kept = textwrap.dedent(self._rendered(*branch, chosen))
        kept = kept[2:] if kept.startswith("elif ") else kept
        return start, end, textwrap.indent(kept, " " * node.col_offset)

    def _value(self, test: ast.expr) -> bool | None:
        """What a condition comes to, or None where that is not known."""
        match test:
            case ast.Name(id=name) if name in self.options:
                return bool(self.options[name])
            case ast.Attribute(attr="is_sparse") if not self.sparse:
                return False
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                value = self._value(operand)
                return None if value is None else not value
            case ast.Compare(
                ast.Name(id=name), [ast.Is() | ast.IsNot() as relation], [ast.Constant(None)]
            ) if name in self.options:
                return (self.options[name] is None) == isinstance(relation, ast.Is)
            case ast.BoolOp(op=ast.And(), values=values):
                found = [self._value(value) for value in values]
                return False if False in found else True if all(found) else None
        return None

    def _signature(self, node: ast.FunctionDef) -> tuple[int, int, str]:
        """The arguments without the options."""
        assert node.returns is not None
        start = self.source.index("(", self._at(node)[0])
        without = len(node.args.args) - len(node.args.defaults)
        ends = [*node.args.args[:without], *node.args.defaults]
        said = [
            self.source[self._at(arg)[0] : self._at(end)[1]]
            for arg, end in zip(node.args.args, ends, strict=True)
            if arg.arg not in self.options
        ]
        return start, self._at(node.returns)[0], f"({', '.join(said)}) -> "

    def _docstring(self, node: ast.FunctionDef) -> list[tuple[int, int, str]]:
        """Without the paragraphs of the options."""
        if ast.get_docstring(node) is None:
            return []
        start, end = self._at(node.body[0])
        paragraphs = self.source[start + 3 : end - 3].split("\n\n")
        names = [f"``{option}``" for option in self.options]
        kept = [p for p in paragraphs if not p.lstrip().startswith(tuple(names))]
        self.needed |= {o for o in self.options if any(f"``{o}``" in part for part in kept)}
        text = "\n\n".join(kept).rstrip()
        end_of_text = "\n" + " " * node.body[0].col_offset if "\n" in text else ""
        return [(start, end, f'"""{text}{end_of_text}"""')]

    def _at(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends."""
        assert isinstance(node, ast.stmt | ast.expr | ast.arg)
        first = self.starts[node.lineno - 1] + node.col_offset
        return first, self.starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
