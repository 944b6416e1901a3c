"""What a layer's mapping works with: the options and weights of one layer, at one of its calls.

A mapping reads options and weights and writes modules and statements. Whatever it leaves unread
is refused here, so that no option of a file can be a silent difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keras2torch import initializers
from keras2torch.errors import ModelError, UnsupportedError, quoted
from keras2torch.ir.build import is_keras
from keras2torch.ir.config import Config
from keras2torch.ir.dtypes import policy_of
from keras2torch.ir.graph import Constant
from keras2torch.ir.literals import literal
from keras2torch.ir.precision import Precision
from keras2torch.ir.program import Model, Module, Samples, Tensor, Value, WeightOption
from keras2torch.ir.weights import Weight, Weights
from keras2torch.ir.writer import INTEGER_DTYPES, Operand, Writer
from keras2torch.readers.saved import Group


@dataclass
class Findings:
    """What a run of the lowering has found so far.

    ``limits`` has, per input, the number its integers must stay below, ``samples`` values to try
    it with. ``only_tensorflow``: Keras runs the model on no other backend. ``weight_options`` are
    regularizers and constraints by variable and option, ``untrainable`` why the training can't be
    followed.
    """

    problems: list[ModelError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    limits: dict[Value, int] = field(default_factory=dict)
    samples: dict[Value, Samples] = field(default_factory=dict)
    only_tensorflow: bool = False
    weight_options: dict[tuple[str, str], WeightOption] = field(default_factory=dict)
    untrainable: list[str] = field(default_factory=list)


# The options that are for a variable begin with its name, but for these.
OPTIONS_OF = {
    "kernel": ("kernel", "depthwise"),
    "recurrent_kernel": ("recurrent",),
    "depthwise_kernel": ("depthwise",),
    "pointwise_kernel": ("pointwise",),
}
SHORT_LIST = 24  # terms of a vocabulary that are written into model.py
SHORT_TEXT = 300  # and their characters


# Lowers a call of a model that a layer holds: its name here, as saved, its weights, its arguments.
LowerModel = Callable[[str, Mapping[str, Any], Group, list[Any]], Any]


class Source(str):
    """Source text for a module's argument, written as it stands; never from the file."""


