from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "Lion",
    "lion",
    examples=[
        {},
        {"beta_1": 0.8, "beta_2": 0.95, "learning_rate": 0.01},
        {"weight_decay": 0.01},
    ],
)
def lion(options: Config, backend: str) -> Call:
    beta_1 = options.rate("beta_1", 0.9)
    if beta_1 == 0:
        raise options.wrong("beta_1", "above 0", beta_1)
    return OptimizerCall(
        "Lion",
        (),
        {"betas": (beta_1, options.rate("beta_2", 0.99))},
        slots=((Slot("momentum", "exp_avg"),),),
        differs="torch.optim has no Lion",
    )
