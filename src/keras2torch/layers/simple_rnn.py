from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import recurrence_run
from keras2torch.registry import example, layer


@layer(
    "SimpleRNN",
    masks="own",
    examples=[
        example({"units": 3, "return_sequences": True, "activation": "relu"}, (None, 4)),
        example(
            {"units": 3, "return_state": True, "return_sequences": True, "go_backwards": True},
            (5, 4),
            masked=True,
        ),
        example(
            {"units": 3, "activation": None, "use_bias": False},
            (5, 4),
            call={"initial_state": [(3,)]},
        ),
        example(
            {
                "units": 3,
                "activation": "softmax",
                "dropout": 0.2,
                "recurrent_dropout": 0.3,
                "recurrent_initializer": {
                    "class_name": "Orthogonal",
                    "module": "keras.initializers",
                    "config": {"gain": 0.5},
                },
            },
            (5, 4),
            masked=True,
        ),
    ],
)
def simple_rnn(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """The plain recurrence."""
    return recurrence_run.one_direction(step, "SimpleRNN", x, initial_state)
