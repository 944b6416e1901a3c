"""The arguments of the classes that blocks are made of: names, defaults, and what they count."""

from __future__ import annotations

import ast
import functools

from keras2torch.emit.helpers import definition
from keras2torch.ir.program import Model

_CONV: list[tuple[str, str | None]] = [
    ("in_channels", None),
    ("out_channels", None),
    ("kernel_size", None),
    ("stride", "1"),
    ("padding", "0"),
    ("dilation", "1"),
    ("groups", "1"),
    ("bias", "True"),
]
TORCH: dict[str, list[tuple[str, str | None]]] = {
    "nn.Conv1d": _CONV,
    "nn.Conv2d": _CONV,
    "nn.Conv3d": _CONV,
    "nn.Linear": [("in_features", None), ("out_features", None), ("bias", "True")],
    "nn.LayerNorm": [("features", None), ("eps", "1e-05")],
    "nn.Dropout": [("rate", "0.5")],
    "nn.Embedding": [("num_embeddings", None), ("features", None)],
    "F.pad": [("input", None), ("padding", None)],
    "F.max_pool2d": [("input", None), ("kernel_size", None), ("stride", None), ("padding", "0")],
    "F.avg_pool2d": [("input", None), ("kernel_size", None), ("stride", None), ("padding", "0")],
}
CHANNELS = ("channels", "features", "groups", "dim")


def signature(function: str, blocks: dict[str, Model]) -> list[tuple[str, str | None]]:
    """(argument, default or None) of a class or function of torch, ``runtime/``, or a block."""
    if function in blocks:
        return [(p.name, p.default) for p in blocks[function].parameters]
    return TORCH.get(function) or _of_runtime(function)


def role(function: str, argument: str, blocks: dict[str, Model]) -> str:
    """What an argument counts: ``channels``, or its own name where it is none of those."""
    if function in blocks:
        return next((p.role for p in blocks[function].parameters if p.name == argument), argument)
    if argument.rpartition("_")[2] in CHANNELS:
        return "channels"
    return argument


@functools.cache
def _of_runtime(function: str) -> list[tuple[str, str | None]]:
    node = definition(function)
    if isinstance(node, ast.ClassDef):
        inits = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        node = inits[0] if inits else None
    if not isinstance(node, ast.FunctionDef):
        return []
    given = [a.arg for a in node.args.args if a.arg != "self"]
    defaults = [None] * (len(given) - len(node.args.defaults))
    found = [*zip(given, [*defaults, *map(ast.unparse, node.args.defaults)], strict=True)]
    for argument, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        found.append((argument.arg, None if default is None else ast.unparse(default)))
    return found
