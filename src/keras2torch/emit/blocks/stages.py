"""Blocks that follow each other become one ``nn.Sequential``."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

from keras2torch.emit.blocks.kinds import kind
from keras2torch.emit.blocks.naming import snake
from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Model, Module, Statement, Value

COUNTER = re.compile(r"_?(\d+|(?<=\d)[a-z])$")


def gather(model: Model) -> None:
    """Put neighbouring blocks of one stage, as their names tell, into one module."""
    uses = Counter(o for s in model.statements for o in s.operands if isinstance(o, Value))
    uses.update(leaf.value for leaf in leaves(model.outputs))
    kept: list[Statement] = []
    for chain in _chains(model.statements, uses):
        if len(chain) == 1:
            kept.append(chain[0])
            continue
        blocks = [_block(statement) for statement in chain]
        stage = _stage(model, [block for block in blocks if block is not None])
        given = next(o for o in chain[0].operands if isinstance(o, Value))
        last = chain[-1]
        kept.append(
            Statement(
                last.targets, "{0}", "{0}({1})", (stage, given), last.targets[0].hint, last.shape
            )
        )
    model.statements[:] = kept


def _chains(statements: Sequence[Statement], uses: Counter[Value]) -> list[list[Statement]]:
    """The statements, calls of one stage's blocks in a row together."""
    chains: list[list[Statement]] = []
    for statement in statements:
        block = _block(statement)
        before = chains[-1][-1] if chains else None
        last = _block(before) if before else None
        if (
            block
            and before
            and last
            and _key(block) == _key(last)
            and before.targets[0] in statement.operands
            and uses[before.targets[0]] == 1
        ):
            chains[-1].append(statement)
        else:
            chains.append([statement])
    return chains


def _block(statement: Statement) -> Module | None:
    """The block that the statement calls, if it does nothing else."""
    if statement.expression != "{0}({1})" or statement.target != "{0}":
        return None
    module = statement.operands[0]
    return module if isinstance(module, Module) and module.parts is not None else None


def _key(block: Module) -> str:
    """What blocks of one stage have in common: ``conv2_block1``, ``block2a``."""
    return COUNTER.sub("", block.hint)


def _stage(model: Model, blocks: Sequence[Module]) -> Module:
    """The module of a stage, in the place of its blocks."""
    key = _key(blocks[0])
    first = blocks[0].model
    parameters = [p.name for p in first.parameters] if first else []
    name = re.sub(r"^(.*\d)_block$", r"\1", key).removeprefix(f"{model.name}_")
    if name in ("", "block", "conv", snake(kind(blocks[0]))):
        name = "convs" if name == "conv" else "blocks"
    said = ", ".join(_written([block.construct for block in blocks], parameters))
    construct = f"nn.Sequential({said},)"
    stage = Module(name, name, construct, parts=tuple(blocks))
    place = model.modules.index(blocks[0])
    model.modules[:] = [m for m in model.modules if m not in blocks]
    model.modules.insert(place, stage)
    return stage


def _written(constructs: Sequence[str], parameters: Sequence[str]) -> list[str]:
    """The constructs, those in a row that are the same or go in equal steps as one loop."""
    said: list[str] = []
    place = 0
    while place < len(constructs):
        rest = constructs[place:]
        same = len(list(next(itertools.groupby(rest))[1]))
        stepped, text = _steps(rest, parameters)
        if same > 2:
            said.append(f"*[{rest[0]} for _ in range({same})]")
        elif stepped > 3:
            said.append(text)
        else:
            said += [rest[0]] * same
        place += same if same > 2 else stepped if stepped > 3 else same
    return said


def _steps(constructs: Sequence[str], parameters: Sequence[str]) -> tuple[int, str]:
    """How many constructs at the start have a first argument that grows by equal steps and are
    otherwise the same, and the loop over them."""
    matches = [re.fullmatch(r"(\w+\()(\d+)(.*)", text) for text in constructs]
    numbers: list[int] = []
    for match in matches:
        first = matches[0]
        if not match or not first or (match[1], match[3]) != (first[1], first[3]):
            break
        number = int(match[2])
        if len(numbers) > 1 and number - numbers[-1] != numbers[1] - numbers[0]:
            break
        numbers.append(number)
    if len(numbers) < 2 or numbers[0] >= numbers[1] or not matches[0]:
        return 0, ""
    step = numbers[1] - numbers[0]
    loop = f"range({numbers[0]}, {numbers[-1] + step}, {step})"
    call = f"{matches[0][1]}{parameters[0]}{matches[0][3]}"
    return len(numbers), f"*[{call} for {parameters[0]} in {loop}]"
