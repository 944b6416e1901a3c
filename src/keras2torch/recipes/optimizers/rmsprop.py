from __future__ import annotations

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "RMSprop",
    "rmsprop",
    examples=[
        {},
        {"rho": 0.8, "momentum": 0.9, "epsilon": 1e-4, "learning_rate": 0.01},
        {"centered": True, "rho": 0.95},
        {"centered": True, "momentum": 0.5, "weight_decay": 0.01},
    ],
)
def rmsprop(options: Config, backend: str) -> Call:
    momentum, centered = options.rate("momentum", 0.0), options.bool("centered", False)
    chosen = {"alpha": options.rate("rho", 0.9), "eps": options.float("epsilon", 1e-7)}
    slots = [Slot("velocity", "square_avg")]
    if momentum > 0:
        chosen["momentum"] = momentum
        slots.append(Slot("momentum", "momentum_buffer"))
    if centered:
        chosen["centered"] = True
        slots.append(Slot("average_gradient", "grad_avg"))
    return OptimizerCall(
        "RMSprop",
        (),
        chosen,
        slots=tuple((slot,) for slot in slots),
        plain=Call("torch.optim.RMSprop", (), chosen),
        differs="torch.optim.RMSprop adds epsilon to the root, Keras inside it: steps differ "
        "where gradients are small"
        + ("; and it keeps the learning rate out of the momentum" if momentum > 0 else ""),
    )
