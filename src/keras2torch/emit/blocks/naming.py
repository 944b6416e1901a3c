"""What blocks, their parts and their instances are called."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from keras2torch.emit.blocks.kinds import is_grouped, kind
from keras2torch.emit.blocks.stems import words
from keras2torch.emit.blocks.wiring import Wiring, joins, modules_of
from keras2torch.ir.program import Model, Module, Statement

# How authors call a module of a class, and the class that holds it.
SHORT = {
    "nn.Linear": "linear",
    "BatchNorm": "bn",
    "nn.LayerNorm": "norm",
    "LayerNorm": "norm",
    "nn.MultiheadAttention": "attention",
    "MultiHeadAttention": "attention",
}
SAID = {"conv": "convolution", "bn": "batch normalization", "norm": "normalization"}
ACTIVATION = re.compile(r"^(?:torch|F)\.(relu6|relu|silu|gelu|hardswish|sigmoid|elu)\(")


def snake(name: str) -> str:
    """``ConvBnRelu`` as an attribute: ``conv_bn_relu``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def short(module: Module) -> str:
    """What an author calls a module of this kind."""
    name = kind(module)
    if module.model is not None and module.parts is not None:
        if any(part is not None and is_grouped(part) for part in module.parts):
            return "depthwise"
        inner = [short(part) for part in module.model.modules]
        return "conv" if "conv" in inner else inner[0]
    if name.startswith("nn.Conv"):
        return "conv"
    return SHORT.get(name, snake(name.rpartition(".")[2]))


def part_names(
    modules: Sequence[Sequence[Sequence[Module]]], stems: Sequence[str]
) -> list[list[str]]:
    """Per line of a block, the names of its modules: what the layers' names have behind their
    stem, if all agree. ``modules`` are those of each run and line."""
    found: list[list[str]] = []
    for line in zip(*modules, strict=True):
        width = max(map(len, line))
        found.append([])
        for place in range(width):
            own = [(part[place], stem) for part, stem in zip(line, stems, strict=True) if part]
            rests = {_rest(module, stem) for module, stem in own}
            rest = rests.pop() if len(rests) == 1 else None
            found[-1].append(rest or short(own[0][0]))
    numbered = iter(_numbered([name for names in found for name in names]))
    return [[next(numbered) for _ in names] for names in found]


def _rest(module: Module, stem: str) -> str | None:
    """``conv2_block1_1_bn`` behind ``conv2_block1``: ``bn1``."""
    own, before = words(module.hint), words(stem)
    if own[: len(before)] != before or len(own) == len(before) or not before:
        return None
    rest = own[len(before) :]
    if rest[0].isdigit():
        text = "_".join(rest[1:]) or short(module)
        return f"{text}{rest[0]}".lower()
    return "_".join(rest).lower()


def _numbered(names: Sequence[str]) -> list[str]:
    """Names that come several times get numbers, from 1."""
    counts = Counter(names)
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name}{seen[name]}" if counts[name] > 1 else name)
    return found


def attribute(block: Model) -> str:
    """What an instance is called whose layers have no name in common."""
    first = block.modules[0]
    return short(first) if len(block.modules) <= 2 else snake(block.wanted)


def class_name(wiring: Wiring, hints: Sequence[Sequence[str]]) -> str:
    """A block's name in the field's words, by what it is made of."""
    own = [name for names in hints for name in names]
    statements = [line.any for line in wiring.lines if all(line.present)]
    modules = [module for statement in statements for module in modules_of(statement)]
    expressions = [statement.expression for statement in statements]
    if is_chain(wiring) and len(statements) <= 4:
        separable = len(modules) == 2 and all(m.parts is not None for m in modules)
        words = [_word(statement) for statement in statements]
        return "DepthwiseSeparable" if separable else "".join(words) or "Block"
    convs = [m for m in modules if kind(m).startswith("nn.Conv") or m.parts is not None]
    residual = any(joins(line.any) for line in wiring.lines)
    if any("attention" in kind(m).lower() for m in modules):
        return "TransformerBlock"
    if "torch.cat(" in expressions[-1]:
        return "DenseLayer" if -1 in wiring.sources[-1] else "InceptionBlock"
    depthwise = any(is_grouped(m) or "groups=" in m.construct for m in modules)
    if depthwise or any("dw" in name or "depthwise" in name for name in own):
        return "InvertedResidual" if residual and len(convs) >= 3 else "DepthwiseBlock"
    if residual and len(convs) in (3, 4):
        return "Bottleneck"
    return "ResidualBlock" if residual else "Block"


def title(wiring: Wiring) -> str:
    """A docstring for a block."""
    statements = [line.any for line in wiring.lines]
    if is_chain(wiring) and len(statements) <= 4:
        said = [_said(statement) for statement in statements]
        text = ", ".join(word for word in said if word)
        return text[:1].upper() + text[1:] + "."
    if "torch.cat(" in statements[-1].expression:
        return "Branches side by side, whose results are concatenated."
    if any(joins(statement) and " + " in statement.expression for statement in statements):
        return "A block whose result is added to what it was given."
    return "A block that the model repeats."


def is_chain(wiring: Wiring) -> bool:
    """Whether every line hands its value to the next and to no other."""
    return all(sources == [n - 1] for n, sources in enumerate(wiring.sources))


def _word(statement: Statement) -> str:
    """The part of a class' name that stands for one statement: ``ConvBnRelu``."""
    found = ""
    for module in modules_of(statement):
        found += "".join(word.capitalize() for word in short(module).split("_"))
    activation = ACTIVATION.match(statement.expression)
    return found + (activation[1].capitalize() if activation else "")


def _said(statement: Statement) -> str:
    """One statement in words."""
    said = [SAID.get(short(module), short(module)) for module in modules_of(statement)]
    activation = ACTIVATION.match(statement.expression)
    return ", ".join([*said, *([activation[1]] if activation else [])])
