"""Cuts modules and functions out of ``runtime/`` for the files that need them.

The sources are read as text: writing a port needs no torch.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable
from importlib import resources


@functools.cache
def _sources() -> dict[str, tuple[str, ast.stmt, dict[str, str]]]:
    """Every definition of ``runtime/``: its source, its syntax, and the imports of its file."""
    found: dict[str, tuple[str, ast.stmt, dict[str, str]]] = {}
    for file in sorted(resources.files("keras2torch.runtime").iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".py") or file.name == "__init__.py":
            continue
        text = file.read_text(encoding="ascii")
        tree = ast.parse(text)
        imports = {name: line for node in tree.body for name, line in imported(node)}
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                source = ast.get_source_segment(text, node) or ""
                found[node.name] = (source, node, imports)
    return found


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


def cut(names: Iterable[str]) -> tuple[list[str], set[str], set[str]]:
    """The sources of these definitions and of those they use, the latter first.

    Returns the sources, the import statements they need, and every name they define.
    """
    sources = _sources()
    ordered: list[str] = []
    imports: set[str] = set()

    def visit(name: str) -> None:
        if name in ordered:
            return
        _, node, own_imports = sources[name]
        used = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        for other in sorted(used & sources.keys() - {name}):
            visit(other)
        # What stands in another file of runtime/ is cut out too, not imported.
        imports.update(own_imports[other] for other in used & own_imports.keys() - sources.keys())
        ordered.append(name)

    for name in sorted(names):
        visit(name)
    return [sources[name][0] for name in ordered], imports, set(ordered)


def definition(name: str) -> ast.stmt | None:
    """The syntax of a definition of ``runtime/``, or None where there is none of this name."""
    return _sources()[name][1] if name in _sources() else None
