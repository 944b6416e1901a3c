from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot, betas
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "Lamb",
    examples=[
        {},
        {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "learning_rate": 0.01},
        {"weight_decay": 0.01},
    ],
)
def lamb(options: Config, backend: str) -> Call:
    chosen = {
        "betas": betas(options),
        "eps": options.float("epsilon", 1e-7),
    }
    return OptimizerCall(
        "Lamb",
        (),
        chosen,
        slots=((Slot("momentum", "exp_avg"), Slot("velocity", "exp_avg_sq")),),
        differs="torch.optim has no Lamb",
        joined=True,
    )
