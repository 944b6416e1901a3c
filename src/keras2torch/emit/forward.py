"""The statements of ``forward`` as text: names are given last."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras2torch.emit.names import GLOBALS, Names
from keras2torch.emit.simplify import PLACE, simplified
from keras2torch.ir.graph import Shape, leaves, map_leaves
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Model, Module, Statement, Tensor, Value

MAX_LINE = 80  # with its comment; behind it a statement is broken, and the comment with it


@dataclass(frozen=True)
class Forward:
    """The text of a forward pass.

    ``lines`` holds one statement each, with its comment; ``arguments`` the parameters' names;
    ``places`` tells, per value that has a name, after which line it can be seen (-1: at the start)
    and under which name. ``head`` is the method that goes on where this one returns logits,
    ``mask`` one for the masks of the outputs.
    """

    arguments: list[str]
    lines: list[str]
    returned: str
    returns: str
    places: Mapping[Value, tuple[int, str]]
    head: Forward | None = None
    mask: Forward | None = None


def write_forward(model: Model, attributes: Mapping[Module, str], globals_: set[str]) -> Forward:
    """Write the forward pass of one class."""
    outputs = [leaf.value for leaf in leaves(model.outputs)]
    forward = _named(model, model.statements, outputs, attributes, globals_)
    if model.activations:
        forward = replace(forward, head=_head(model, forward, Names(GLOBALS | globals_ | {"x"})))
    if model.output_masks is not None:
        alone = replace(model, outputs=model.output_masks, activations=[], output_masks=None)
        alone.statements = simplified(replace(alone, statements=model.mask_statements, traced=[]))
        forward = replace(forward, mask=write_forward(alone, attributes, globals_))
    return forward


def _head(model: Model, logits: Forward, names: Names) -> Forward:
    """The ``forward`` that makes the model's outputs of its ``logits``."""
    call = f"self.logits({', '.join(logits.arguments)})"
    arguments = logits.arguments
    if isinstance(model.outputs, Tensor):
        (statement,) = model.activations
        target = statement.targets[0]
        line = f"x = {_filled(statement.expression, [call])}"
        return Forward(arguments, [line], "x", logits.returns, {target: (0, "x")})
    keyed = isinstance(model.outputs, dict)
    items = model.outputs.items() if keyed else enumerate(model.outputs)
    name_of: dict[Value, str] = {}
    for key, tensor in items:
        name = f"outputs[{literal(key)}]" if keyed else names.take(tensor.value.hint, "output")
        name_of[tensor.value] = name
    said = [name_of[tensor.value] for tensor in leaves(model.outputs)]
    lines = [f"{'outputs' if keyed else ', '.join(said)} = {call}"]
    places: dict[Value, tuple[int, str]] = {}
    for number, statement in enumerate(model.activations, start=1):
        name = next(name_of[o] for o in statement.operands if isinstance(o, Value))
        lines.append(f"{name} = {_filled(statement.expression, [name])}")
        places[statement.targets[0]] = (number, name)
    returned = "outputs" if keyed else ", ".join(said)
    if isinstance(model.outputs, list):
        returned = f"[{returned}]"
    return Forward(arguments, lines, returned, logits.returns, places)


def _named(
    model: Model,
    statements: Sequence[Statement],
    outputs: Sequence[Value],
    attributes: Mapping[Module, str],
    globals_: set[str],
) -> Forward:
    arguments, name_of = _names(model, statements, outputs, globals_)
    shapes: dict[Value, Shape | None] = {t.value: t.memory_shape for _, t in model.inputs}
    places = {tensor.value: (-1, name_of[tensor.value]) for _, tensor in model.inputs}
    called = {
        number
        for number, statement in enumerate(statements)
        if any(isinstance(o, Module) for o in statement.operands)
    }
    lines: list[str] = []
    declared = set(arguments)
    plain: dict[str, int] = {}  # the lines that bind a name without declaring it
    loose: set[str] = set()  # bound to what mypy knows nothing of
    for number, statement in enumerate(statements):
        given = [
            name_of[o] if isinstance(o, Value) else f"self.{attributes[o]}"
            for o in statement.operands
        ]
        said = [name_of.get(value, "_") for value in statement.targets]
        places.update({v: (number, name_of[v]) for v in statement.targets if v in name_of})
        target = re.sub(r"\(_(, _)*\)", "_", _filled(statement.target, said))
        returned_loose = statement.targets[0] in outputs and not loose.isdisjoint(given)
        untyped = number in called or returned_loose
        if target.isidentifier() and target not in declared and untyped:
            target = f"{target}: {statement.kind}"
        elif target in plain and number in called:
            # Modules return what mypy knows nothing of, and only a declaration holds against it.
            first = plain.pop(target)
            lines[first] = lines[first].replace(" =", ": Tensor =", 1)
        elif target.isidentifier() and target not in declared:
            plain[target] = len(lines)
        elif not target.isidentifier():
            loose.update(set(said) - declared)
        declared.update(said)
        line = f"{target} = {_filled(statement.expression, given)}"
        if statement.condition:
            before = statements[number - 1].condition if number else None
            start = "" if statement.condition == before else f"if self.{statement.condition}:\n"
            line = f"{start}    {line}"
        lines.append(line + _comment(line, statement, shapes))
        shapes[statement.targets[0]] = statement.shape
    returned, returns = _returned(model, name_of)
    for name in sorted(loose.intersection(name_of[v] for v in outputs)):
        lines.insert(0, f"{name}: Tensor")
        places = {v: (place + 1 if place >= 0 else place, n) for v, (place, n) in places.items()}
    return Forward(arguments, lines, returned, returns, places)


