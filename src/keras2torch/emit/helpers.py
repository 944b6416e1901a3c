"""Cuts modules and functions out of ``runtime/`` and ``training/`` for the files that need them.

The sources are read as text: writing a port needs no torch.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

HOUSE = Path(__file__).parent.parent
MODEL = ("runtime",)  # what a model.py is cut from
TRAINING = ("runtime", "training")  # and a train.py


@functools.cache
def _sources(packages: tuple[str, ...]) -> dict[str, tuple[str, ast.stmt, dict[str, str]]]:
    """Every definition of these packages: its source, its syntax, and the imports of its file."""
    found: dict[str, tuple[str, ast.stmt, dict[str, str]]] = {}
    for file in (f for package in packages for f in sorted((HOUSE / package).rglob("*.py"))):
        text = file.read_text(encoding="ascii")
        tree = ast.parse(text)
        imports = {name: line for node in tree.body for name, line in imported(node)}
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
                lines = text.splitlines()[first - 1 : node.end_lineno]
                found[node.name] = ("\n".join(lines), node, imports)
    return found


def names_of(packages: tuple[str, ...]) -> frozenset[str]:
    """The names of all definitions of these packages."""
    return frozenset(_sources(packages))


def imported(node: ast.stmt) -> list[tuple[str, str]]:
    """The names an import statement binds, each with a statement that binds it alone."""
    if isinstance(node, ast.ImportFrom):
        return [
            (a.asname or a.name, f"from {node.module} import {a.name}" + _as(a)) for a in node.names
        ]
    if isinstance(node, ast.Import):
        return [(a.asname or a.name, f"import {a.name}" + _as(a)) for a in node.names]
    return []


def _as(alias: ast.alias) -> str:
    return f" as {alias.asname}" if alias.asname else ""


def cut(
    names: Iterable[str],
    packages: tuple[str, ...] = MODEL,
    instead: Mapping[str, str] | None = None,
) -> tuple[list[str], set[str], list[str]]:
    """The sources of these definitions and of those they use, the latter first.

    Returns the sources, the import statements they need, and the name that each defines. Some may
    have another source ``instead`` of their own.
    """
    sources = _sources(packages)
    ordered: dict[str, str] = {}
    imports: set[str] = set()

    def visit(name: str) -> None:
        if name in ordered:
            return
        text, node, own_imports = sources[name]
        if instead and name in instead:
            text = instead[name]
            node = ast.parse(text).body[0]
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for other in sorted(used & sources.keys() - {name}):
            visit(other)
        # What stands in another file of these packages is cut out too, not imported.
        imports.update(own_imports[other] for other in used & own_imports.keys() - sources.keys())
        ordered[name] = text

    for name in sorted(names):
        visit(name)
    return list(ordered.values()), imports, list(ordered)


def definition(name: str, packages: tuple[str, ...] = MODEL) -> ast.stmt | None:
    """The syntax of a definition, or None where there is none of this name."""
    sources = _sources(packages)
    return sources[name][1] if name in sources else None
