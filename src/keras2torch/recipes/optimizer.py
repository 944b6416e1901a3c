"""An optimizer as ``train.py`` needs it: its class, and what Keras does around the update.

``optimizer_of`` reads what all optimizers of Keras have in common; what is an optimizer's own is in
``recipes/optimizers/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from keras2torch.errors import UnsupportedError
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.table import call_of, opened

CLIPS = {
    "clipnorm": "clip_norm_",
    "global_clipnorm": "clip_global_norm_",
    "clipvalue": "clip_value_",
}

# What holds where a file has an optimizer's name alone, as Keras 2's do; else 0.001 and none.
LEARNING_RATES = {"SGD": 0.01, "ScheduleFreeAdamW": 0.0025}
WEIGHT_DECAYS = {"AdamW": 0.004, "Muon": 0.004}

# The classes of torch.optim whose weight decay is Keras', and the option that makes it so.
DECOUPLED: dict[str, tuple[str, dict[str, bool]]] = {
    "torch.optim.Adam": ("torch.optim.AdamW", {}),
    "torch.optim.AdamW": ("torch.optim.AdamW", {}),
    "torch.optim.NAdam": ("torch.optim.NAdam", {"decoupled_weight_decay": True}),
    "torch.optim.Muon": ("torch.optim.Muon", {}),
}


@dataclass(frozen=True)
class Slot:
    """One of Keras' optimizer variables: how its name ends, and its key in PyTorch.

    Its value is the state of each trainable variable, unless ``of`` says otherwise: ``scalar``, one
    for all, which is kept in every parameter group; ``matrix`` or ``other``, of those variables
    alone that Muon makes orthogonal or does not. Adafactor has all three of its own for every
    variable: ``rows`` and ``columns`` (means over the last and the last but one axis) count where
    it has two axes at least and are numbers without use otherwise, ``vector`` where it has fewer.
    """

    keras: str
    torch: str
    of: Literal["weight", "scalar", "matrix", "other", "rows", "columns", "vector"] = "weight"


@dataclass(frozen=True)
class OptimizerCall(Call):
    """The optimizer's class with its options, but for the learning rate, and what else is known.

    ``slots`` are Keras' optimizer variables in the order in which they are made: those of one
    inner tuple in turn for each trainable variable, the next tuple after that. Before them come
    ``iteration`` (the steps done), ``learning_rate`` unless it is a schedule, with ``use_ema`` an
    ``average`` and with accumulation a ``gradient_accumulator`` for each trainable variable.
    ``dense`` is torch's own class where it is exactly the same as long as no gradient is sparse.
    ``plain`` is the nearest of ``torch.optim``, ``differs`` a sentence on what is not the same.
    Of a rule that looks at whole variables, the class has arguments for what differs from Keras
    there: ``joined`` and ``shaped`` say so, and ``adam`` has parts of the paths of variables that
    Muon leaves to Adam.
    """

    slots: tuple[tuple[Slot, ...], ...] = ()
    dense: Call | None = None
    plain: Call | None = None
    differs: str = ""
    joined: bool = False
    shaped: bool = False
    adam: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Averaging:
    """Keras' ``use_ema``: the average of the weights, and how often it takes their place."""

    momentum: float
    overwrite_frequency: int | None


@dataclass(frozen=True)
class Optimizer:
    """All that ``compile(optimizer=...)`` asks for.

    ``call`` is written behind the parameters and the learning rate:
    ``call.source("model.parameters()", "lr=0.001")``. ``learning_rate`` is a number or the call of
    a schedule. ``clip`` is written behind the parameters. ``loss_scale`` is the call of a dynamic
    scale (LossScaleOptimizer), ``loss_scale_factor`` a fixed one. ``accumulation`` is the call of
    what collects gradients, written behind the parameters. ``sparse`` tells whether embeddings must
    have sparse gradients, so that each occurrence of a row counts by itself, as on TensorFlow.
    """

    name: str
    call: OptimizerCall
    learning_rate: float | Call
    clip: Call | None = None
    averaging: Averaging | None = None
    loss_scale: Call | None = None
    loss_scale_factor: float | None = None
    accumulation: Call | None = None
    sparse: bool = False

    def written(self, sparse: bool) -> Call:
        """The class to write: torch's own where it does the same. ``sparse``: some gradient is."""
        return self.call if sparse or self.call.dense is None else self.call.dense


