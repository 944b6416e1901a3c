"""A Program as the text of ``model.py``."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from keras2torch.emit.forward import Forward, sizes_of, write_forward
from keras2torch.emit.helpers import cut
from keras2torch.emit.names import GLOBALS, MODULE_ATTRIBUTES, Names
from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.program import Model, Module, Program, Tensor
from keras2torch.ir.weights import Weight

IMPORTS = {
    "torch": "import torch",
    "nn": "from torch import nn",
    "Tensor": "from torch import Tensor",
    "F": "from torch.nn import functional as F",
    "Path": "from pathlib import Path",
    "load_file": "from safetensors.torch import load_file",
    "Any": "from typing import Any",
    "partial": "from functools import partial",
    "math": "import math",
    "json": "import json",
}
WEIGHTS = 'WEIGHTS = Path(__file__).with_name("weights.safetensors")'
VOCABULARY = 'VOCABULARY = Path(__file__).with_name("vocabulary.json")'
READ_VOCABULARY = '''def read_vocabulary(layer: str) -> list[Any]:
    """The words or numbers that a layer knows, from the file beside this one."""
    terms: list[Any] = json.loads(VOCABULARY.read_text(encoding="ascii"))[layer]
    return terms'''
STANDARD_LIBRARY = ("collections", "functools", "json", "math", "pathlib", "string", "typing")


@dataclass(frozen=True)
class Emitted:
    """``model.py``, and where things stand in it.

    ``weights`` has every tensor of the state dict with its Module and key, ``traces`` where each
    Keras layer's outputs can be seen, ``vocabularies`` the terms by layer for ``vocabulary.json``.
    """

    text: str
    class_name: str
    arguments: list[str]
    weights: dict[str, tuple[Module, str, Weight]]
    traces: list[dict[str, Any]]
    vocabularies: dict[str, list[Any]]


def write_module(program: Program) -> Emitted:
    """The unformatted text of ``model.py``."""
    models = program.model.submodels()
    helpers, imports, defined = cut({name for model in models for name in model.helpers})
    class_names = Names(GLOBALS | defined)
    names = {model: class_names.take_class(_class_name(model), "Model") for model in models}
    taken = {*names.values(), *defined}

    classes, traces, attributes, forward = [], [], {}, None
    for model in models:
        attributes[model] = _attributes(model)
        forward = write_forward(model, attributes[model], taken)
        classes.append(_class(model, names, attributes[model], forward))
        traces += _traces(model, names[model], forward)
    main = names[program.model]
    vocabularies = {k: v for model in models for k, v in model.vocabularies.items()}
    reader = [READ_VOCABULARY] if vocabularies else []
    body = "\n\n\n".join([*reader, *helpers, *classes, _load(main)])
    head = '"""A Keras model in PyTorch, written by keras2torch."""\n\n'
    files = [WEIGHTS, VOCABULARY] if vocabularies else [WEIGHTS]
    text = head + "\n".join([*_imports(body, imports), "", *files, "", "", body]) + "\n"
    return Emitted(
        text,
        main,
        forward.arguments if forward else [],
        dict(_state(program.model, attributes, "")),
        traces,
        vocabularies,
    )


def _attributes(model: Model) -> dict[Module, str]:
    names = Names(MODULE_ATTRIBUTES)
    return {module: names.take(module.hint, "layer") for module in model.modules}


def _class(
    model: Model, names: dict[Model, str], attributes: dict[Module, str], forward: Forward
) -> str:
    lines = [f"class {names[model]}(nn.Module):", f'    """Keras model {_quoted(model.name)}.', ""]
    lines += [
        f"    {_signature(n, t)}" for n, (_, t) in zip(forward.arguments, model.inputs, strict=True)
    ]
    lines += ['    """', "", "    def __init__(self) -> None:", "        super().__init__()"]
    for module in model.modules:
        construct = f"{names[module.model]}()" if module.model else module.construct
        if module.dtype != "float32" and (module.parameters or module.buffers):
            construct += f".to(torch.{module.dtype})"
        lines.append(f"        self.{attributes[module]} = {construct}")
    for module in model.modules:
        if module.parameters and module.frozen.issuperset(module.parameters):
            lines.append(f"        self.{attributes[module]}.requires_grad_(False)")
        else:
            lines += [
                f"        self.{attributes[module]}.{key}.requires_grad_(False)"
                for key in sorted(module.partly_frozen)
            ]
    resets = [
        statement.replace("{0}", f"self.{attributes[module]}")
        for module in model.modules
        for statement in module.reset
    ]
    resets += [
        f"self.{attributes[module]}.reset_parameters()"
        for module in model.modules
        if module.model and _resets(module.model)
    ]
    if resets:
        own = [r for r in resets if not r.endswith(".reset_parameters()")]
        lines += ["        self.reset_parameters()"] if own else []
        lines += ["", "    def reset_parameters(self) -> None:"]
        lines += ['        """Start afresh as Keras would; frozen weights stay."""']
        lines += [f"        {statement}" for statement in resets]
    arguments = "".join(
        f", {name}: {tensor.kind}"
        for name, (_, tensor) in zip(forward.arguments, model.inputs, strict=True)
    )
    lines += ["", f"    def forward(self{arguments}) -> {forward.returns}:"]
    lines += [f"        {line}" for line in forward.lines]
    lines.append(f"        return {forward.returned}")
    return "\n".join(lines)


