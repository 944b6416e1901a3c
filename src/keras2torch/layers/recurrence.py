"""What Keras' recurrent layers share: the options of a layer and of its cells, and its states.

``recurrence_modules.py`` makes the modules of a cell, ``recurrence_run.py`` runs them over time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from keras2torch.activations import name_of
from keras2torch.errors import ConfigError, quoted
from keras2torch.ir.build import snake_case
from keras2torch.ir.graph import leaves
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.weights import Weights

CELLS = {"LSTMCell": "LSTM", "GRUCell": "GRU", "SimpleRNNCell": "SimpleRNN"}
CONV_LAYERS = ("ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")
LAYERS = ("LSTM", "GRU", "SimpleRNN", "RNN", *CONV_LAYERS)
MOST_CELLS = 64  # of one stack
STANDARD_START = (
    ("kernel_initializer", "GlorotUniform"),
    ("recurrent_initializer", "Orthogonal"),
    ("bias_initializer", "Zeros"),
)
# An activation by its name, or the config of a layer that is one.
Activation = str | Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """The options of one recurrent cell, of its own or inside a layer.

    ``kind`` is its class without "Cell", or a ConvLSTM's; ``units`` the latter's filters.
    ``step`` reads the options, ``weights`` has the variables. ``gate`` is the recurrent
    activation. ``per_gate`` tells whether every gate has dropout masks of its own,
    ``standard_start`` whether every initializer is Keras' default.
    """

    step: Step = field(compare=False)
    weights: Weights = field(compare=False)
    kind: str
    units: int
    use_bias: bool
    activation: Activation
    gate: Activation
    reset_after: bool
    dropout: float
    recurrent_dropout: float
    per_gate: bool
    forget_bias: bool
    standard_start: bool

    @property
    def states(self) -> int:
        """How many state tensors it has."""
        return 1 if self.kind in ("GRU", "SimpleRNN") else 2

    @property
    def in_torch(self) -> bool:
        """Whether ``nn.LSTM``, ``nn.GRU`` or ``nn.RNN`` computes it."""
        if self.recurrent_dropout or (self.per_gate and self.dropout):
            return False
        if self.kind == "SimpleRNN":
            return self.activation in ("tanh", "relu")
        if self.kind in CONV_LAYERS:
            return False
        return self.reset_after and (self.activation, self.gate) == ("tanh", "sigmoid")


@dataclass(frozen=True)
class Recurrence:
    """The options of one recurrent layer.

    ``cells`` are stacked: each runs over the outputs of the one before it.
    """

    cells: tuple[Cell, ...]
    go_backwards: bool
    return_sequences: bool
    return_state: bool
    repeat_output: bool
    unroll: bool
    stateful: bool

    @property
    def states(self) -> int:
        """How many state tensors it has."""
        return sum(cell.states for cell in self.cells)

    @property
    def units(self) -> int:
        """The size of its outputs."""
        return self.cells[-1].units

    @property
    def zeros_in_input_order(self) -> bool:
        """Keras' unrolled loop puts the zeros where the mask would have them, were it not
        reversed."""
        backwards = self.unroll and self.go_backwards
        return backwards and self.return_sequences and not self.repeat_output


def read(step: Step, kind: str) -> Recurrence:
    """Read a recurrent layer's options."""
    config = step.config
    if kind == "RNN":
        raw = config.raw("cell")
        class_name = raw.get("class_name") if isinstance(raw, Mapping) else None
        cells = read_cells(step.part("cell", "cell", raw), str(class_name))
    else:
        if kind in CONV_LAYERS:  # their cell is made without the layer's flag
            step.trainable = step.model_trainable
        cells = (read_cell(step, kind, step.weights.child("cell")),)
    config.ignore("use_cudnn")  # another way to compute the same
    return Recurrence(
        cells=cells,
        go_backwards=config.bool("go_backwards", False),
        return_sequences=config.bool("return_sequences", False),
        return_state=config.bool("return_state", False),
        repeat_output=not config.bool("zero_output_for_mask", False),
        unroll=config.bool("unroll", False),
        stateful=config.bool("stateful", False),
    )


