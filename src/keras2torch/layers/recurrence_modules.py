"""The module of a recurrent cell, with its weights: PyTorch's own where it computes the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras2torch.activations import EXPRESSIONS, name_of
from keras2torch.ir.config import Config
from keras2torch.ir.dtypes import HALVES
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Module
from keras2torch.ir.step import Source, Step
from keras2torch.ir.weights import Weight
from keras2torch.layers.recurrence import Activation, Cell

# Keras' gates in the order of PyTorch's: GRU has z, r, h and PyTorch r, z, n.
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
TORCH = {"LSTM": "nn.LSTM", "GRU": "nn.GRU", "SimpleRNN": "nn.RNN"}
STEP_BY_STEP = {"LSTM": "KerasLSTM", "GRU": "KerasGRU", "SimpleRNN": "KerasRNN"}
RESET = {"LSTM": "reset_lstm", "GRU": "reset_gru", "SimpleRNN": "reset_rnn"}
GRU_ORDER = (1, 0, 2)
# Activations that are no plain function of PyTorch: modules, and functions of runtime/.
ACTIVATION_MODULES = {
    "linear": "nn.Identity()",
    "leaky_relu": "nn.LeakyReLU(0.2)",
    "softmax": "nn.Softmax(dim=-1)",
    "log_softmax": "nn.LogSoftmax(dim=-1)",
}
ACTIVATION_HELPERS = (
    "keras2_hard_sigmoid",
    "hard_sigmoid",
    "softplus",
    "squareplus",
    "sparse_plus",
    "sparse_sigmoid",
)


def module(
    cell: Cell, size: int, part: str = "", *, bidirectional: bool = False, alone: bool = False
) -> Module:
    """The recurrence of this cell, or the cell ``alone``, its weights to come."""
    step = cell.step
    extra: dict[str, Any] = {} if alone or not cell.in_torch else {"batch_first": True}
    if not cell.use_bias:
        extra["bias"] = False
    if cell.in_torch:
        kind = f"{TORCH[cell.kind]}Cell" if alone else TORCH[cell.kind]
        reset = f"{RESET[cell.kind]}({{0}})"
        if cell.kind == "SimpleRNN" and cell.activation != "tanh":
            extra["nonlinearity"] = cell.activation
        if bidirectional:
            extra["bidirectional"] = True
    else:
        kind, reset = step.helper(STEP_BY_STEP[cell.kind]), "{0}.reset_parameters()"
        extra |= step_by_step(cell)
    rnn = step.module(kind, size, cell.units, part=part, **extra)
    if cell.standard_start and step.trainable and not rnn.parameters:
        rnn.reset += starts(step, reset)
        if cell.in_torch:
            step.helper(RESET[cell.kind])
    return rnn


def starts(step: Step, reset: str) -> list[str]:
    """The statements that start a module; torch finds orthogonal matrices in float32 at least."""
    kept = step.precision.kept
    return ["{0}.float()", reset, f"{{0}}.to(torch.{kept})"] if kept in HALVES else [reset]


def step_by_step(cell: Cell) -> dict[str, Any]:
    """The further arguments of KerasLSTM, KerasGRU and KerasRNN, without those of their default."""
    extra: dict[str, Any] = {}
    if cell.activation != "tanh":
        extra["activation"] = function(cell.step, cell.activation)
    if cell.gate not in ("sigmoid", ""):
        extra["recurrent_activation"] = function(cell.step, cell.gate)
    if not cell.reset_after:
        extra["reset_after"] = False
    if cell.dropout and (cell.per_gate or cell.recurrent_dropout):
        extra["dropout"] = cell.dropout
    if cell.recurrent_dropout:
        extra["recurrent_dropout"] = cell.recurrent_dropout
    return extra


def function(step: Step, activation: Activation) -> Source:
    """The activation as a value: a function, or a module where it takes options."""
    if isinstance(activation, Mapping):
        return _layer(step, activation)
    if activation in ACTIVATION_HELPERS:
        return Source(step.helper(activation))
    if activation in ACTIVATION_MODULES:
        return Source(ACTIVATION_MODULES[activation])
    if activation == "sparsemax":
        return Source(f"partial({step.helper('sparsemax')}, dim=-1)")
    name = EXPRESSIONS[activation].removesuffix("({0})")
    if not name.replace(".", "").isidentifier():
        raise step.unsupported(f"activation {activation!r}")
    return Source(name)


def _layer(step: Step, activation: Mapping[str, Any]) -> Source:
    """An activation that is a layer itself, without weights."""
    part = step.part("activation", "activation", activation)
    config, kind = part.config, activation.get("class_name")
    config.ignore("trainable")
    if kind == "Activation":
        source = function(step, name_of(config.raw("activation"), part.where))
    elif kind == "LeakyReLU":
        source = Source(f"nn.LeakyReLU({literal(config.float('negative_slope', 0.3))})")
    elif kind == "ELU":
        source = Source(f"nn.ELU({literal(config.float('alpha', 1.0))})")
    elif kind == "Softmax":
        config.require("axis", -1, -1)
        source = Source(ACTIVATION_MODULES["softmax"])
    elif kind == "ReLU":
        source = _relu(step, config)
    else:
        raise part.unsupported("an activation that is a layer of this class")
    part.finish()
    return source


def _relu(step: Step, config: Config) -> Source:
    slope = config.float("negative_slope", 0.0)
    highest = config.float_or_none("max_value")
    threshold = config.float("threshold", 0.0)
    if highest is None and not threshold:
        return Source(f"nn.LeakyReLU({literal(slope)})" if slope else "torch.relu")
    options = f"negative_slope={literal(slope)}, max_value={literal(highest)}"
    name = step.helper("thresholded_relu")
    return Source(f"partial({name}, {options}, threshold={literal(threshold)})")


def load(cell: Cell, rnn: Module, size: int, suffix: str) -> None:
    """Take the cell's weights.

    Keras' one bias of an LSTM or SimpleRNN becomes ``bias_ih``; ``bias_hh``, where PyTorch has it,
    is zero and frozen.
    """
    units, gates, weights = cell.units, GATES[cell.kind], cell.weights
    kernel = weights.take("kernel", (size, gates * units)).permute(1, 0)
    recurrent = weights.take("recurrent_kernel", (units, gates * units)).permute(1, 0)
    parameters: list[tuple[str, Weight, str | None]] = [
        ("weight_ih", kernel, "kernel_initializer"),
        ("weight_hh", recurrent, "recurrent_initializer"),
    ]
    if cell.use_bias and cell.kind == "GRU" and cell.reset_after:
        both = weights.take("bias", (2, gates * units))
        parameters += [
            ("bias_ih", both.row(0), "bias_initializer"),
            ("bias_hh", both.row(1), "bias_initializer"),
        ]
    elif cell.use_bias:
        bias = weights.take("bias", (gates * units,))
        parameters.append(("bias_ih", bias, "bias_initializer"))
        if cell.in_torch:
            parameters.append(("bias_hh", Weight.zeros(bias.shape, bias.dtype), None))
    if cell.kind == "GRU":
        parameters = [
            (name, weight.reorder_rows(GRU_ORDER, "gates z, r, h as r, z, n"), initializer)
            for name, weight, initializer in parameters
        ]
    give(cell, rnn, parameters, suffix)


def give(
    cell: Cell, rnn: Module, parameters: list[tuple[str, Weight, str | None]], suffix: str = ""
) -> None:
    """Hand a module its parameters, each with the option that says how it starts."""
    step = cell.step
    for name, weight, initializer in parameters:
        key = f"{name}{suffix}"
        if cell.standard_start and initializer is not None:
            step.config.ignore(initializer)
            initializer = None
        explicit = not cell.standard_start and step.trainable and key not in rnn.parameters
        step.parameter(rnn, key, weight, initializer)
        if weight.keras is None:
            rnn.frozen.add(key)
            if explicit:
                rnn.reset.append(f"nn.init.zeros_({{0}}.{key}.requires_grad_(False))")
        elif name == "bias_ih" and cell.forget_bias and explicit:
            ones = f"{{0}}.{key}.data[{cell.units}:{2 * cell.units}]"
            rnn.reset.append(f"nn.init.ones_({ones})")
    if not cell.use_bias:
        step.config.ignore("bias_initializer")
