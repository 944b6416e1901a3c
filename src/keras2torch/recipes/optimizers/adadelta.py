from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "Adadelta",
    "adadelta",
    examples=[
        {},
        {"rho": 0.8, "epsilon": 1e-3, "learning_rate": 1.0},
        {"weight_decay": 0.01},
    ],
)
def adadelta(options: Config, backend: str) -> Call:
    chosen = {"rho": options.rate("rho", 0.95), "eps": options.float("epsilon", 1e-7)}
    plain = Call("torch.optim.Adadelta", (), chosen)
    return OptimizerCall(
        "Adadelta",
        (),
        chosen,
        slots=(
            (
                Slot("accumulated_grad", "square_avg"),
                Slot("accumulated_delta_var", "acc_delta"),
            ),
        ),
        dense=plain,
        plain=plain,
    )
