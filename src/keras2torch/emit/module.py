"""A Program as the text of ``model.py``."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from keras2torch.emit.blocks import fold
from keras2torch.emit.calls import calls_of, tell_penalties
from keras2torch.emit.classes import write_class
from keras2torch.emit.forward import write_forward
from keras2torch.emit.helpers import cut
from keras2torch.emit.imports import import_block
from keras2torch.emit.instances import instances, modules, origins, state, traces
from keras2torch.emit.names import GLOBALS, MODULE_ATTRIBUTES, Names
from keras2torch.emit.simplify import simplified
from keras2torch.ir.program import Model, Module, Program
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


@dataclass(frozen=True)
class Emitted:
    """``model.py``, and where things stand in it.

    ``returns`` is the type of its outputs, ``weights`` has every tensor of the state dict with its
    Module and key, ``modules`` every module by its path, ``calls`` how often one pass calls each,
    ``traces`` where each Keras layer's outputs can be seen, ``origins`` which Keras layer each
    module stands for, ``vocabularies`` the terms by layer for ``vocabulary.json``.
    """

    text: str
    class_name: str
    arguments: list[str]
    returns: str
    weights: dict[str, tuple[Module, str, Weight]]
    modules: dict[str, Module]
    calls: Counter[Module]
    traces: list[dict[str, Any]]
    origins: dict[str, str]
    vocabularies: dict[str, list[Any]]


def write_module(program: Program) -> Emitted:
    """The unformatted text of ``model.py``."""
    models = program.model.submodels()
    helpers, imports, defined = cut({name for model in models for name in model.helpers})
    class_names = Names(GLOBALS.union(defined))
    names = {model: class_names.take_class(_class_name(model), "Model") for model in models}
    for model in models:
        model.statements[:] = simplified(model)
    calls = calls_of(program.model)
    tell_penalties(calls)
    kinds = fold(models, class_names)
    models = program.model.submodels()
    names.update({model: model.name for model in models if model not in names})
    taken = {*names.values(), *defined}

    attributes = {model: _attributes(model) for model in models}
    forwards = {model: write_forward(model, attributes[model], taken) for model in models}
    classes = [write_class(m, names, attributes[m], forwards[m], kinds) for m in models]
    main = names[program.model]
    vocabularies = {k: v for model in models for k, v in model.vocabularies.items()}
    reader = [READ_VOCABULARY] if vocabularies else []
    body = "\n\n\n".join([*reader, *helpers, *classes, _load(main)])
    head = '"""A Keras model in PyTorch, written by keras2torch."""\n\n'
    files = [WEIGHTS, VOCABULARY] if vocabularies else [WEIGHTS]
    imported = import_block("\n".join([*files, body]), imports, IMPORTS)
    text = head + "\n".join([imported, "", *files, "", "", body]) + "\n"
    return Emitted(
        text,
        main,
        forwards[program.model].arguments,
        forwards[program.model].returns,
        dict(state(program.model, attributes)),
        dict(modules(program.model, attributes)),
        calls,
        traces(instances(program.model, attributes), names, forwards),
        dict(origins(program.model, attributes)),
        vocabularies,
    )


def _attributes(model: Model) -> dict[Module, str]:
    methods = {"logits"} if model.activations else set()
    methods |= {"mask"} if model.output_masks is not None else set()
    names = Names(MODULE_ATTRIBUTES.union(model.stored, methods))
    # ConvNeXt's layers, for one, are all called by the model first.
    prefix = f"{model.name}_"
    if sum(module.hint.startswith(prefix) for module in model.modules) * 2 < len(model.modules):
        prefix = ""
    return {
        module: names.take(module.hint.removeprefix(prefix), "layer") for module in model.modules
    }


def _class_name(model: Model) -> str:
    """The model's own name; one that Keras made up says nothing."""
    if re.fullmatch(r"(functional|sequential|model)(_\d+)?", model.name):
        return "Block" if model.path else "Model"
    return re.sub(r"_\d+\.\d+(_\d+)?$", "", model.name)  # MobileNet's width and image size


def _load(name: str) -> str:
    return (
        f"def load(path: str | Path = WEIGHTS) -> {name}:\n"
        '    """The model with its trained weights, ready to predict."""\n'
        f"    model = {name}()\n"
        "    model.load_state_dict(load_file(path))\n"
        "    return model.eval()"
    )