def read_cells(step: Step, class_name: str) -> tuple[Cell, ...]:
    """A cell, or the cells of a stack; ``step`` reads its options."""
    if class_name in CELLS:
        return (read_cell(step, CELLS[class_name], step.weights),)
    if class_name != "StackedRNNCells":
        raise step.unsupported(f"a cell of class {quoted(class_name)}, which is not Keras' own,")
    raw = step.config.raw("cells")
    if not isinstance(raw, list) or not 0 < len(raw) <= MOST_CELLS:
        raise ConfigError(f"{step.where}: option 'cells' must be a list of up to {MOST_CELLS}")
    found: list[Cell] = []
    counts: dict[str, int] = {}
    for number, options in enumerate(raw):
        kind = str(options.get("class_name")) if isinstance(options, Mapping) else ""
        key = snake_case(kind)
        count = counts.get(key, 0)
        counts[key] = count + 1
        child = f"cells/{key}_{count}" if count else f"cells/{key}"
        found += read_cells(step.part(f"cell {number}", child, options), kind)
    step.config.finish()
    return tuple(found)


def read_cell(step: Step, kind: str, weights: Weights) -> Cell:
    """Read the options of one cell, which may stand among its layer's."""
    config = step.config
    config.ignore("seed")
    gated = kind != "SimpleRNN"
    convolves = kind in CONV_LAYERS
    has_forget_bias = kind == "LSTM" or convolves
    forget_bias = config.bool("unit_forget_bias", True) if has_forget_bias else False
    dropout = _rate(step, "dropout")
    recurrent_dropout = _rate(step, "recurrent_dropout")
    per_gate = config.raw("implementation", 2) == 1 or recurrent_dropout > 0 or convolves
    if gated:  # these cells drop nothing at a rate of 1
        dropout, recurrent_dropout = dropout % 1.0, recurrent_dropout % 1.0
    return Cell(
        step=step,
        weights=weights,
        kind=kind,
        units=config.int("filters" if convolves else "units", low=1),
        use_bias=config.bool("use_bias", True),
        activation=_activation(step, "activation", "tanh"),
        gate=_activation(step, "recurrent_activation", "sigmoid") if gated else "",
        reset_after=config.bool("reset_after", True) if kind == "GRU" else True,
        dropout=dropout,
        recurrent_dropout=recurrent_dropout,
        per_gate=per_gate and gated,
        forget_bias=forget_bias,
        standard_start=_standard_start(step) and forget_bias == has_forget_bias,
    )


def _activation(step: Step, option: str, default: str) -> Activation:
    raw = step.config.raw(option, default)
    if isinstance(raw, Mapping) and raw.get("class_name") != "function":
        return raw
    return name_of(raw, step.where)


def _rate(step: Step, key: str) -> float:
    """A dropout rate; Keras brings it into 0 to 1 itself."""
    return min(1.0, max(0.0, step.config.float(key, 0.0)))


def _standard_start(step: Step) -> bool:
    for option, standard in STANDARD_START:
        raw = step.config.raw(option, None)
        if not isinstance(raw, dict) or raw.get("class_name") != standard:
            return False
        options = raw.get("config")
        if not isinstance(options, dict) or options.get("gain", 1.0) != 1.0:
            return False
    return True


def finish(layer: Recurrence) -> None:
    """Refuse what was left unread in the cells' own options."""
    for cell in layer.cells:
        cell.step.finish()


def initial_tensors(step: Step, initial_state: Any, count: int) -> list[Tensor]:
    """The initial states of a call, as a flat list: none or ``count``."""
    flat = [] if initial_state is None else list(leaves(initial_state))
    if flat and len(flat) != count:
        raise step.unsupported(f"an initial state of {len(flat)} tensors instead of {count}")
    if any(not isinstance(tensor, Tensor) for tensor in flat):
        raise step.unsupported("an initial state that is no tensor")
    return [step.floating(tensor) for tensor in flat]


def heard(step: Step, x: Tensor, initial: list[Tensor]) -> Tensor:
    """The input with the mask that the recurrence minds.

    Keras passes an input's own mask on only where the input is the call's only tensor.
    """
    if x.mask is None or (initial and not step.mask_is_explicit):
        return replace(x, mask=None)
    shape = step.shape_of(x.mask)
    if shape is None or len(shape) == 2 or len(shape) == x.rank - 1 > 2:
        return x
    if len(shape) != 3 or shape[2] != 1:
        raise step.unsupported(f"a mask of shape {shape}")
    flags = Tensor(x.mask, shape, "bool")
    mask = step.compute("{0}.squeeze(2)", flags, like=flags, shape=shape[:2], hint="mask")
    return replace(x, mask=mask.value)


def features(step: Step, x: Tensor, rank: int = 3) -> int:
    """The size of the input's last axis."""
    size = x.shape[-1]
    if size is None or x.rank != rank:
        raise step.unsupported(f"an input of shape {x.shape}")
    return size
