"""The import statements of an emitted file."""

from __future__ import annotations

import ast
from collections.abc import Mapping

STANDARD_LIBRARY = frozenset(
    "argparse bisect collections csv dataclasses functools json math os pathlib runpy shutil "
    "string time typing warnings zipfile".split()
)
OWN = frozenset(["model"])  # the file beside


def import_block(body: str, needed: set[str], known: Mapping[str, str]) -> str:
    """The statements that a file with this body needs, in the order that isort would give them.

    ``needed`` are statements, ``known`` those of names that the body may use.
    """
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    statements = needed | {known[name] for name in used & known.keys()}
    plain = sorted(s for s in statements if s.startswith("import "))
    members: dict[str, set[str]] = {}
    for statement in statements:
        if statement.startswith("from "):
            module, _, names = statement.removeprefix("from ").partition(" import ")
            members.setdefault(module, set()).add(names)
    froms = [f"from {m} import {', '.join(sorted(n))}" for m, n in sorted(members.items())]

    def section(statement: str) -> int:
        package = statement.split()[1].split(".")[0]
        return 0 if package in STANDARD_LIBRARY else 2 if package in OWN else 1

    sections = [[s for s in (*plain, *froms) if section(s) == number] for number in range(3)]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)
