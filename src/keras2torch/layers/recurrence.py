"""What Keras' LSTM, GRU, SimpleRNN and Bidirectional share: options, weights and the call.

PyTorch's own recurrences compute most of it; what they cannot is run by ``runtime/keras_rnn.py``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from keras2torch.activations import EXPRESSIONS, name_of
from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Module, Tensor, Value
from keras2torch.ir.step import Source, Step
from keras2torch.ir.weights import Weight
from keras2torch.ir.writer import Operand

# Keras' gates in the order of PyTorch's: GRU has z, r, h and PyTorch r, z, n.
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
TORCH = {"LSTM": "nn.LSTM", "GRU": "nn.GRU", "SimpleRNN": "nn.RNN"}
STEP_BY_STEP = {"LSTM": "KerasLSTM", "GRU": "KerasGRU", "SimpleRNN": "KerasRNN"}
RESET = {"LSTM": "reset_lstm", "GRU": "reset_gru", "SimpleRNN": "reset_rnn"}
GRU_ORDER = (1, 0, 2)
STANDARD_START = (
    ("kernel_initializer", "GlorotUniform"),
    ("recurrent_initializer", "Orthogonal"),
    ("bias_initializer", "Zeros"),
)
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


@dataclass(frozen=True)
class Recurrence:
    """The options of one recurrent layer.

    ``gate`` is its recurrent activation; ``standard_start`` tells whether every initializer is
    Keras' default.
    """

    kind: str
    units: int
    use_bias: bool
    activation: str
    gate: str
    reset_after: bool
    dropout: float
    recurrent_dropout: float
    go_backwards: bool
    return_sequences: bool
    return_state: bool
    repeat_output: bool
    unroll: bool
    forget_bias: bool
    standard_start: bool

    @property
    def states(self) -> int:
        """How many state tensors it has."""
        return 2 if self.kind == "LSTM" else 1

    @property
    def in_torch(self) -> bool:
        """Whether ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` computes it."""
        if self.recurrent_dropout:
            return False
        if self.kind == "SimpleRNN":
            return self.activation in ("tanh", "relu")
        return self.reset_after and (self.activation, self.gate) == ("tanh", "sigmoid")


def read(step: Step, kind: str) -> Recurrence:
    """Read a recurrent layer's options."""
    config = step.config
    if config.bool("stateful", False):
        raise step.unsupported("stateful=True, a state that outlives the call,")
    config.ignore("implementation", "seed")  # Keras' ways to compute the same
    forget_bias = config.bool("unit_forget_bias", True) if kind == "LSTM" else False
    gated = kind != "SimpleRNN"
    return Recurrence(
        kind=kind,
        units=config.int("units", low=1),
        use_bias=config.bool("use_bias", True),
        activation=name_of(config.raw("activation", "tanh"), step.where),
        gate=name_of(config.raw("recurrent_activation", "sigmoid"), step.where) if gated else "",
        reset_after=config.bool("reset_after", True) if kind == "GRU" else True,
        dropout=_rate(step, "dropout"),
        recurrent_dropout=_rate(step, "recurrent_dropout"),
        go_backwards=config.bool("go_backwards", False),
        return_sequences=config.bool("return_sequences", False),
        return_state=config.bool("return_state", False),
        repeat_output=not config.bool("zero_output_for_mask", False),
        unroll=config.bool("unroll", False),
        forget_bias=forget_bias,
        standard_start=_standard_start(step) and forget_bias == (kind == "LSTM"),
    )


def _rate(step: Step, key: str) -> float:
    """A dropout rate; Keras brings it into 0 to 1 itself."""
    rate = min(1.0, max(0.0, step.config.float(key, 0.0)))
    if rate == 1.0:  # nothing passes in some of Keras' layers, everything in others
        raise step.unsupported(f"{key}=1.0")
    return rate


def _standard_start(step: Step) -> bool:
    for option, standard in STANDARD_START:
        raw = step.config.raw(option, None)
        if not isinstance(raw, dict) or raw.get("class_name") != standard:
            return False
        options = raw.get("config")
        if not isinstance(options, dict) or options.get("gain", 1.0) != 1.0:
            return False
    return True


def module(
    step: Step, options: Recurrence, size: int, part: str = "", bidirectional: bool = False
) -> Module:
    """The recurrence with these options, its weights to come."""
    extra: dict[str, Any] = {"batch_first": True} if options.in_torch else {}
    if not options.use_bias:
        extra["bias"] = False
    if options.in_torch:
        kind, reset = TORCH[options.kind], f"{RESET[options.kind]}({{0}})"
        if options.kind == "SimpleRNN" and options.activation != "tanh":
            extra["nonlinearity"] = options.activation
        if bidirectional:
            extra["bidirectional"] = True
    else:
        kind, reset = step.helper(STEP_BY_STEP[options.kind]), "{0}.reset_parameters()"
        extra |= _step_by_step(step, options)
    rnn = step.module(kind, size, options.units, part=part, **extra)
    if options.standard_start and step.trainable and not rnn.parameters:
        rnn.reset.append(reset)
        if options.in_torch:
            step.helper(RESET[options.kind])
    return rnn


def _step_by_step(step: Step, options: Recurrence) -> dict[str, Any]:
    """The further arguments of KerasLSTM, KerasGRU and KerasRNN, without those of their default."""
    extra: dict[str, Any] = {}
    if options.activation != "tanh":
        extra["activation"] = _function(step, options.activation)
    if options.gate not in ("sigmoid", ""):
        extra["recurrent_activation"] = _function(step, options.gate)
    if not options.reset_after:
        extra["reset_after"] = False
    if options.recurrent_dropout:
        if options.dropout:
            extra["dropout"] = options.dropout
        extra["recurrent_dropout"] = options.recurrent_dropout
    return extra


def _function(step: Step, name: str) -> Source:
    """The activation as a value: a function, or a module where it takes options."""
    if name in ACTIVATION_HELPERS:
        return Source(step.helper(name))
    if name in ACTIVATION_MODULES:
        return Source(ACTIVATION_MODULES[name])
    function = EXPRESSIONS[name].removesuffix("({0})")
    if not function.replace(".", "").isidentifier():
        raise step.unsupported(f"activation {name!r}")
    return Source(function)


def load(step: Step, options: Recurrence, rnn: Module, size: int, suffix: str) -> None:
    """Take the weights of one direction; ``step`` reads that direction's layer.

    Keras' one bias of an LSTM or SimpleRNN becomes ``bias_ih``; ``bias_hh``, where PyTorch has it,
    is zero and frozen.
    """
    units, gates = options.units, GATES[options.kind]
    cell = step.weights.child("cell")
    kernel = cell.take("kernel", (size, gates * units)).permute(1, 0)
    recurrent = cell.take("recurrent_kernel", (units, gates * units)).permute(1, 0)
    biases: list[tuple[str, Weight, str | None]] = []
    if options.use_bias and options.kind == "GRU" and options.reset_after:
        both = cell.take("bias", (2, gates * units))
        biases = [
            ("bias_ih", both.row(0), "bias_initializer"),
            ("bias_hh", both.row(1), "bias_initializer"),
        ]
    elif options.use_bias:
        bias = cell.take("bias", (gates * units,))
        biases = [("bias_ih", bias, "bias_initializer")]
        if options.in_torch:
            biases.append(("bias_hh", Weight.zeros(bias.shape, bias.dtype), None))
    parameters: list[tuple[str, Weight, str | None]] = [
        ("weight_ih", kernel, "kernel_initializer"),
        ("weight_hh", recurrent, "recurrent_initializer"),
        *biases,
    ]
    for name, weight, initializer in parameters:
        if options.kind == "GRU":
            weight = weight.reorder_rows(GRU_ORDER, "gates z, r, h as r, z, n")
        key = f"{name}{suffix}"
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
    step: Step,
    options: Recurrence,
    rnn: Module,
    x: Tensor,
    initial: list[Tensor],
    hints: tuple[str, ...],
    width: int,
) -> tuple[Value, list[Value]]:
    """The statement that runs the recurrence: its output and its last states.

    ``initial`` are the first states as the module wants them; ``hints`` names of the output and
    the states; ``width`` is the last axis of the output.
    """
    operands: list[Operand] = [rnn, x, *initial]
    state = [f"{{{place}}}" for place in range(2, len(operands))]
    if state and not (options.in_torch and options.states == 1):
        state = [f"({state[0]}, {state[1]})" if options.states == 2 else f"({state[0]},)"]
    function, arguments = "{0}", ["{1}", *state]
    if x.mask is not None:
        mask = f"{{{len(operands)}}}"
        operands.append(x.mask)
        if options.in_torch:
            function, arguments = step.helper("run_masked"), ["{0}", "{1}", mask, *state]
        else:
            arguments.append(f"mask={mask}")
        if not options.repeat_output:
            arguments.append("repeat_output=False")
    target = "{0}, ({1}, {2})" if options.states == 2 else "{0}, {1}"
    if options.return_sequences and not options.return_state:
        target, hints = "{0}, {1}", (hints[0], "state")
    elif not options.in_torch and options.states == 1:
        target = "{0}, ({1},)"
    shape = (*x.shape[:2], width) if options.return_sequences else None
    call = f"{function}({', '.join(arguments)})"
    output, *states = step.unpack(target, hints, call, *operands, shape=shape)
    return output, list(states)


def flipped(step: Step, x: Tensor) -> Tensor:
    """The steps, and their mask, in reverse order."""
    mask = None
    if x.mask is not None:
        kept = replace(x, value=x.mask)
        mask = step.compute("{0}.flip(1)", kept, like=kept, hint=x.mask.hint).value
    return step.compute("{0}.flip(1)", x, like=x, mask=mask)


def initial_tensors(step: Step, initial_state: Any, count: int) -> list[Tensor]:
    """The initial states of a call, as a flat list: none or ``count``."""
    flat = [] if initial_state is None else list(leaves(initial_state))
    if any(not isinstance(tensor, Tensor) for tensor in flat):
        raise step.unsupported("an initial state that is no tensor")
    if flat and len(flat) != count:
        raise step.unsupported(f"an initial state of {len(flat)} tensors instead of {count}")
    return flat


def heard(step: Step, x: Tensor, initial: list[Tensor]) -> Tensor:
    """The input with the mask that the recurrence minds.

    Keras passes an input's own mask on only where the input is the call's only tensor.
    """
    return replace(x, mask=None) if initial and not step.mask_is_explicit else x


def features(step: Step, x: Tensor) -> int:
    """The size of the input's last axis."""
    size = x.shape[-1]
    if size is None or x.rank != 3:
        raise step.unsupported(f"an input of shape {x.shape}")
    return size


def refuse_wrong_zeros(step: Step, options: Recurrence, x: Tensor) -> None:
    """Keras' unrolled loop puts the zeros where the mask would be, were it not reversed."""
    zeros = options.return_sequences and not options.repeat_output
    if x.mask is not None and options.unroll and options.go_backwards and zeros:
        raise step.unsupported("unroll=True, backwards, with zeros for masked steps,")


def direction(
    step: Step, options: Recurrence, x: Tensor, initial: list[Tensor], part: str = ""
) -> tuple[Tensor, list[Tensor]]:
    """One recurrence with its weights, and its run: its output and its last states.

    ``initial`` are the first states, (batch, units) each. The output is the sequence in the order
    of the run, or its last step. ``part`` names one of several recurrences of the layer.
    """
    size = features(step, x)
    drop = _dropout(step, options, part)
    rnn = module(step, options, size, part)
    suffix = "_l0" if options.in_torch else ""
    load(step, options, rnn, size, suffix)
    refuse_wrong_zeros(step, options, x)
    like = replace(x, shape=(x.shape[0], options.units), dtype=step.dtype, mask=None)
    x = step.floating(x, rnn, f"weight_ih{suffix}")
    if drop is not None:
        x = step.compute("{0}({1}.transpose(1, 2)).transpose(1, 2)", drop, x, like=x)
    if options.go_backwards:
        x = flipped(step, x)
    names = ("h", "c")[: options.states]
    prefix = f"{part}_" if part else ""
    if options.in_torch:
        first = [
            step.compute("{0}.unsqueeze(0)", s, like=s, hint=name)
            for s, name in zip(initial, names, strict=False)
        ]
        hints = (part or step.name, *names)
        output, last = run(step, options, rnn, x, first, hints, options.units)
        hints = tuple(f"{prefix or 'state_'}{name}" for name in names)
        if not options.return_state:
            hints = (part or step.name, *hints[1:])
        states = [
            step.compute("{0}[0]", s, like=like, hint=hint)
            for s, hint in zip(last, hints, strict=False)
        ]
    else:
        hints = (part or step.name, *(f"{prefix}{name}" for name in names))
        output, last = run(step, options, rnn, x, initial, hints, options.units)
        states = [replace(like, value=value) for value in last]
    if options.return_sequences:
        return replace(like, value=output, shape=(*x.shape[:2], options.units)), states
    if x.mask is not None and (initial or not options.repeat_output):
        # A sequence of masked steps only puts out zeros, whatever its state.
        whole = replace(like, value=output)
        return step.compute("{0}[:, -1]", whole, like=like, hint=part or step.name), states
    return states[0], states


def _dropout(step: Step, options: Recurrence, part: str) -> Module | None:
    """Dropout of the input before the recurrence.

    Without recurrent dropout all steps and all gates share a mask. So whole features of a sequence
    are dropped, which is what ``nn.Dropout1d`` does to channels.
    """
    if not options.dropout or options.recurrent_dropout:
        return None
    name = f"{part}_dropout" if part else "dropout"
    return step.module("nn.Dropout1d", options.dropout, part=name)


def one_direction(step: Step, kind: str, x: Tensor, initial_state: Any) -> Any:
    """A recurrent layer of its own, from its options to its outputs."""
    options = read(step, kind)
    initial = initial_tensors(step, initial_state, options.states)
    output, states = direction(step, options, heard(step, x, initial), initial)
    if options.return_sequences:
        # Keras hands on the mask as it came, even when the steps go out in reverse order.
        output = replace(output, mask=x.mask)
    return [output, *states] if options.return_state else output
