"""Makes one class of repeated runs of statements, and puts its instances in their place."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from keras2torch.emit.blocks import naming
from keras2torch.emit.blocks.parameters import Arguments, arguments_of
from keras2torch.emit.blocks.plan import INPUTS, Plan, plan
from keras2torch.emit.blocks.signatures import signature
from keras2torch.emit.blocks.stems import stem_of
from keras2torch.emit.blocks.unify import Unifier
from keras2torch.emit.blocks.wiring import Line, Run, Wiring, inputs_of, modules_of
from keras2torch.emit.names import GLOBALS, Names
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Model, Module, Statement, Tensor, Traced, Value

MARK = re.compile(r"<\d+>")
NAME = re.compile(r"[a-z_]\w*")


def extract(
    model: Model, lines: Sequence[Line], starts: Sequence[int], blocks: dict[str, Model]
) -> None:
    """Replace the runs that begin at ``starts`` by calls of a new class, which has ``lines`` and
    is added to ``blocks``.

    Raises:
        Unlike: the runs differ in more than values and optional parts.
    """
    runs = _Runs(model, lines)
    made = _Class(model, runs, blocks)
    instances = _instances(made, runs)
    outside = _trace(model, made, runs, instances)
    taken = {
        module: number
        for number, modules in enumerate(runs.modules)
        for of_line in modules
        for module in of_line
    }
    # Each instance stands where the first of its modules stood.
    kept = [instances[taken[m]] if m in taken else m for m in model.modules]
    model.modules[:] = dict.fromkeys(kept)
    calls = [_call(*pair) for pair in zip(instances, runs.statements, runs.inputs, strict=True)]
    triples = zip(starts, runs.statements, calls, strict=True)
    for start, run, call in sorted(triples, key=lambda triple: -triple[0]):
        model.statements[start : start + len(run)] = [call]
    model.traced[:] = outside
    blocks[made.name] = made.block


class _Runs:
    """What is to become instances of one class. ``modules`` are those of each run and line."""

    def __init__(self, model: Model, lines: Sequence[Line]) -> None:
        self.lines = lines
        count = range(len(lines[0].statements))
        self.statements: list[Run] = [
            [s for line in lines if (s := line.statements[run]) is not None] for run in count
        ]
        self.inputs = [inputs_of(run) for run in self.statements]
        self.wiring = Wiring(lines, self.inputs)
        self.modules = [[modules_of(line.statements[run]) for line in lines] for run in count]
        self.stems = [stem_of([s.layer for s in run]) for run in self.statements]
        self.shapes: dict[Value, Shape | None] = {t.value: t.memory_shape for _, t in model.inputs}
        for statement in model.statements:
            self.shapes[statement.targets[0]] = statement.shape

    def channels(self) -> dict[str, list[int | None]]:
        """The channels of each run's input and output."""
        return {
            "in_channels": [_channels(self.shapes.get(values[0])) for values in self.inputs],
            "out_channels": [_channels(run[-1].shape) for run in self.statements],
        }


def _channels(shape: Shape | None) -> int | None:
    """Images have them first."""
    return None if not shape or len(shape) < 2 else shape[1] if len(shape) > 3 else shape[-1]


