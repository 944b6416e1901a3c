"""Makes one text of several that differ in values only: ``nn.Conv2d(8, 16)`` and
``nn.Conv2d(16, 32)`` become ``nn.Conv2d(<0>, <1>)``."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from keras2torch.emit.simplify import PLACE

OPERAND = re.compile(r"\boperand_(\d+)\b")
Signature = Callable[[str], "list[tuple[str, str | None]]"]


@dataclass(frozen=True)
class Slot:
    """A place where the texts differ. ``owner`` is what is called there, ``argument`` the
    argument's name or place, ``values`` the source text of each (None: that one has no text)."""

    mark: str
    owner: str
    argument: str
    values: tuple[str | None, ...]


class Unlike(Exception):
    """The texts differ in more than values."""


class Unifier:
    """Collects the slots of several texts; ``signature`` knows the arguments of a class, each with
    its default."""

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.slots: list[Slot] = []
        self._given: list[bool] = []

    def text(self, texts: Sequence[str | None]) -> str:
        """The common text, with a mark where values differ; there may be none (None) at some.

        Raises:
            Unlike: there is none.
        """
        self._given = [text is not None for text in texts]
        sources = [PLACE.sub(r"operand_\1", text) for text in texts if text is not None]
        nodes = [ast.parse(source, mode="eval").body for source in sources]
        return _restored(self._unified(nodes, sources, "", ""))

    def _unified(
        self, nodes: Sequence[ast.expr], sources: Sequence[str], owner: str, argument: str
    ) -> str:
        pairs = zip(nodes, sources, strict=True)
        texts = [source[node.col_offset : node.end_col_offset] for node, source in pairs]
        if len(set(texts)) == 1:
            return texts[0]
        if all(_is_value(node) for node in nodes):
            return self._slot(owner, argument, texts)
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        if len(calls) == len(nodes):
            return self._call(calls, sources)
        if len({type(node) for node in nodes}) > 1:
            raise Unlike
        children = [_expressions(node) for node in nodes]
        if len({len(parts) for parts in children}) > 1:
            raise Unlike
        owner = type(getattr(nodes[0], "op", nodes[0])).__name__
        made = [self._unified(parts, sources, owner, "") for parts in zip(*children, strict=True)]
        written = {_spliced(n, s, made) for n, s in zip(nodes, sources, strict=True)}
        if len(written) > 1:
            raise Unlike
        return written.pop()

    def _call(self, calls: Sequence[ast.Call], sources: Sequence[str]) -> str:
        """Calls of one function; an argument that one of them leaves out has its default."""
        functions = [call.func for call in calls]
        function = self._unified(functions, sources, "", "")
        names = self.signature(function)
        defaults = {name: default for name, default in names if default is not None}
        written = []
        if len({len(call.args) for call in calls}) > 1:
            raise Unlike
        for place, given in enumerate(zip(*(call.args for call in calls), strict=True)):
            name = names[place][0] if place < len(names) else str(place)
            written.append(self._unified(given, sources, function, name))
        keywords = list(dict.fromkeys(k.arg or "" for call in calls for k in call.keywords))
        order = [name for name, _ in names]
        keywords.sort(key=lambda name: order.index(name) if name in order else len(order))
        for name in keywords:
            values, texts = [], []
            for call, source in zip(calls, sources, strict=True):
                found = next((k.value for k in call.keywords if k.arg == name), None)
                if found is None and name not in defaults:
                    raise Unlike
                text = source if found else defaults[name]
                values.append(found or ast.parse(text, mode="eval").body)
                texts.append(text)
            written.append(f"{name}={self._unified(values, texts, function, name)}")
        return f"{function}({', '.join(written)})"

    def _slot(self, owner: str, argument: str, values: Sequence[str]) -> str:
        mark = f"<{len(self.slots)}>"
        rest = iter(values)
        padded = tuple(next(rest) if given else None for given in self._given)
        self.slots.append(Slot(mark, owner, argument, padded))
        return mark


def _is_value(node: ast.expr) -> bool:
    """A number, a flag, or a tuple of numbers."""
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    parts = value if isinstance(value, tuple) else (value,)
    return all(type(part) in (int, float, bool) for part in parts)


def _expressions(node: ast.AST) -> list[ast.expr]:
    children = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
    return sorted(children, key=lambda child: child.col_offset)


def _spliced(node: ast.expr, source: str, made: Sequence[str]) -> str:
    """The node's source with other texts for its parts."""
    text, last = "", node.col_offset
    for part, new in zip(_expressions(node), made, strict=True):
        text += source[last : part.col_offset] + new
        last = part.end_col_offset or last
    return text + source[last : node.end_col_offset]


def _restored(text: str) -> str:
    """The operands' places again."""
    return OPERAND.sub(r"{\1}", text)