class Step(Writer):
    """One call of one layer.

    ``trainable`` is the layer's own flag and that of the whole model, as Keras has it;
    ``model_trainable`` is the latter alone.
    ``mask_is_explicit``: the call was given a mask, rather than its input having one.
    ``modules`` are those of the class so far, by layer and part: a layer that is called again
    finds its modules there.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        modules: dict[tuple[str, str], Module],
        config: Config,
        weights: Weights,
        findings: Findings,
        trainable: bool,
        lower_model: LowerModel,
        path: str | None = None,
    ) -> None:
        super().__init__(model, name)
        self.modules = modules
        self.config = config
        self.weights = weights
        self.findings = findings
        self.model_trainable = trainable
        self._lower_model = lower_model
        self.trainable = config.bool("trainable", True) and trainable
        self.mask_is_explicit = False
        config.ignore("name")
        self.path = path or name
        self.precision = self._precision()
        self.parts: list[Step] = []
        self.is_called = False

    @property
    def where(self) -> str:
        """How errors name the layer."""
        return self.config.where

    def _precision(self) -> Precision:
        return Precision(policy_of(self.config.raw("dtype", None), self.where, self.path))

    @property
    def dtype(self) -> str:
        """The dtype that the layer computes in, as Keras calls it."""
        policy = self.precision.policy
        return self.precision.computes if policy.is_floating else policy.compute

    def part(self, name: str, child: str, options: object, *, own: str = "") -> Step:
        """A layer inside this one, e.g. a wrapper's: ``options`` as saved, weights by attribute.

        ``child`` is the attribute, or a path through several. Where there are many layers inside,
        ``own`` keeps the modules of one apart from those of the others.
        """
        inner = options.get("config") if isinstance(options, Mapping) else None
        if isinstance(options, Mapping) and not is_keras({"module": "keras", **options}):
            raise self.unsupported(f"a custom {name}, {quoted(options.get('class_name'))},")
        said = inner.get("name") if isinstance(inner, Mapping) else name
        weights = self.weights
        for attribute in child.split("/"):
            weights = weights.child(attribute)
        part = Step(
            f"{self.name}/{own}" if own else self.name,  # no layer of Keras has a slash in its name
            self.model,
            self.modules,
            Config(inner, f"{self.where}, its {name}"),
            weights,
            self.findings,
            self.model_trainable,
            self._lower_model,
            f"{self.path}/{said}",
        )
        self.parts.append(part)
        return part

    def inner_model(self, child: str, options: Mapping[str, Any], args: list[Any]) -> Any:
        """The outputs of a model inside this layer, called on ``args``."""
        return self._lower_model(self.name, options, self.weights.hand_over(child), args)

    def finish(self) -> None:
        """Refuse what was left unread."""
        for key in self.config.unread():
            # Regularizers and constraints are for a variable that there is not, or does not train.
            if key.endswith(("_regularizer", "_constraint")):
                value = self.config.raw(key)
                if key == "activity_regularizer" and value is not None:
                    self.untrainable(f"{key} of a layer inside another")
        for part in self.parts:
            # A part that was called as a layer has cast what it was called on.
            if not part.is_called and part.precision.policy != self.precision.policy:
                raise part.unsupported("another dtype policy than that of the layer around it")
        self.config.finish()
        self.weights.finish()

    def begin(self, autocast: bool, wide: bool) -> None:
        """Called as a layer: cast the arguments to what the mapping works in."""
        self.is_called = True
        self.precision = replace(self.precision, autocast=autocast, wide=wide)

    def compute(self, expression: str, *operands: Operand, like: Tensor, **changes: Any) -> Tensor:
        """One statement; a result in float32 is one in what the layer computes in."""
        if changes.get("dtype") == "float32":
            changes["dtype"] = self.precision.computes
        return super().compute(expression, *operands, like=like, **changes)

    def floating(self, x: Tensor, module: Module | None = None, key: str = "weight") -> Tensor:
        """Integers and booleans as floating-point numbers, as Keras computes with them."""
        computes = self.precision.computes
        if x.dtype not in INTEGER_DTYPES:
            return x
        if module is None or computes != module.dtype:
            return super().floating(x) if computes == "float32" else self.cast(x, computes)
        return self.compute(f"{{0}}.to({{1}}.{key}.dtype)", x, module, like=x, dtype=computes)

    def module(self, kind: str, *args: Any, part: str = "", **options: Any) -> Module:
        """``self.<layer> = kind(args, options)``, made once however often the layer is called.

        ``part`` tells several modules of one layer apart. Values are written as literals.
        """
        written = [_written(a) for a in args] + [f"{k}={_written(v)}" for k, v in options.items()]
        construct = f"{kind}({', '.join(written)})"
        known = self.modules.get((self.name, part))
        if known is not None:
            if known.construct != construct:
                # E.g. a padding that follows from the input's size, at a call of another size.
                raise self.unsupported("being called on inputs that need different modules")
            return known
        hint = f"{self.name}_{part}" if part else self.name
        kept, computes = self.precision.kept, self.precision.computes
        module = Module(hint, self.name, construct, dtype=kept, computes=computes)
        self.modules[self.name, part] = module
        self.model.modules.append(module)
        return module

    def parameter(
        self,
        module: Module,
        key: str,
        weight: Weight,
        initializer: str | None = None,
        fans: tuple[int, int] | None = None,
        optional: bool = False,
        frozen: bool = False,
    ) -> None:
        """Give the module's parameter ``key`` its weight; those of a layer come in Keras' order.

        ``initializer`` is the option that says how Keras starts it; without one it is PyTorch's
        own parameter, which Keras lacks. ``fans`` are the numbers of inputs and outputs, where
        Keras does not take them from the shape; ``optional`` parameters are declared as if they
        might be None; ``frozen`` ones don't train even if the layer does. Frozen parameters keep
        what they were loaded with.
        """
        if initializer is not None:
            # Keras' shape decides the fans, so the template comes before any transposition.
            # nn.Conv2d and its kin say that their bias may be None.
            optional = optional or (module.construct.startswith("nn.Conv") and key == "bias")
            target = f'{{0}}.get_parameter("{key}")' if optional else f"{{0}}.{key}"
            statement = initializers.reset(self.config, initializer, weight, target, fans)
            if key not in module.parameters and self.trainable and not frozen:
                module.reset.append(statement)
                if (name := statement.partition("(")[0]) in initializers.HELPERS:
                    self.helper(name)
        if not self.trainable or frozen:
            module.frozen.add(key)
        else:
            self._keep_options(weight)
        if self.trainable and frozen:
            module.partly_frozen.add(key)
        if module.parameters.setdefault(key, weight).how != weight.how:
            raise self.unsupported("being called on inputs that lie in memory in different orders")

    def _keep_options(self, weight: Weight) -> None:
        """Note the regularizer and the constraint that the layer has for this variable."""
        if weight.keras is None:
            return
        name = weight.keras.rpartition("/")[2]
        for kind in ("regularizer", "constraint"):
            options = [f"{part}_{kind}" for part in OPTIONS_OF.get(name, (name,))]
            option = next((known for known in options if known in self.config), options[0])
            value = self.config.raw(option, None)
            key = (weight.keras, option)
            if value is not None and key not in self.findings.weight_options:
                where = f"{self.where}, {option}"
                made = WeightOption(option, value, weight.keras, where)
                self.findings.weight_options[key] = made
                self.note(f"{option} is part of the training and not in model.py")

    def constant(self, constant: Constant, order: tuple[int, ...] | None = None) -> Tensor:
        """An array of the file as a buffer of the class, its axes lying in this order."""
        array = constant.array if order is None else constant.array.transpose(order)
        sizes = ", ".join(map(str, array.shape)) or "()"
        dtype = "" if array.dtype == "float32" else f", dtype=torch.{array.dtype}"
        number = sum(name == self.name for name, _ in self.modules)
        module = self.module(
            "nn.Buffer", Source(f"torch.zeros({sizes}{dtype})"), part=f"constant{number or ''}"
        )
        weight = Weight(array.shape, array.dtype, lambda: array, array.shape, how="of the graph")
        module.buffers[""] = weight
        like = Tensor(Value(self.name), constant.array.shape, str(array.dtype), order)
        return self.compute("{0}", module, like=like)

    def helper(self, name: str) -> str:
        """The name of a class or function of ``runtime/``, which is copied into the file."""
        self.model.helpers.add(name)
        return name

    def limit(self, x: Tensor, count: int) -> None:
        """Note that the integers in ``x`` must be below ``count``."""
        limits = self.findings.limits
        limits[x.value] = min(count, limits.get(x.value, count))

    def sample(self, x: Tensor, samples: Samples) -> None:
        """Note values that ``x`` should be tried with."""
        known = self.findings.samples.get(x.value)
        self.findings.samples[x.value] = samples if known is None else known.and_also(samples)

    def only_on_tensorflow(self) -> None:
        """Note that Keras can run the layer on no other backend."""
        self.findings.only_tensorflow = True

    def vocabulary(self, terms: list[Any]) -> Any:
        """A list of words or whole numbers for a module's argument: short ones as they are, long
        ones from the file that is written beside ``model.py``."""
        if len(terms) <= SHORT_LIST and len(literal(terms)) <= SHORT_TEXT:
            return terms
        name = f"{self.model.path}{self.name}"
        self.model.vocabularies[name] = terms
        return Source(f"read_vocabulary({literal(name)})")

    def note(self, text: str) -> None:
        """Tell the owner of the port something."""
        self.findings.notes.append(f"{self.where}: {text}")

    def untrainable(self, what: str) -> None:
        """Say why Keras' training of the layer can't be followed."""
        self.findings.untrainable.append(f"{self.where}: {what} can't be trained in PyTorch yet")

    def unsupported(self, what: str) -> UnsupportedError:
        """The error for an honest layer that has no exact port."""
        return UnsupportedError(f"{self.where}: {what} has no exact port yet")


class OpStep(Step):
    """One call of an operation of ``keras.ops``; its option ``dtype`` is that of its result."""

    def _precision(self) -> Precision:
        return Precision()


def _written(value: object) -> str:
    return str(value) if isinstance(value, Source) else literal(value)
