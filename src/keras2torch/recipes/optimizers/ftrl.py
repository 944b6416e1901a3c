from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot
from keras2torch.recipes.table import recipe

OPTIONS = {
    "learning_rate_power": ("lr_power", -0.5),
    "initial_accumulator_value": ("initial_accumulator_value", 0.1),
    "l1_regularization_strength": ("l1", 0.0),
    "l2_regularization_strength": ("l2", 0.0),
    "l2_shrinkage_regularization_strength": ("l2_shrinkage", 0.0),
    "beta": ("beta", 0.0),
}


@recipe(
    "optimizer",
    "Ftrl",
    "ftrl",
    examples=[
        {},
        {
            "learning_rate": 0.1,
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.5,
            "l1_regularization_strength": 0.01,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.02,
            "beta": 0.3,
        },
        {"weight_decay": 0.01, "learning_rate_power": 0.0},
    ],
)
def ftrl(options: Config, backend: str) -> Call:
    chosen = {name: options.float(key, default) for key, (name, default) in OPTIONS.items()}
    for key, (name, _) in OPTIONS.items():
        if name == "lr_power" and chosen[name] > 0:
            raise options.wrong(key, "at most 0", chosen[name])
        if name not in ("lr_power", "beta") and chosen[name] < 0:
            raise options.wrong(key, "at least 0", chosen[name])
    return OptimizerCall(
        "Ftrl",
        (),
        chosen,
        slots=((Slot("accumulator", "sum"), Slot("linear", "linear")),),
        differs="torch.optim has no Ftrl",
    )
