"""The program a port becomes: classes with their modules, weights and the statements of forward.

A layer's mapping writes here through ``ir/lower.py``; ``emit/`` turns it into text. Expressions
are templates over numbered operands, so that names are given at the very end, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from keras2torch.ir.graph import Shape
from keras2torch.ir.weights import Weight


@dataclass(eq=False)
class Value:
    """What a statement assigns. ``hint`` is the name it would like to have."""

    hint: str


@dataclass(eq=False)
class Module:
    """A submodule: ``self.<name> = <construct>``.

    ``construct`` is source text, ``parameters`` maps its state-dict keys to weights, ``buffers``
    likewise; ``reset`` are statements of reset_parameters in which ``{0}`` stands for the module,
    ``frozen`` the keys of parameters that do not train, ``partly_frozen`` those of a module whose
    other parameters do. ``layer`` is the Keras layer's name;
    ``model`` is set where the module is a nested model, or an instance of a repeated block's class:
    then ``parts`` has the modules that stand for the class' own (None: one this instance lacks),
    ``traced`` what is seen in its forward, in values of the class; ``condition`` is the flag that
    it depends on inside another block. The ``parts`` of a module without a model are those of an
    ``nn.Sequential``. Its parameters are kept in ``dtype`` and rounded to ``computes`` for the
    computation.
    """

    hint: str
    layer: str
    construct: str
    parameters: dict[str, Weight] = field(default_factory=dict)
    buffers: dict[str, Weight] = field(default_factory=dict)
    reset: list[str] = field(default_factory=list)
    frozen: set[str] = field(default_factory=set)
    partly_frozen: set[str] = field(default_factory=set)
    model: Model | None = None
    dtype: str = "float32"
    computes: str = "float32"
    parts: tuple[Module | None, ...] | None = None
    traced: list[Traced] = field(default_factory=list)
    condition: str | None = None

    def within(self) -> tuple[tuple[Module, Module], ...]:
        """The modules inside: each as the class has it, and as it is here."""
        whole = self.model.modules if self.model else [m for m in self.parts or () if m]
        here = whole if self.parts is None else self.parts
        return tuple((a, b) for a, b in zip(whole, here, strict=True) if b is not None)


@dataclass(eq=False)
class Statement:
    """``targets = expression``. Operands are Values or Modules, ``{0}``, ``{1}``, … in the text.

    ``target`` is a pattern over the targets' names, e.g. ``{0}, ({1}, {2})``; ``layer`` is the
    Keras layer that the statement belongs to, ``shape`` the result's, as it lies in memory,
    ``kind`` the first target's type. ``condition`` names the flag of a block's class that the
    statement depends on: without it the (only) target is the first operand.
    """

    targets: tuple[Value, ...]
    target: str
    expression: str
    operands: tuple[Value | Module, ...]
    layer: str
    shape: Shape | None = None
    kind: str = "Tensor"
    condition: str | None = None


@dataclass(frozen=True)
class Tensor:
    """A value with what Keras knows of it. A tensor of strings is one of nested lists in PyTorch.

    ``shape`` is Keras' shape, batch first, None where unknown. ``order`` is how the value lies
    in memory: its dimension ``i`` holds Keras' axis ``order[i]`` (None: Keras' own order).
    ``flat`` is set after flattening a reordered tensor: the shape and order it had before.
    ``mask`` is Keras' mask: booleans (batch, time), True where a step counts.
    """

    value: Value
    shape: Shape
    dtype: str
    order: tuple[int, ...] | None = None
    flat: tuple[Shape, tuple[int, ...]] | None = None
    mask: Value | None = None

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def channels_first(self) -> tuple[int, ...]:
        """The order in which the last axis comes right after the batch."""
        return (0, self.rank - 1, *range(1, self.rank - 1))

    @property
    def memory_shape(self) -> Shape:
        """The shape of the value itself."""
        return self.shape if self.order is None else tuple(self.shape[a] for a in self.order)

    @property
    def kind(self) -> str:
        """The type of the value in PyTorch."""
        if self.dtype != "string":
            return "Tensor"
        return "list[" * self.rank + "str" + "]" * self.rank

    def dim(self, axis: int) -> int:
        """Where Keras' ``axis`` lies in the value."""
        axis %= self.rank
        return axis if self.order is None else self.order.index(axis)


@dataclass(frozen=True)
class Traced:
    """Where a Keras layer's output can be seen in the port: for the check, layer by layer."""

    layer: str
    call: int
    outputs: tuple[Tensor, ...]