def optimizer_of(value: Any, where: str, backend: str) -> Optimizer:
    """The optimizer as Keras saves it.

    Raises:
        ConfigError: it is spelt in no way that Keras would.
        UnsupportedError: a class, or an option of it, that can't be followed exactly.
    """
    name = value.get("class_name") if isinstance(value, dict) else value
    if name == "LossScaleOptimizer" and isinstance(value, dict):
        return _scaled(value, where, backend)
    if name == "MultiOptimizer":
        raise UnsupportedError(
            f"{where}: MultiOptimizer can't be followed yet, train.py has one optimizer for all "
            "variables; compile the model with one of them"
        )
    entry, options = opened("optimizer", value, where)
    decay = options.float_or_none("weight_decay", WEIGHT_DECAYS.get(entry.names[0]))
    own = options.text("name", entry.names[0])
    usual = LEARNING_RATES.get(entry.names[0], 0.001)
    rate = options.raw("learning_rate", usual)
    found = Optimizer(
        name=own,
        call=_decayed(entry.function(options, backend), decay),
        learning_rate=call_of("schedule", rate, options.where, backend)
        if isinstance(rate, dict)
        else options.float("learning_rate", usual),
        clip=_clip(options),
        averaging=_averaging(options),
        loss_scale_factor=options.float_or_none("loss_scale_factor"),
        accumulation=_accumulation(options),
    )
    for key in ("jit_compile", "is_legacy_optimizer"):  # of Keras 2: how, not what
        options.ignore(key)
    options.require("decay", 0.0, 0.0)  # of Keras 2: a schedule by another name
    options.finish()
    # Keras sums up what it accumulates, and can't unscale a sparse gradient by a fixed factor.
    summed = found.accumulation is not None or found.loss_scale_factor is not None
    return replace(found, sparse=backend == "tensorflow" and not summed)


def betas(options: Config, names: tuple[str, str] = ("beta_1", "beta_2")) -> tuple[float, float]:
    """The shares that two averages keep, each below 1: they are divided by what is left."""
    found = options.rate(names[0], 0.9), options.rate(names[1], 0.999)
    for name, value in zip(names, found, strict=True):
        if value == 1:
            raise options.wrong(name, "a number from 0 to below 1", value)
    return found


def _scaled(value: Mapping[str, Any], where: str, backend: str) -> Optimizer:
    """LossScaleOptimizer: an optimizer, with a scale of the loss that is found while training."""
    options = Config(value.get("config"), f"{where}, LossScaleOptimizer")
    inner = optimizer_of(options.raw("inner_optimizer"), options.where, backend)
    scale = {
        "scale": options.float("initial_scale", 2.0**15),
        "growth_interval": options.int("dynamic_growth_steps", 2000, low=1),
    }
    options.ignore("name")
    options.finish()
    # Keras takes a fixed factor off the optimizer inside.
    return replace(inner, loss_scale=Call("LossScale", (), scale), loss_scale_factor=None)


def _decayed(call: Call, decay: float | None) -> OptimizerCall:
    """The class with Keras' weight decay: w *= 1 - lr * decay before each update."""
    assert isinstance(call, OptimizerCall)
    if not decay:
        return call
    added = {"weight_decay": decay}
    plain, differs = call.plain, call.differs
    if plain is not None and plain.function in DECOUPLED:
        function, more = DECOUPLED[plain.function]
        plain = Call(function, (), {**plain.options, **added, **more})
    elif plain is not None:
        plain = Call(plain.function, (), {**plain.options, **added})
        sentence = f"{plain.function} adds the weight decay to the gradient, Keras shrinks weights"
        differs = f"{differs}; {sentence}" if differs else sentence
    options = {**call.options, **added}
    return replace(call, options=options, dense=None, plain=plain, differs=differs)


def _clip(options: Config) -> Call | None:
    given = {key: options.float_or_none(key) for key in CLIPS}
    found = [(key, bound) for key, bound in given.items() if bound is not None]
    if len(found) > 1:
        raise options.wrong(found[1][0], f"absent beside {found[0][0]}", found[1][1])
    if not found or found[0][1] <= 0:  # Keras clips by none that is not positive
        return None
    ((key, bound),) = found
    return Call(CLIPS[key], (), {"max_value" if key == "clipvalue" else "max_norm": bound})


def _averaging(options: Config) -> Averaging | None:
    used = options.bool("use_ema", False)
    momentum = options.rate("ema_momentum", 0.99)
    frequency = options.int_or_none("ema_overwrite_frequency")
    return Averaging(momentum, frequency or None) if used else None


def _accumulation(options: Config) -> Call | None:
    steps = options.int_or_none("gradient_accumulation_steps")
    if steps is not None and steps == 1:
        raise options.wrong("gradient_accumulation_steps", "at least 2", steps)
    return Call("GradientAccumulator", (), {"steps": steps}) if steps else None
