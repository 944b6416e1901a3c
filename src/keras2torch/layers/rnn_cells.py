"""Keras' recurrent cells, called for one step as layers of their own."""

from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import recurrence, recurrence_modules
from keras2torch.layers.recurrence import Cell
from keras2torch.registry import example, layer


@layer(
    "LSTMCell",
    examples=[
        example({"units": 3}, (4,), call={"states": [(3,), (3,)]}),
        example({"units": 3, "dropout": 0.2}, (4,), call={"states": [(3,), (3,)]}),
        example(
            {"units": 3, "recurrent_dropout": 0.2, "recurrent_activation": "hard_sigmoid"},
            (4,),
            call={"states": [(3,), (3,)]},
        ),
    ],
)
def lstm_cell(step: Step, x: Tensor, states: Any) -> Any:
    """One step of an LSTM: its output, and its states h and c."""
    return _alone(step, "LSTMCell", x, states)


@layer(
    "GRUCell",
    examples=[
        example({"units": 3}, (4,), call={"states": [(3,)]}),
        example({"units": 3, "reset_after": False}, (4,), call={"states": (3,)}),
    ],
)
def gru_cell(step: Step, x: Tensor, states: Any) -> Any:
    """One step of a GRU: its output, and its state."""
    return _alone(step, "GRUCell", x, states)


@layer(
    "SimpleRNNCell",
    examples=[
        example({"units": 3}, (4,), call={"states": [(3,)]}),
        example({"units": 3, "activation": "elu", "use_bias": False}, (4,), call={"states": (3,)}),
    ],
)
def simple_rnn_cell(step: Step, x: Tensor, states: Any) -> Any:
    """One step of the plain recurrence: its output, and its state."""
    return _alone(step, "SimpleRNNCell", x, states)


@layer(
    "StackedRNNCells",
    examples=[
        example(
            {
                "cells": [
                    {"class_name": "LSTMCell", "config": {"units": 3}},
                    {"class_name": "GRUCell", "config": {"units": 2, "reset_after": False}},
                ]
            },
            (4,),
            call={"states": [[(3,), (3,)], [(2,)]]},
        ),
        example(
            {
                "cells": [
                    {"class_name": "SimpleRNNCell", "config": {"units": 3, "use_bias": False}},
                    {"class_name": "GRUCell", "config": {"units": 2}},
                ]
            },
            (4,),
            call={"states": [[(3,)], [(2,)]]},
        ),
    ],
)
def stacked_rnn_cells(step: Step, x: Tensor, states: Any) -> Any:
    """One step of several cells, each on the output of the one before it."""
    return _alone(step, "StackedRNNCells", x, states)


def _alone(step: Step, class_name: str, x: Tensor, states: Any) -> Any:
    """The step of every cell; the output, and the states as they were nested."""
    cells = recurrence.read_cells(step, class_name)
    given = recurrence.initial_tensors(step, states, sum(cell.states for cell in cells))
    found: list[Tensor] = []
    for number, cell in enumerate(cells):
        own, given = given[: cell.states], given[cell.states :]
        after = _one_step(step, cell, x, own, str(number) if len(cells) > 1 else "")
        found += after
        x = after[0]
        if cell.step is not step:
            cell.step.finish()
    return [x, found]


def _one_step(step: Step, cell: Cell, x: Tensor, states: list[Tensor], part: str) -> list[Tensor]:
    """One cell's step; a recurrence of runtime/ runs a sequence of one."""
    size = recurrence.features(step, x, rank=2)
    rnn = recurrence_modules.module(cell, size, part, alone=True)
    recurrence_modules.load(cell, rnn, size, "")
    x = step.floating(x, rnn, "weight_ih")
    if cell.dropout and not (cell.per_gate or cell.recurrent_dropout):
        drop = step.module(
            "nn.Dropout", cell.dropout, part=f"{part}_dropout" if part else "dropout"
        )
        x = step.compute("{0}({1})", drop, x, like=x)
    names = tuple(f"{step.name}_{name}" for name in ("h", "c"))[: cell.states]
    if cell.in_torch and cell.states == 1:
        values: tuple[Any, ...] = (step.compute("{0}({1}, {2})", rnn, x, states[0], like=x).value,)
    elif cell.in_torch:
        values = step.unpack("{0}, {1}", names, "{0}({1}, ({2}, {3}))", rnn, x, *states)
    else:
        state = "({2}, {3})" if cell.states == 2 else "({2},)"
        target = "_, ({0}, {1})" if cell.states == 2 else "_, ({0},)"
        call = f"{{0}}({{1}}.unsqueeze(1), {state})"
        values = step.unpack(target, names, call, rnn, x, *states)
    like = states[0]
    shape = (x.shape[0], cell.units)
    return [Tensor(value, shape, like.dtype) for value in values]