@dataclass(frozen=True)
class Parameter:
    """An argument of a block's ``__init__``; ``default`` is source text, ``role`` the kind of
    thing that it counts, e.g. channels."""

    name: str
    annotation: str
    default: str | None
    role: str
    positional: bool


@dataclass(eq=False)
class Model:
    """A class to be: one Keras model; nested models are modules with a model of their own. Or a
    block that is repeated: then it has ``title``, its docstring, and the ``parameters`` of its
    ``__init__``; those that its forward reads are ``stored``, ``locals`` are variables of
    ``__init__`` that follow from them. ``wanted`` is the name that it would
    like to have.

    ``path`` is the Keras path of its layers (``""``, ``"encoder/"``). Behind its own inputs come
    the masks of those in ``masked``, by their places. ``arranged`` are the values that were
    permuted already, by value and moves, ``casts`` those that were cast already, by value and
    dtype, ``masks`` the booleans that were computed already, by expression and operands,
    ``traced`` where each layer's output is, ``vocabularies`` the long lists of words or numbers
    of its layers, which are written to a file of their own.

    Where losses want logits, ``outputs`` has those, ``activations`` are the statements that
    ``forward`` makes of them and ``activated`` its outputs. ``output_masks`` are the masks of
    outputs that a training needs, one or a tuple, made by ``mask_statements``.
    """

    name: str
    path: str
    inputs: list[tuple[str, Tensor]] = field(default_factory=list)
    modules: list[Module] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    outputs: Any = None
    traced: list[Traced] = field(default_factory=list)
    helpers: set[str] = field(default_factory=set)
    masked: tuple[int, ...] = ()
    vocabularies: dict[str, list[Any]] = field(default_factory=dict)
    arranged: dict[tuple[Value, tuple[int, ...]], Value] = field(default_factory=dict)
    casts: dict[tuple[Value, str], Value] = field(default_factory=dict)
    masks: dict[tuple[str, tuple[Value, ...]], Value] = field(default_factory=dict)
    title: str | None = None
    parameters: list[Parameter] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    locals: list[tuple[str, str]] = field(default_factory=list)
    wanted: str = ""
    activations: list[Statement] = field(default_factory=list)
    activated: Any = None
    output_masks: Any = None
    mask_statements: list[Statement] = field(default_factory=list)

    def submodels(self) -> list[Model]:
        """Nested classes, innermost first, itself last."""
        found: list[Model] = []
        for module in self.modules:
            for inner in (module, *(part for part in module.parts or () if part)):
                if inner.model is not None:
                    found += [m for m in inner.model.submodels() if m not in found]
        return [*found, self]


@dataclass(frozen=True)
class Samples:
    """Values to try an input with; ``only`` these where the model takes no others.

    ``text``: they are words, and the input takes texts.
    """

    values: tuple[Any, ...]
    only: bool = False
    text: bool = False

    def and_also(self, other: Samples) -> Samples:
        """Samples for an input that two layers read."""
        if self.only or other.only:
            allowed = [set(s.values) for s in (self, other) if s.only]
            values = [v for v in self.values + other.values if all(v in a for a in allowed)]
        else:
            values = [*self.values, *other.values]
        return Samples(
            tuple(dict.fromkeys(values)), self.only or other.only, self.text or other.text
        )


@dataclass(frozen=True)
class WeightOption:
    """A regularizer or constraint as saved, e.g. a layer's ``kernel_regularizer``, and the Keras
    variable it is for (``Weight.keras``). ``where`` names it in errors."""

    option: str
    value: Any
    variable: str
    where: str

    @property
    def kind(self) -> Literal["regularizer", "constraint"]:
        return "regularizer" if self.option.endswith("_regularizer") else "constraint"


@dataclass(frozen=True)
class Program:
    """The whole port, and what its owner should know about it.

    ``weight_options`` act on variables that train, regularizers on the loss and constraints behind
    each update, in the order in which the variables were met; those of outputs are modules of
    the model (``ActivityPenalty``). ``untrainable`` says why Keras' training can't be followed
    exactly, if it can't.
    """

    model: Model
    notes: tuple[str, ...]
    input_limits: Mapping[str, int]
    input_samples: Mapping[str, Samples]
    only_tensorflow: bool
    weight_options: tuple[WeightOption, ...] = ()
    untrainable: tuple[str, ...] = ()
