"""Keras' ConvLSTM1D, ConvLSTM2D and ConvLSTM3D."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Module, Tensor
from keras2torch.ir.step import Step
from keras2torch.ir.weights import Weight
from keras2torch.layers import recurrence, recurrence_modules, recurrence_run
from keras2torch.layers.recurrence import Cell, Recurrence
from keras2torch.layers.window import Window, short, torch_pad
from keras2torch.registry import example, layer


@layer(
    "ConvLSTM1D",
    any_order=True,
    masks="own",
    examples=[
        example({"filters": 3, "kernel_size": 3, "return_sequences": True}, (None, 6, 2)),
        example(
            {
                "filters": 3,
                "kernel_size": 2,
                "padding": "same",
                "strides": 2,
                "dropout": 0.2,
                "recurrent_dropout": 0.3,
                "return_state": True,
                "bias_initializer": "ones",
            },
            (3, 7, 2),
        ),
        example(
            {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "unit_forget_bias": False},
            (3, 6, 2),
        ),
    ],
)
def conv_lstm1d(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """An LSTM over sequences of sequences, whose products are convolutions."""
    return _conv_lstm(step, "ConvLSTM1D", x, initial_state)


@layer(
    "ConvLSTM2D",
    any_order=True,
    masks="own",
    examples=[
        example({"filters": 3, "kernel_size": 3, "padding": "same"}, (3, 4, 5, 2)),
        example(
            {
                "filters": 2,
                "kernel_size": [2, 3],
                "strides": [1, 2],
                "padding": "same",
                "return_sequences": True,
                "return_state": True,
                "go_backwards": True,
            },
            (3, 4, 5, 2),
        ),
        example(
            {"filters": 2, "kernel_size": 2, "use_bias": False, "activation": "relu"},
            (3, 4, 5, 2),
            call={"initial_state": [(3, 4, 2), (3, 4, 2)]},
        ),
    ],
)
def conv_lstm2d(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """An LSTM over sequences of images, whose products are convolutions."""
    return _conv_lstm(step, "ConvLSTM2D", x, initial_state)


@layer(
    "ConvLSTM3D",
    any_order=True,
    masks="own",
    examples=[
        example({"filters": 2, "kernel_size": 2, "padding": "same"}, (2, 3, 4, 3, 2)),
        example({"filters": 2, "kernel_size": [1, 2, 2], "trainable": False}, (2, 2, 3, 3, 2)),
        example(
            {
                "filters": 2,
                "kernel_size": 2,
                "data_format": "channels_first",
                "return_sequences": True,
                "return_state": True,
            },
            (2, 2, 3, 4, 3),
            call={"initial_state": [(2, 2, 3, 2), (2, 2, 3, 2)]},
        ),
    ],
)
def conv_lstm3d(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """An LSTM over sequences of volumes, whose products are convolutions."""
    return _conv_lstm(step, "ConvLSTM3D", x, initial_state)


def _conv_lstm(step: Step, kind: str, x: Tensor, initial_state: Any) -> Any:
    options = recurrence.read(step, kind)
    initial = recurrence.initial_tensors(step, initial_state, 2)
    output, states = direction(step, options, recurrence.heard(step, x, initial), initial)
    if options.return_sequences:
        output = replace(output, mask=x.mask)
    return [output, *states] if options.return_state else output


def direction(
    step: Step, options: Recurrence, x: Tensor, initial: list[Tensor], part: str = ""
) -> tuple[Tensor, list[Tensor]]:
    """One convolutional LSTM with its weights, and its run: its output and its last states.

    ``initial`` are the first states, images each. The output is the sequence in the order of the
    run, or its last step. ``part`` names one of two recurrences of the layer.
    """
    (cell,) = options.cells
    rank = int(cell.kind[-2])
    if x.rank != rank + 3:
        raise step.unsupported(f"an input of shape {x.shape}")
    order, image = _orders(step, rank)
    if order is None and x.mask is not None and len(step.shape_of(x.mask) or ()) > 2:
        raise step.unsupported("a mask of single places, with channels first,")
    x = step.ordered(step.floating(x), order)
    given = [step.ordered(state, image) for state in initial]
    rnn, sizes = _module(step, cell, x, part)
    mask = x.mask
    if options.go_backwards:
        x = recurrence_run.flipped(step, x)
    kept = recurrence_run.keeper(step, options, part)
    hint = part or step.name
    names = tuple(f"{part}_{name}" if part else name for name in ("h", "c"))
    memory = (x.shape[0], cell.units, *sizes)
    shape = (*x.shape[:2], *memory[1:])
    output, last = recurrence_run.run(
        step, options, cell, rnn, x, given, (hint, *names), shape, kept
    )
    one = Tensor(output, _as_keras(memory, image), step.dtype, image)
    whole = Tensor(output, _as_keras(shape, order), step.dtype, order)
    states = [replace(one, value=value) for value in last]
    if not options.return_sequences:
        if x.mask is not None and (given or kept is not None or not options.repeat_output):
            # A sequence of masked steps only puts out zeros, whatever its state.
            return step.compute("{0}[:, -1]", whole, like=one, hint=hint), states
        return states[0], states
    if mask is not None and options.zeros_in_input_order:
        whole = recurrence_run.zeroed(step, whole, mask)
    return whole, states


def _orders(step: Step, rank: int) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """How sequences of images, and images, lie in memory: channels first."""
    formats = ("channels_last", "channels_first")
    if step.config.choice("data_format", formats, "channels_last") == "channels_first":
        return None, None
    return (0, 1, rank + 2, *range(2, rank + 2)), (0, rank + 1, *range(1, rank + 1))


def _as_keras(memory: Shape, order: tuple[int, ...] | None) -> Shape:
    """Keras' shape of a tensor with this shape and order in memory."""
    if order is None:
        return memory
    return tuple(memory[order.index(axis)] for axis in range(len(order)))


