"""The statements that run recurrent layers over time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Module, Tensor, Value
from keras2torch.ir.step import Step
from keras2torch.ir.writer import Operand
from keras2torch.layers import recurrence, recurrence_modules
from keras2torch.layers.recurrence import Cell, Recurrence


def run(
    step: Step,
    layer: Recurrence,
    cell: Cell,
    rnn: Module,
    x: Tensor,
    initial: list[Tensor],
    hints: tuple[str, ...],
    shape: Shape,
    kept: Module | None = None,
) -> tuple[Value, list[Value]]:
    """The statement that runs the recurrence: its output and its last states.

    ``initial`` are the first states as the module wants them; ``kept`` keeps them between calls;
    ``hints`` has names of the output and the states; ``shape`` is the whole sequence's in memory.
    """
    operands: list[Operand] = [rnn, x, *initial]
    state = [f"{{{place}}}" for place in range(2, len(operands))]
    if state and not (cell.in_torch and cell.states == 1):
        state = [f"({state[0]}, {state[1]})" if cell.states == 2 else f"({state[0]},)"]
    keeper = f"{{{len(operands)}}}"
    if kept is not None:
        operands.append(kept)
        state = state or [f"{keeper}()"]
    function, arguments = "{0}", ["{1}", *state]
    if x.mask is not None:
        mask = f"{{{len(operands)}}}"
        operands.append(x.mask)
        if cell.in_torch:
            function, arguments = step.helper("run_masked"), ["{0}", "{1}", mask, *state]
        else:
            arguments.append(f"mask={mask}")
        if not layer.repeat_output and not layer.zeros_in_input_order:
            arguments.append("repeat_output=False")
    target, hints = _targets(layer, cell, hints)
    call = f"{function}({', '.join(arguments)})"
    if kept is not None:
        call = f"{keeper}.keep({call})"
    told = shape if layer.return_sequences else None
    output, *states = step.unpack(target, hints, call, *operands, shape=told)
    return output, list(states)


def _targets(layer: Recurrence, cell: Cell, hints: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The pattern that a run is assigned to, and the names of what it has."""
    if layer.return_sequences and not layer.return_state:
        return "{0}, {1}", (hints[0], "state")
    if cell.states == 2:
        return "{0}, ({1}, {2})", hints
    return "{0}, {1}" if cell.in_torch else "{0}, ({1},)", hints


def flipped(step: Step, x: Tensor) -> Tensor:
    """The steps, and their mask, in reverse order."""
    mask = None
    if x.mask is not None:
        flags = Tensor(x.mask, x.shape[:2], "bool")
        mask = step.compute("{0}.flip(1)", flags, like=flags, hint=x.mask.hint).value
    return step.compute("{0}.flip(1)", x, like=x, mask=mask)


def keeper(step: Step, layer: Recurrence, part: str = "") -> Module | None:
    """The module that keeps the states of a stateful layer."""
    if not layer.stateful:
        return None
    step.helper("reset_states")
    return step.module(step.helper("LastState"), part=f"{part}_state" if part else "state")


def direction(
    step: Step, layer: Recurrence, x: Tensor, initial: list[Tensor], part: str = ""
) -> tuple[Tensor, list[Tensor]]:
    """One recurrent layer with its weights, and its run: its output and its last states.

    ``initial`` are the first states, (batch, units) each. The output is the sequence in the order
    of the run, or its last step. ``part`` names one of several recurrences of the layer.
    """
    mask, states = x.mask, []
    for number, cell in enumerate(layer.cells):
        name = part
        if len(layer.cells) > 1:
            name = f"{part}_{number}" if part else str(number)
        last = number == len(layer.cells) - 1
        own = layer if last else replace(layer, return_sequences=True, repeat_output=True)
        first, initial = initial[: cell.states], initial[cell.states :]
        if number == 0 and layer.go_backwards:
            x = flipped(step, drop_input(cell, x, name))
        else:
            x = drop_input(cell, x, name)
        flipped_mask = x.mask
        x, found = _run_cell(step, own, cell, x, first, name, part or step.name)
        x = x if last else replace(x, mask=flipped_mask)
        states += found
    if mask is not None and layer.zeros_in_input_order:
        x = zeroed(step, x, mask)
    return x, states


def zeroed(step: Step, x: Tensor, mask: Value) -> Tensor:
    """The sequence with zeros for the steps that are masked."""
    axes = ", ".join(["None"] * (x.rank - 2))
    return step.compute(f"torch.where({{0}}[:, :, {axes}], {{1}}, 0)", mask, x, like=x)


def _run_cell(
    step: Step,
    layer: Recurrence,
    cell: Cell,
    x: Tensor,
    initial: list[Tensor],
    part: str,
    hint: str,
) -> tuple[Tensor, list[Tensor]]:
    """The run of one cell over all steps, forwards."""
    size = recurrence.features(step, x)
    rnn = recurrence_modules.module(cell, size, part)
    suffix = "_l0" if cell.in_torch else ""
    recurrence_modules.load(cell, rnn, size, suffix)
    kept = keeper(step, layer, part)
    like = replace(x, shape=(x.shape[0], cell.units), dtype=step.dtype, mask=None)
    x = step.floating(x, rnn, f"weight_ih{suffix}")
    shape = (*x.shape[:2], cell.units)
    names = ("h", "c")[: cell.states]
    prefix = f"{hint}_" if hint != step.name else ""
    first = initial
    if cell.in_torch:
        first = [
            step.compute("{0}.unsqueeze(0)", s, like=s, hint=name)
            for s, name in zip(initial, names, strict=False)
        ]
    given = (hint, *(names if cell.in_torch else (f"{prefix}{name}" for name in names)))
    output, last = run(step, layer, cell, rnn, x, first, given, shape, kept)
    states = [replace(like, value=value) for value in last]
    if cell.in_torch:
        hints = tuple(f"{prefix or 'state_'}{name}" for name in names)
        hints = hints if layer.return_state else (hint, *hints[1:])
        states = [
            step.compute("{0}[0]", s, like=like, hint=name)
            for s, name in zip(last, hints, strict=False)
        ]
    whole = replace(like, value=output, shape=shape)
    if layer.return_sequences:
        return whole, states
    if x.mask is not None and (initial or kept is not None or not layer.repeat_output):
        # A sequence of masked steps only puts out zeros, whatever its state.
        return step.compute("{0}[:, -1]", whole, like=like, hint=hint), states
    return states[0], states


def drop_input(cell: Cell, x: Tensor, part: str = "") -> Tensor:
    """Dropout of the input before the recurrence.

    Without recurrent dropout all steps and all gates share a mask. So whole features of a sequence
    are dropped, which is what ``nn.Dropout1d`` does to channels.
    """
    if not cell.dropout or cell.per_gate or cell.recurrent_dropout:
        return x
    step = cell.step
    drop = step.module("nn.Dropout1d", cell.dropout, part=f"{part}_dropout" if part else "dropout")
    x = step.floating(x)
    return step.compute("{0}({1}.transpose(1, 2)).transpose(1, 2)", drop, x, like=x)


def one_direction(step: Step, kind: str, x: Tensor, initial_state: Any) -> Any:
    """A recurrent layer of its own, from its options to its outputs."""
    layer = recurrence.read(step, kind)
    initial = recurrence.initial_tensors(step, initial_state, layer.states)
    output, states = direction(step, layer, recurrence.heard(step, x, initial), initial)
    recurrence.finish(layer)
    if layer.return_sequences:
        # Keras hands on the mask as it came, even when the steps go out in reverse order.
        output = replace(output, mask=x.mask)
    return [output, *states] if layer.return_state else output
