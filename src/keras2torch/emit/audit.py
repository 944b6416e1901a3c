"""The last gate before anything is written: an allow-list walk over the emitted file's syntax.

Names and literals leave through one allocator and one function. Should one of them slip, what it
let through is not in this list, and the port is refused instead of written.
"""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass

from keras2torch.errors import Keras2TorchError

IMPORTS = frozenset(
    [
        "torch",
        "torch.func",
        "torch.nn",
        "torch.nn.utils.rnn",
        "safetensors.torch",
        "pathlib",
        "typing",
        "math",
        "json",
        "string",
        "collections.abc",
        "functools",
    ]
)
BUILTINS = frozenset(
    "abs bool bytes dict enumerate float int isinstance len list max min range reversed str sum "
    "super tuple zip ValueError TypeError NotImplementedError __file__".split()
)
DUNDERS = frozenset(["__init__", "__file__"])
NODES = (
    ast.Module, ast.Import, ast.ImportFrom, ast.alias, ast.ClassDef, ast.FunctionDef,
    ast.arguments, ast.arg, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return,
    ast.If, ast.For, ast.With, ast.withitem, ast.Raise, ast.Pass, ast.keyword, ast.Name,
    ast.Attribute, ast.Call, ast.Subscript, ast.Slice, ast.Constant, ast.Tuple, ast.List,
    ast.Dict, ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Starred,
    ast.ListComp, ast.DictComp, ast.GeneratorExp, ast.comprehension, ast.JoinedStr,
    ast.FormattedValue, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip


FILES = (
    "WEIGHTS = Path(__file__).with_name('weights.safetensors')",
    "VOCABULARY = Path(__file__).with_name('vocabulary.json')",
)


class AuditError(Keras2TorchError):
    """The emitted source holds what no port may hold: a defect of keras2torch."""


@dataclass(frozen=True)
class Allowed:
    """What may stand in an emitted file."""

    imports: frozenset[str]
    builtins: frozenset[str]
    dunders: frozenset[str]
    nodes: tuple[type[ast.AST], ...]
    assignments: tuple[str, ...]
    decorators: tuple[str, ...] = ()


IN_MODEL = Allowed(IMPORTS, BUILTINS, DUNDERS, NODES, FILES)
# A program may talk to who runs it, and to the files that are named to it.
IN_TRAINING = Allowed(
    IMPORTS.union(
        "__future__ argparse bisect csv dataclasses model numpy os runpy shutil time "
        "torch.utils.data torch.utils.tensorboard tqdm warnings zipfile".split()
    ),
    BUILTINS.union(
        "Exception FileNotFoundError KeyError OSError RuntimeError SystemExit __name__ all any "
        "callable id iter map next object open print property set slice sorted".split()
    ),
    DUNDERS.union(["__iter__", "__len__", "__name__"]),
    (
        *NODES, ast.Break, ast.Continue, ast.ExceptHandler, ast.Lambda, ast.Set, ast.SetComp,
        ast.Try, ast.While, ast.Yield,
    ),
    (
        "WEIGHTS = Path(__file__).with_name('trained.safetensors')",
        "CHECKPOINT = Path(__file__).with_name('checkpoint.pt')",
        "OPTIMIZER = Path(__file__).with_name('optimizer.safetensors')",
    ),
    ("dataclass", "torch.no_grad()", "property", "functools.lru_cache(maxsize=64)"),
)  # fmt: skip
MAIN = "if __name__ == '__main__':\n    main()"


def audit_training(text: str) -> None:
    """The same for ``train.py``, a program of classes, functions and a call of ``main``."""
    audit(text, IN_TRAINING)


def audit(text: str, allowed: Allowed = IN_MODEL) -> None:
    """Raise AuditError unless the text is a plain module of classes and functions on torch."""
    if not text.isascii():
        raise AuditError("the emitted file is not ASCII")
    tree = ast.parse(text)
    definitions = (ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef)
    for statement in tree.body:
        docstring = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        file = isinstance(statement, ast.Assign) and ast.unparse(statement) in allowed.assignments
        runs = allowed is IN_TRAINING and ast.unparse(statement) == MAIN
        if not isinstance(statement, definitions) and not docstring and not file and not runs:
            raise AuditError(f"line {statement.lineno}: a statement that runs on import")
    bound = _bound_names(tree)
    for node in ast.walk(tree):
        problem = _problem(node, bound, allowed)
        if problem:
            raise AuditError(f"line {getattr(node, 'lineno', '?')}: {problem}")


def _bound_names(tree: ast.Module) -> set[str]:
    bound = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            bound.add(node.name)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            bound.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            bound.add(node.name)
    return bound


def _problem(node: ast.AST, bound: set[str], allowed: Allowed) -> str | None:
    if not isinstance(node, allowed.nodes):
        return f"{type(node).__name__} has no place here"
    if isinstance(node, ast.Import) and any(a.name not in allowed.imports for a in node.names):
        return "an import that is not allowed"
    if isinstance(node, ast.ImportFrom) and (node.module not in allowed.imports or node.level):
        return "an import that is not allowed"
    if isinstance(node, ast.ClassDef | ast.FunctionDef) and not _plain(node, allowed):
        return "a decorator"
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        if node.id in bound or node.id in allowed.builtins:
            return None
        return f"the name {node.id}" + (", a builtin" if hasattr(builtins, node.id) else "")
    if (
        isinstance(node, ast.Attribute)
        and node.attr.startswith("__")
        and node.attr not in allowed.dunders
    ):
        return f"the attribute {node.attr}"
    return None


def _plain(node: ast.ClassDef | ast.FunctionDef, allowed: Allowed) -> bool:
    return all(ast.unparse(part) in allowed.decorators for part in node.decorator_list)