def _module(step: Step, cell: Cell, x: Tensor, part: str) -> tuple[Module, Shape]:
    """The module with its weights, and the sizes of its images."""
    config, rank = step.config, x.rank - 3
    window = Window(
        config.window("kernel_size", rank),
        config.window("strides", rank, 1),
        config.window("dilation_rate", rank, 1),
    )
    padding = config.choice("padding", ("valid", "same"), "valid")
    channels, *sizes = x.memory_shape[2:]
    if channels is None or None in sizes:
        raise step.unsupported(f"an input of shape {x.shape}, with sizes that are not known,")
    extra = recurrence_modules.step_by_step(cell)
    if not cell.use_bias:
        extra["bias"] = False
    if set(window.stride) != {1}:
        extra["stride"] = short(window.stride)
    if set(window.dilation) != {1}:
        extra["dilation"] = short(window.dilation)
    pads = [choice[0] for choice in window.same_paddings(tuple(sizes))]
    if padding == "same" and any(map(any, pads)):
        extra["padding"] = torch_pad(pads)
    rnn = step.module(
        step.helper("ConvLSTM"), channels, cell.units, kernel_size=window.size, part=part, **extra
    )
    if cell.standard_start and step.trainable and not rnn.parameters:
        rnn.reset += recurrence_modules.starts(step, "{0}.reset_parameters()")
    _load(cell, rnn, window, channels)
    return rnn, window.output(step, tuple(sizes), padding)


def _load(cell: Cell, rnn: Module, window: Window, channels: int) -> None:
    """Take the weights: (*window, in, 4 * filters) as (4 * filters, in, *window)."""
    rank, weights, gates = len(window.size), cell.weights, 4 * cell.units
    axes = (rank + 1, rank, *range(rank))
    kernel = weights.take("kernel", (*window.size, channels, gates)).permute(*axes)
    recurrent = weights.take("recurrent_kernel", (*window.size, cell.units, gates)).permute(*axes)
    parameters: list[tuple[str, Weight, str | None]] = [
        ("weight_ih", kernel, "kernel_initializer"),
        ("weight_hh", recurrent, "recurrent_initializer"),
    ]
    if cell.use_bias:
        parameters.append(("bias_ih", weights.take("bias", (gates,)), "bias_initializer"))
    recurrence_modules.give(cell, rnn, parameters)
