from typing import Any

from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step
from keras2torch.layers import recurrence_run
from keras2torch.registry import example, layer


@layer(
    "GRU",
    masks="own",
    examples=[
        example({"units": 3, "return_sequences": True}, (None, 4)),
        example(
            {"units": 3, "return_state": True, "return_sequences": True, "go_backwards": True},
            (5, 4),
            masked=True,
        ),
        example(
            {"units": 3, "kernel_initializer": "he_normal", "use_bias": False},
            (5, 4),
            call={"initial_state": [(3,)]},
        ),
        example({"units": 3, "dropout": 0.2, "unroll": True, "trainable": False}, (5, 4)),
        example({"units": 3, "reset_after": False, "return_state": True}, (5, 4), masked=True),
        example(
            {
                "units": 3,
                "reset_after": False,
                "recurrent_dropout": 0.3,
                "return_sequences": True,
                "go_backwards": True,
                "use_bias": False,
            },
            (5, 4),
        ),
        example(
            {"units": 3, "activation": "softplus", "recurrent_activation": "hard_sigmoid"},
            (5, 4),
            call={"initial_state": [(3,)]},
        ),
    ],
)
def gru(step: Step, x: Tensor, initial_state: Any = None) -> Any:
    """Gated recurrent unit: Keras' gates z, r, h are PyTorch's z, r, n, with r first."""
    return recurrence_run.one_direction(step, "GRU", x, initial_state)
