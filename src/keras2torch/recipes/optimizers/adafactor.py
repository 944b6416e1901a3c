from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "Adafactor",
    "adafactor",
    examples=[
        {},
        {
            "learning_rate": 0.5,
            "beta_2_decay": -0.6,
            "epsilon_1": 1e-12,
            "epsilon_2": 0.1,
            "clip_threshold": 0.5,
            "relative_step": False,
        },
        {"weight_decay": 0.01},
    ],
)
def adafactor(options: Config, backend: str) -> Call:
    chosen = {
        "beta2_decay": options.float("beta_2_decay", -0.8),
        "eps": (options.float("epsilon_1", 1e-30), options.float("epsilon_2", 1e-3)),
        "d": options.float("clip_threshold", 1.0),
    }
    options.bool("relative_step", True)  # caps lr at 1 / sqrt(t), as the rule does again anyway
    return OptimizerCall(
        "Adafactor",
        (),
        chosen,
        slots=(
            (
                Slot("", "row_var", of="rows"),
                Slot("", "col_var", of="columns"),
                Slot("velocity", "variance", of="vector"),
            ),
        ),
        plain=Call("torch.optim.Adafactor", (), chosen),
        differs="torch.optim.Adafactor factors over the last two axes of its own layout: "
        "the same for matrices and vectors but for rounding, another rule for convolutions",
        joined=True,
        shaped=True,
    )
