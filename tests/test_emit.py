"""What leaves as source: names, literals, and the audit behind them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from keras2torch import port
from keras2torch.emit.audit import AuditError, audit
from keras2torch.emit.names import GLOBALS, Names
from keras2torch.ir.literals import literal


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        -2.5,
        float("inf"),
        "a\"b'c\n\\",
        "{0}",
        "\u202e",
        (1,),
        (1, (2.0, "x")),
        [1, []],
    ],
)
def test_literals_read_back_as_they_were(value: object) -> None:
    text = literal(value)
    assert text.isascii()
    assert "{" not in text
    assert eval(text, {"float": float}) == value  # noqa: S307


@pytest.mark.parametrize("value", [np.float64(1.0), {1, 2}, b"x", object()])
def test_what_is_not_plain_has_no_literal(value: object) -> None:
    with pytest.raises(TypeError):
        literal(value)


def test_names_are_identifiers_and_unique() -> None:
    names = Names(GLOBALS)
    wanted = [
        "dense",
        "dense",
        "dense_2",
        "for",
        "x y",
        "é",
        "",
        "1st",
        "torch",
        "a/b",
        "a.b",
        "A_B",
    ]
    taken = [names.take(text, "layer") for text in wanted]
    assert len(set(taken)) == len(taken)
    for name in taken:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
        assert name not in GLOBALS


HARMLESS = "import torch\n\n\nclass A:\n    def forward(self, x):\n        return x\n"


def test_audit_lets_plain_code_pass() -> None:
    audit(HARMLESS)


@pytest.mark.parametrize(
    "line",
    [
        "import os",
        "from os import system",
        "from . import torch",
        "print(1)",
        "x = 1",
        "def f():\n    return eval('1')",
        "def f():\n    return open('a')",
        "def f(x):\n    return x.__class__",
        "def f():\n    global g",
        "@staticmethod\ndef f():\n    return 1",
        "def f():\n    return unknown",
        "def f():\n    return (lambda: 1)()",
        "def f():\n    import torch as t\n    exec('1')",
        "# caf\u00e9",
    ],
)
def test_audit_refuses_everything_else(line: str) -> None:
    with pytest.raises(AuditError):
        audit(HARMLESS + line + "\n")


def test_hostile_names_come_out_harmless(models: Path, tmp_path: Path) -> None:
    """Names that would be code, keywords, attributes of a module, or each other."""
    done = port(models / "odd_names.keras", tmp_path / "port")
    assert done.source.isascii()
    tree = ast.parse(done.source)
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {call for call in calls if call.split(".")[0] in ("os", "eval", "exec")}
    assert "import os" not in {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.Import)}


def test_the_file_is_the_same_for_the_same_input(models: Path) -> None:
    assert port(models / "siamese.keras").source == port(models / "siamese.keras").source
