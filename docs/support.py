"""Writes docs/support.md from the registry: `make docs`. A test compares the two."""

import ast
import inspect
import re
from pathlib import Path

from keras2torch.emit.helpers import TRAINING, definition
from keras2torch.errors import ModelError
from keras2torch.ir.config import Config
from keras2torch.ops import refused
from keras2torch.recipes.call import Call
from keras2torch.recipes.table import Kind, Recipe, all_recipes
from keras2torch.registry import LayerMapping, all_layers

HEAD = """# Supported layers and operations

Made from the registry by `make docs`. Each layer is exact: every example of it, over the options
named here, is compared with real Keras, outputs and gradients, in float64 to 1e-12. An option that
is not listed is refused when a model is ported, with its name and the reason, and so is what the
last column says.

In training, layers that draw random numbers are statistically equal: the same function of what is
drawn, from the same distribution as in Keras, but other numbers. So are recurrent and attention
layers whose options ask for dropout, whatever their row says.

## Layers

| Keras layer | in PyTorch | in training | options that the examples cover | refused |
|---|---|---|---|---|
"""


TRAINING_HEAD = """## Training

What `train.py` is written with. Each is compared with Keras, value by value and state by state, in
float64: all examples of it, over the options named here.
"""
KINDS: dict[Kind, str] = {
    "optimizer": "Optimizers",
    "loss": "Losses",
    "metric": "Metrics",
    "schedule": "Learning-rate schedules",
    "regularizer": "Regularizers",
    "constraint": "Constraints",
    "callback": "Callbacks",
}


def table() -> str:
    """The whole page."""
    rows = []
    for name, mapping in sorted(all_layers().items()):
        text = " ".join((mapping.function.__doc__ or "").split("\n\n")[0].split())
        options = sorted({key for example in mapping.examples for key in example.config})
        if any(example.masked for example in mapping.examples):
            options.append("*masks*")
        training = "exact" if mapping.training == "exact" else "statistically equal"
        cells = (name, text, training, ", ".join(options), "; ".join(reasons(mapping)))
        rows.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    return HEAD + "\n".join(rows) + "\n\n" + refused.table() + "\n" + training_tables()


def training_tables() -> str:
    """The tables of recipes."""
    parts = [TRAINING_HEAD]
    for kind, title in KINDS.items():
        rows = [_row(recipe) for recipe in all_recipes(kind)]
        head = "| Keras | in PyTorch | options that the examples cover |"
        parts.append("\n".join([f"### {title}", "", head, "|---|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _row(recipe: Recipe) -> str:
    options = sorted({key for example in recipe.examples for key in example})
    cells = (recipe.names[0], _written(recipe), ", ".join(options))
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _written(recipe: Recipe) -> str:
    """What it becomes: the first line of the definition's docstring, or why it is refused."""
    said = ""
    for example in recipe.examples or ({},):
        try:
            call = recipe.function(Config(example, "refused"), "tensorflow")
        except ModelError as error:
            said = said or str(error)
            continue
        return _documented(call)
    return said


def _documented(call: Call) -> str:
    """The definitions by name, the one that says most first: a mean is of some function."""
    inner = sorted(call.helpers() - {call.function})
    for name in (*inner, call.function):
        node = definition(name, TRAINING)
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
            source = f"{call.function}({name})" if name in inner else call.function
            return f"`{source}`: {first}"
    return f"`{call.function}`"


def reasons(mapping: LayerMapping) -> list[str]:
    """What the mapping's own file refuses, as it says it; … stands for what a model says there."""
    module = inspect.getmodule(mapping.function)
    assert module is not None
    found = []
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        is_call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        if is_call and node.func.attr == "unsupported" and node.args:
            found.append(_said(node.args[0]))
    return sorted(set(filter(None, found)))


def _said(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value).strip(", ")
    if isinstance(node, ast.JoinedStr):
        parts = [str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values]
        return re.sub(r"\s+", " ", "".join(parts)).strip(", ")
    return ""


if __name__ == "__main__":
    Path(__file__).with_name("support.md").write_text(table())
