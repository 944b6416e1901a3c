from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import recurrence_run
from keras2torch.registry import example, layer


def _cell(kind: str, **options: Any) -> dict[str, Any]:
    return {"class_name": kind, "config": {"units": 3, **options}}


def _stack(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"class_name": "StackedRNNCells", "config": {"cells": list(cells)}}


@layer(
    "RNN",
    masks="own",
    examples=[
        example({"cell": _cell("LSTMCell"), "return_sequences": True}, (None, 4)),
        example({"cell": _cell("GRUCell"), "go_backwards": True}, (5, 4), masked=True),
        example(
            {"cell": _cell("SimpleRNNCell", activation="sigmoid"), "return_state": True},
            (5, 4),
            call={"initial_state": [(3,)]},
        ),
        example(
            {
                "cell": _stack(
                    _cell("LSTMCell", trainable=False), _cell("GRUCell", units=2, dropout=0.2)
                ),
                "return_state": True,
                "return_sequences": True,
                "zero_output_for_mask": True,
            },
            (5, 4),
            masked=True,
        ),
        example(
            {
                "cell": _stack(
                    _cell("SimpleRNNCell", dropout=0.1),
                    _cell("LSTMCell", use_bias=False, recurrent_dropout=0.3),
                    _cell("LSTMCell", activation="relu", units=2),
                ),
                "go_backwards": True,
            },
            (5, 4),
            call={"initial_state": [[(3,)], [(3,), (3,)], [(2,), (2,)]]},
        ),
    ],
)
def rnn(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """A recurrence over a cell, or over a stack of cells, each of which runs over the outputs of
    the one before it."""
    return recurrence_run.one_direction(step, "RNN", x, initial_state)
