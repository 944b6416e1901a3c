"""What Keras' LSTM, GRU, SimpleRNN and Bidirectional share: their options and their weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from keras2torch.activations import name_of
from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Module, Tensor, Value
from keras2torch.ir.step import Step
from keras2torch.ir.weights import Weight

# Keras' gates in the order of PyTorch's: GRU has z, r, h and PyTorch r, z, n.
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
TORCH = {"LSTM": "nn.LSTM", "GRU": "nn.GRU", "SimpleRNN": "nn.RNN"}
GRU_ORDER = (1, 0, 2)
STANDARD_START = ("GlorotUniform", "Orthogonal", "Zeros")


@dataclass(frozen=True)
class Recurrence:
    """The options of one recurrent layer.

    ``start`` tells whether every initializer is Keras' default.
    """

    kind: str
    units: int
    use_bias: bool
    activation: str
    go_backwards: bool
    return_sequences: bool
    return_state: bool
    repeat_output: bool
    forget_bias: bool
    standard_start: bool

    @property
    def states(self) -> int:
        """How many state tensors it has."""
        return 2 if self.kind == "LSTM" else 1


def read(step: Step, kind: str) -> Recurrence:
    """Read a recurrent layer's options.

    Raises:
        UnsupportedError: an option with which PyTorch's own recurrences are not exact.
    """
    config = step.config
    activation = name_of(config.raw("activation", "tanh"), step.where)
    if kind == "SimpleRNN":
        if activation not in ("tanh", "relu"):
            raise step.unsupported(f"activation={activation!r}")
    else:
        gate = name_of(config.raw("recurrent_activation", "sigmoid"), step.where)
        if (activation, gate) != ("tanh", "sigmoid"):
            raise step.unsupported(f"activation={activation!r}, recurrent_activation={gate!r}")
    if kind == "GRU":
        config.require("reset_after", True, True)
    config.require("stateful", False, False)
    for key in ("dropout", "recurrent_dropout"):
        if config.float(key, 0.0) != 0.0:
            raise step.unsupported(f"{key}={config.float(key)}")
    config.bool("unroll", False)  # how Keras runs it, not what it computes
    config.ignore("implementation", "seed")
    starts = [
        config.raw(f"{key}_initializer", None) for key in ("kernel", "recurrent", "bias")
    ]
    names = tuple(s.get("class_name") if isinstance(s, dict) else None for s in starts)
    forget_bias = config.bool("unit_forget_bias", True) if kind == "LSTM" else False
    return Recurrence(
        kind=kind,
        units=config.int("units", low=1),
        use_bias=config.bool("use_bias", True),
        activation=activation,
        go_backwards=config.bool("go_backwards", False),
        return_sequences=config.bool("return_sequences", False),
        return_state=config.bool("return_state", False),
        repeat_output=not config.bool("zero_output_for_mask", False),
        forget_bias=forget_bias,
        standard_start=names == STANDARD_START and forget_bias == (kind == "LSTM"),
    )


def module(step: Step, options: Recurrence, size: int, bidirectional: bool) -> Module:
    """PyTorch's own recurrence with these options, its weights to come."""
    extra: dict[str, Any] = {"batch_first": True}
    if not options.use_bias:
        extra["bias"] = False
    if options.kind == "SimpleRNN" and options.activation != "tanh":
        extra["nonlinearity"] = options.activation
    if bidirectional:
        extra["bidirectional"] = True
    rnn = step.module(TORCH[options.kind], size, options.units, **extra)
    if options.standard_start and step.trainable and not rnn.parameters:
        name = {"LSTM": "reset_lstm", "GRU": "reset_gru", "SimpleRNN": "reset_rnn"}[options.kind]
        rnn.reset.append(f"{step.helper(name)}({{0}})")
    return rnn