class _Class:
    """The class for some runs: ``values`` are those of its forward, by line, inputs below 0."""

    def __init__(self, model: Model, runs: _Runs, blocks: dict[str, Model]) -> None:
        self.runs = runs
        self.hints = naming.part_names(runs.modules, runs.stems)
        attributes = {line: names[0] for line, names in enumerate(self.hints) if names}
        self.plan: Plan = plan(runs.wiring, attributes)
        self._collect(blocks)
        # Its name until every class is known, so that they can be named in their order.
        self.name = f"Block{len(blocks)}_"
        self.block = Model(
            self.name,
            model.path,
            title=naming.title(runs.wiring),
            parameters=self.arguments.parameters,
            locals=self.arguments.locals,
            stored=list(dict.fromkeys(self.flags.values())),
            wanted=naming.class_name(runs.wiring, self.hints),
        )
        self.values: dict[int, Value] = {}
        self._copied: dict[tuple[int, str], Value] = {}
        self._take_inputs()
        for number in range(len(runs.lines)):
            self._write(number)
        last = runs.lines[-1].any.shape or ()
        self.block.outputs = Tensor(self.values[len(runs.lines) - 1], last, "float32")

    def _collect(self, blocks: dict[str, Model]) -> None:
        """The texts that are common to all runs, and the arguments for what is not."""
        runs = self.runs
        unifier = Unifier(partial(signature, blocks=blocks))
        self.constructs = [
            [
                unifier.text([module.construct if module else None for module in column])
                for column in _columns([modules[number] for modules in runs.modules])
            ]
            for number in range(len(runs.lines))
        ]
        self.expressions = [
            unifier.text([s.expression if s else None for s in line.statements])
            for line in runs.lines
        ]
        owners = dict.fromkeys((slot.mark for slot in unifier.slots), "")
        for hints, texts in zip(self.hints, self.constructs, strict=True):
            for hint, text in zip(hints, texts, strict=True):
                owners.update(dict.fromkeys(MARK.findall(text), hint))
        names = Names(GLOBALS)
        given = {f: names.take(f, "part") for f in dict.fromkeys(self.plan.flags.values())}
        self.flags = {number: given[flag] for number, flag in self.plan.flags.items()}
        present = {flag: runs.lines[number].present for number, flag in self.flags.items()}
        self.hints = [
            [
                f"{hint}_{naming.short(module)}" if hint in present else hint
                for hint, module in zip(hints, modules_of(line.any), strict=True)
            ]
            for hints, line in zip(self.hints, runs.lines, strict=True)
        ]
        self.arguments: Arguments = arguments_of(
            unifier.slots, owners, runs.channels(), present, blocks, names
        )

    def _take_inputs(self) -> None:
        for number, (value, name) in enumerate(zip(self.runs.inputs[0], INPUTS, strict=False)):
            own = Value(name)
            self.values[-1 - number] = own
            shape = self.runs.shapes.get(value) or ()
            self.block.inputs.append((name, Tensor(own, shape, "float32")))

    def _write(self, number: int) -> None:
        """One line: its modules, and its statement with arguments in the place of values."""
        line, flag = self.runs.lines[number], self.flags.get(number)
        modules = []
        texts = zip(self.constructs[number], self.hints[number], strict=True)
        for module, (construct, hint) in zip(modules_of(line.any), texts, strict=True):
            text = MARK.sub(lambda m: self.arguments.texts[m[0]], construct)
            modules.append(
                replace(module, hint=hint, layer=hint, construct=text, traced=[], condition=flag)
            )
        self.block.modules += modules
        copies = self._copies(number)
        name = self.plan.names[number]
        self.values[number] = Value(name)
        sources = iter(copies.get(s, self.values[s]) for s in self.runs.wiring.sources[number])
        own = iter(modules)
        operands = tuple(
            next(sources) if isinstance(o, Value) else next(own) for o in line.any.operands
        )
        shapes = {s.shape for s in line.statements if s}
        shape = line.any.shape if len(shapes) == 1 else None
        expression = self._stored(self.expressions[number])
        self.block.statements.append(
            Statement(
                (self.values[number],), "{0}", expression, operands, name, shape, condition=flag
            )
        )

    def _copies(self, number: int) -> dict[int, Value]:
        """Write the copies that are due before a line; return those that it reads."""
        for copy in self.plan.copies:
            if copy.before == number:
                value = Value(copy.name)
                self._copied[copy.source, copy.name] = value
                source = self.values[copy.source]
                self.block.statements.append(
                    Statement((value,), "{0}", "{0}", (source,), copy.name)
                )
        return {
            copy.source: self._copied[copy.source, copy.name]
            for copy in self.plan.copies
            if number in copy.readers
        }

    def _stored(self, expression: str) -> str:
        """An expression of forward, in which arguments of __init__ are attributes."""

        def attribute(match: re.Match[str]) -> str:
            text = self.arguments.texts[match[0]]
            for name in NAME.findall(text):
                if name not in self.block.stored:
                    self.block.stored.append(name)
            return NAME.sub(r"self.\g<0>", text)

        return MARK.sub(attribute, expression)


def _instances(made: _Class, runs: _Runs) -> list[Module]:
    instances = []
    for modules, stem, given in zip(runs.modules, runs.stems, made.arguments.given, strict=True):
        hint = stem or naming.attribute(made.block)
        parts: list[Module | None] = []
        for line, own in zip(runs.lines, modules, strict=True):
            parts += own or [None] * len(modules_of(line.any))
        construct = f"{made.name}({given})"
        instances.append(Module(hint, hint, construct, model=made.block, parts=tuple(parts)))
    return instances


def _call(instance: Module, run: Run, inputs: Sequence[Value]) -> Statement:
    """The call of an instance in the place of its run."""
    last = run[-1]
    places = ", ".join(f"{{{number + 1}}}" for number in range(len(inputs)))
    operands: tuple[Value | Module, ...] = (instance, *inputs)
    return Statement(
        last.targets, "{0}", f"{{0}}({places})", operands, last.targets[0].hint, last.shape
    )


def _trace(model: Model, made: _Class, runs: _Runs, instances: Sequence[Module]) -> list[Traced]:
    """Note at each instance what can be seen inside it, in the class' values; return the rest."""
    inside: Mapping[Value, tuple[int, int]] = {
        value: (run, number)
        for run, places in enumerate(runs.wiring.places)
        for value, number in places.items()
        if number >= 0
    }
    outside = []
    for traced in model.traced:
        known = inside.get(traced.outputs[0].value) if len(traced.outputs) == 1 else None
        if known is None:
            outside.append(traced)
            continue
        run, number = known
        seen = replace(traced.outputs[0], value=made.values[number])
        instances[run].traced.append(Traced(traced.layer, traced.call, (seen,)))
    return outside


def _columns(rows: Sequence[Sequence[Module]]) -> list[list[Module | None]]:
    """The modules that stand for each other in several runs; None where a run has none."""
    width = max(map(len, rows))
    return [[row[place] if row else None for row in rows] for place in range(width)]
