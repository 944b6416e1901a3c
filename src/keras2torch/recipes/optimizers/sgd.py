from __future__ import annotations

from typing import Any

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "SGD",
    "sgd",
    examples=[
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True, "learning_rate": 0.05},
        {"nesterov": True, "weight_decay": 0.1},
    ],
)
def sgd(options: Config, backend: str) -> Call:
    momentum = options.rate("momentum", 0.0)
    nesterov = options.bool("nesterov", False)
    if momentum == 0:
        plain = Call("torch.optim.SGD")
        return OptimizerCall("SGD", dense=plain, plain=plain)
    chosen: dict[str, Any] = {"momentum": momentum, **({"nesterov": True} if nesterov else {})}
    return OptimizerCall(
        "SGD",
        (),
        chosen,
        slots=((Slot("momentum", "momentum_buffer"),),),
        plain=Call("torch.optim.SGD", (), chosen),
        differs="torch.optim.SGD keeps the learning rate out of the velocity: "
        "the same as Keras' as long as the learning rate does not change",
    )
