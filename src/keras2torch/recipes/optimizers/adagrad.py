from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "Adagrad",
    "adagrad",
    examples=[
        {},
        {"initial_accumulator_value": 0.0, "epsilon": 1e-3, "learning_rate": 0.1},
        {"weight_decay": 0.01},
    ],
)
def adagrad(options: Config, backend: str) -> Call:
    start, eps = options.float("initial_accumulator_value", 0.1), options.float("epsilon", 1e-7)
    if start < 0:
        raise options.wrong("initial_accumulator_value", "at least 0", start)
    return OptimizerCall(
        "Adagrad",
        (),
        {"initial_accumulator_value": start, "eps": eps},
        slots=((Slot("accumulator", "sum"),),),
        plain=Call(
            "torch.optim.Adagrad", (), {"initial_accumulator_value": start + eps, "eps": 0.0}
        ),
        differs="Keras adds epsilon to the sum inside the root, which is what the initial value "
        "stands for here: the same but for rounding",
    )