def _resets(model: Model) -> bool:
    return any(m.reset or (m.model is not None and _resets(m.model)) for m in model.modules)


def _quoted(text: str) -> str:
    """A name from the file for a docstring: ASCII, and nothing that could end the docstring."""
    return ascii(text[:60]).replace("\\", "/").replace('"', "'")


def _signature(name: str, tensor: Tensor) -> str:
    sizes = sizes_of(tensor.memory_shape)
    return f"{name}: ({', '.join(sizes)}), {tensor.dtype}"


def _class_name(model: Model) -> str:
    """The model's own name; one that Keras made up says nothing."""
    if re.fullmatch(r"(functional|sequential|model)(_\d+)?", model.name):
        return "Block" if model.path else "Model"
    return model.name


def _load(name: str) -> str:
    return (
        f"def load(path: str | Path = WEIGHTS) -> {name}:\n"
        '    """The model with its trained weights, ready to predict."""\n'
        f"    model = {name}()\n"
        "    model.load_state_dict(load_file(path))\n"
        "    return model.eval()"
    )


def _imports(body: str, needed: set[str]) -> list[str]:
    """The import statements, one per module, in the order that isort would give them."""
    used = {
        node.id for node in ast.walk(ast.parse(WEIGHTS + "\n" + body)) if isinstance(node, ast.Name)
    }
    statements = needed | {IMPORTS[name] for name in used & IMPORTS.keys()}
    plain = sorted(s for s in statements if s.startswith("import "))
    members: dict[str, set[str]] = {}
    for statement in statements:
        if statement.startswith("from "):
            module, _, names = statement.removeprefix("from ").partition(" import ")
            members.setdefault(module, set()).add(names)
    froms = [f"from {m} import {', '.join(sorted(n))}" for m, n in sorted(members.items())]

    def standard(statement: str) -> bool:
        return statement.split()[1].split(".")[0] in STANDARD_LIBRARY

    first = [s for s in (*plain, *froms) if standard(s)]
    then = [s for s in (*plain, *froms) if not standard(s)]
    return [*first, "", *then] if first else then


def _traces(model: Model, class_name: str, forward: Forward) -> list[dict[str, Any]]:
    """Where the outputs of each call of a Keras layer can be seen in ``forward``."""
    return [
        {"layer": traced.layer, "call": traced.call, "class": class_name, "outputs": outputs}
        for traced in model.traced
        if any(outputs := [_seen(tensor, forward) for tensor in traced.outputs])
    ]


def _seen(tensor: Tensor, forward: Forward) -> dict[str, Any] | None:
    """After which line of ``forward`` a tensor can be seen, under which name, and in which order;
    None where nothing uses it, so that it is not made."""
    place = forward.places.get(tensor.value)
    if place is None:
        return None
    entry: dict[str, Any] = {"line": place[0], "name": place[1]}
    if tensor.dtype in FLOATS and tensor.dtype != "float32":
        entry["dtype"] = tensor.dtype
    if tensor.order is not None:
        entry["order"] = list(tensor.order)
    if tensor.flat is not None:
        entry["flat"] = [list(tensor.flat[0]), list(tensor.flat[1])]
    return entry


def _state(
    model: Model, attributes: dict[Model, dict[Module, str]], prefix: str
) -> Iterable[tuple[str, tuple[Module, str, Weight]]]:
    """Every tensor of the state dict, in PyTorch's order of modules."""
    for module in model.modules:
        name = f"{prefix}{attributes[model][module]}."
        if module.model is not None:
            yield from _state(module.model, attributes, name)
        for key, weight in {**module.parameters, **module.buffers}.items():
            yield (name + key).removesuffix("."), (module, key, weight)