def _names(
    model: Model, statements: Sequence[Statement], outputs: Sequence[Value], globals_: set[str]
) -> tuple[list[str], dict[Value, str]]:
    """The arguments' names, and that of every value that is read.

    The main chain is ``x``; what lives beside it is called by its layer. In a block every value
    has the name that it asks for.
    """
    last_use = _last_uses(statements, outputs)
    chain = _main_chain(model, statements, last_use)
    names = Names(GLOBALS | globals_ | {"x"})
    block = model.title is not None
    own = {"x": "x"} if block or len(model.inputs) == 1 else {}
    arguments = []
    for hint, tensor in model.inputs:
        hint = "strings" if hint == "x" and tensor.kind != "Tensor" else hint
        arguments.append(own.get(hint) or names.take(hint, "inputs"))
        own[hint] = arguments[-1]
    name_of = {t.value: n for (_, t), n in zip(model.inputs, arguments, strict=True)}
    held = {name: value for value, name in name_of.items()}
    for number, statement in enumerate(statements):
        for value in statement.targets:
            if value not in last_use:
                continue
            free = {name for name, v in held.items() if last_use.get(v, -1) <= number}
            if arguments != ["x"]:
                free -= set(arguments)
            if block:
                name = own[value.hint] if value.hint in own else names.take(value.hint, "value")
                own[value.hint] = name
            elif value in chain and ("x" in free or "x" not in held):
                name = "x"
            else:
                name = _name(value.hint, free, names)
            held[name] = value
            name_of[value] = name
    return arguments, name_of


def _last_uses(statements: Sequence[Statement], outputs: Sequence[Value]) -> dict[Value, int]:
    """The number of the last statement that reads each value."""
    last = {
        operand: number
        for number, statement in enumerate(statements)
        for operand in statement.operands
        if isinstance(operand, Value)
    }
    return {**last, **dict.fromkeys(outputs, len(statements))}


def _main_chain(
    model: Model, statements: Sequence[Statement], last_use: Mapping[Value, int]
) -> set[Value]:
    """The values that may be called ``x``: layers' outputs with nothing living beside them but
    what they are made of, and, while they live, nothing made but what is made of them."""
    bits: dict[Value, int] = {tensor.value: 0 for _, tensor in model.inputs}
    chain: set[Value] = set()
    alive: dict[Value, int] = {}  # layers' outputs that are still read, by last use
    for number, statement in enumerate(statements):
        made_of = 0
        for operand in statement.operands:
            if isinstance(operand, Value):
                made_of |= bits[operand]
        for value in statement.targets:
            bits[value] = made_of | (1 << number)
        main = statement.targets[0]
        if main.hint != statement.layer or main not in last_use or statement.kind != "Tensor":
            continue
        alive = {value: last for value, last in alive.items() if last > number}
        strangers = {value for value in alive if not made_of & _own_bit(bits[value])}
        chain -= strangers
        if not strangers:
            chain.add(main)
        alive[main] = last_use[main]
    return chain


def _own_bit(bits: int) -> int:
    """A value's own bit is the highest of those that say what it is made of."""
    return 1 << (bits.bit_length() - 1)


def _filled(template: str, texts: Sequence[str]) -> str:
    return PLACE.sub(lambda match: texts[int(match[1])], template)


def _name(wanted: str, free: set[str], names: Names) -> str:
    """The wanted name, again if its last holder is no longer read."""
    again = re.sub(r"[^a-z0-9]+", "_", wanted.lower()).strip("_")
    return again if again in free else names.take(wanted, "value")


def _comment(line: str, statement: Statement, shapes: Mapping[Value, Shape | None]) -> str:
    """The shape that a statement makes, where it is another than the one it takes."""
    shape = statement.shape
    first = next((o for o in statement.operands if isinstance(o, Value)), None)
    if shape is None or len(shape) < 2 or (first is not None and shapes.get(first) == shape):
        return ""
    comment = f"  # ({', '.join(sizes_of(shape))})"
    return comment if len(line) + len(comment) <= MAX_LINE else ""


def sizes_of(shape: Shape) -> list[str]:
    """A shape in words: the first axis is the batch unless its size is known."""
    names = ["batch", *["n"] * (len(shape) - 1)]
    return [name if size is None else str(size) for name, size in zip(names, shape, strict=False)]


def _returned(model: Model, name_of: Mapping[Value, str]) -> tuple[str, str]:
    """The returned expression and its type, in Keras' structure."""
    structure: Any = map_leaves(lambda tensor: name_of[tensor.value], model.outputs)

    def write(part: Any) -> str:
        if isinstance(part, dict):
            pairs = ", ".join(f"{literal(key)}: {write(part[key])}" for key in part)
            return "{" + pairs + "}"
        if isinstance(part, list):
            return "[" + ", ".join(map(write, part)) + "]"
        if isinstance(part, tuple):
            inner = ", ".join(map(write, part))
            return f"({inner},)" if len(part) == 1 else f"({inner})"
        return str(part)

    def kind(part: Any) -> str:
        if isinstance(part, dict):
            inner = {kind(v) for v in part.values()}
            return f"dict[str, {inner.pop() if len(inner) == 1 else 'Any'}]"
        if isinstance(part, list):
            inner = {kind(v) for v in part}
            return f"list[{inner.pop() if len(inner) == 1 else 'Any'}]"
        if isinstance(part, tuple):
            return f"tuple[{', '.join(map(kind, part))}]"
        return str(part)

    text = write(structure)
    if isinstance(structure, tuple) and len(structure) > 1:
        text = text[1:-1]
    return text, kind(map_leaves(lambda tensor: tensor.kind, model.outputs))