def load(step: Step, options: Recurrence, rnn: Module, size: int, suffix: str) -> None:
    """Take the weights of one direction; ``step`` reads that direction's layer.

    Keras' one bias of an LSTM or SimpleRNN becomes ``bias_ih``; ``bias_hh`` is zero and frozen.
    """
    units, gates = options.units, GATES[options.kind]
    cell = step.weights.child("cell")
    kernel = cell.take("kernel", (size, gates * units)).permute(1, 0)
    recurrent = cell.take("recurrent_kernel", (units, gates * units)).permute(1, 0)
    biases: list[tuple[str, Weight, str | None]] = []
    if options.use_bias and options.kind == "GRU":
        both = cell.take("bias", (2, gates * units))
        biases = [
            ("bias_ih", both.row(0), "bias_initializer"),
            ("bias_hh", both.row(1), "bias_initializer"),
        ]
    elif options.use_bias:
        bias = cell.take("bias", (gates * units,))
        second = Weight.zeros(bias.shape, bias.dtype)
        biases = [("bias_ih", bias, "bias_initializer"), ("bias_hh", second, None)]
    parameters: list[tuple[str, Weight, str | None]] = [
        ("weight_ih", kernel, "kernel_initializer"),
        ("weight_hh", recurrent, "recurrent_initializer"),
        *biases,
    ]
    for name, weight, initializer in parameters:
        if options.kind == "GRU":
            weight = weight.reorder_rows(GRU_ORDER, "gates z, r, h as r, z, n")
        key = f"{name}_{suffix}"
        if options.standard_start and initializer is not None:
            step.config.ignore(initializer)
            initializer = None
        explicit = not options.standard_start and step.trainable and key not in rnn.parameters
        step.parameter(rnn, key, weight, initializer)
        if weight.keras is None:
            rnn.frozen.add(key)
            if explicit:
                rnn.reset.append(f"nn.init.zeros_({{0}}.{key}.requires_grad_(False))")
        elif name == "bias_ih" and options.forget_bias and explicit:
            rnn.reset.append(f"nn.init.ones_({{0}}.{key}.data[{units}:{2 * units}])")
    if not options.use_bias:
        step.config.ignore("bias_initializer")


def run(
    step: Step, options: Recurrence, rnn: Module, x: Tensor, initial: list[Tensor], width: int
) -> tuple[Value, list[Value]]:
    """The statement that runs the recurrence: its output and its last states.

    ``initial`` are the first states as one tensor each, (directions, batch, units); ``width`` is
    the last axis of the output.
    """
    target = "{0}, ({1}, {2})" if options.kind == "LSTM" else "{0}, {1}"
    hints = (step.name, "h", "c")[: options.states + 1]
    operands: list[Tensor | Module | Value] = [rnn, x]
    arguments = "{1}"
    # Keras passes an input's own mask on only where the input is the call's only tensor.
    mask = None if initial and not step.mask_is_explicit else x.mask
    if mask is not None:
        operands.append(mask)
        arguments = "{0}, {1}, {2}"
    if initial:
        first = len(operands)
        operands += initial
        names = ", ".join(f"{{{first + place}}}" for place in range(len(initial)))
        arguments += f", ({names})" if options.kind == "LSTM" else f", {names}"
    if mask is None:
        expression = f"{{0}}({arguments})"
    else:
        zeros = "" if options.repeat_output else ", repeat_output=False"
        expression = f"{step.helper('run_masked')}({arguments}{zeros})"
    shape = (*x.shape[:2], width) if options.return_sequences else None
    output, *states = step.unpack(target, hints, expression, *operands, shape=shape)
    return output, list(states)


def flipped(step: Step, x: Tensor) -> Tensor:
    """The steps, and their mask, in reverse order."""
    mask = None
    if x.mask is not None:
        kept = replace(x, value=x.mask)
        mask = step.compute("{0}.flip(1)", kept, like=kept, hint=x.mask.hint).value
    return step.compute("{0}.flip(1)", x, like=x, mask=mask)


def initial_tensors(step: Step, initial_state: Any) -> list[Tensor]:
    """The initial states of a call, as a flat list."""
    flat = [] if initial_state is None else list(leaves(initial_state))
    if any(not isinstance(tensor, Tensor) for tensor in flat):
        raise step.unsupported("an initial state that is no tensor")
    return flat


def one_direction(step: Step, kind: str, x: Tensor, initial_state: Any) -> Any:
    """A recurrent layer of its own, from its options to its outputs."""
    options = read(step, kind)
    size = x.shape[-1]
    if size is None or x.rank != 3:
        raise step.unsupported(f"an input of shape {x.shape}")
    rnn = module(step, options, size, bidirectional=False)
    load(step, options, rnn, size, "l0")
    batch = x.shape[0]
    state_like = replace(x, shape=(batch, options.units), dtype="float32", mask=None)
    x = step.floating(x, rnn, "weight_ih_l0")
    initial = [
        step.compute("{0}.unsqueeze(0)", s, like=s, hint=name)
        for s, name in zip(initial_tensors(step, initial_state), ("h", "c"), strict=False)
    ]
    if options.go_backwards:
        x = flipped(step, x)
    output, states = run(step, options, rnn, x, initial, options.units)
    last = [step.compute("{0}[0]", s, like=state_like, hint=f"state_{s.hint}") for s in states]
    if options.return_sequences:
        shape = (*x.shape[:2], options.units)
        sequence = replace(x, value=output, shape=shape)
        return [sequence, *last] if options.return_state else sequence
    final = step.compute("{0}[0]", states[0], like=state_like)
    return [final, *last] if options.return_state else final
