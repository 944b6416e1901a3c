from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import recurrence_run
from keras2torch.registry import example, layer


@layer(
    "LSTM",
    masks="own",
    examples=[
        example({"units": 3, "return_sequences": True, "unit_forget_bias": False}, (None, 4)),
        example(
            {"units": 3, "return_state": True, "return_sequences": True, "go_backwards": True},
            (5, 4),
            masked=True,
        ),
        example({"units": 3, "zero_output_for_mask": True}, (5, 4), masked=True),
        example(
            {"units": 3, "kernel_initializer": "he_normal", "use_bias": False},
            (5, 4),
            masked=True,
            call={"initial_state": [(3,), (3,)]},
        ),
        example({"units": 3, "dropout": 0.2, "trainable": False}, (5, 4)),
        example(
            {
                "units": 3,
                "activation": "relu",
                "recurrent_activation": "hard_sigmoid",
                "return_state": True,
            },
            (5, 4),
            masked=True,
        ),
        example(
            {
                "units": 3,
                "dropout": 0.2,
                "recurrent_dropout": 0.3,
                "bias_initializer": "ones",
                "return_sequences": True,
            },
            (5, 4),
            call={"initial_state": [(3,), (3,)]},
        ),
        example(
            {
                "units": 3,
                "activation": "leaky_relu",
                "go_backwards": True,
                "zero_output_for_mask": True,
            },
            (5, 4),
            masked=True,
        ),
    ],
)
def lstm(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """Long short-term memory, gates in PyTorch's own order: i, f, c, o."""
    return recurrence_run.one_direction(step, "LSTM", x, initial_state)
