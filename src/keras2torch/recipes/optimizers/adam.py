from __future__ import annotations

from typing import Any

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot, betas
from keras2torch.recipes.table import recipe

SLOTS = (Slot("momentum", "exp_avg"), Slot("velocity", "exp_avg_sq"))
DIFFERS = (
    "{0} corrects the second moment before epsilon is added, Keras after it: "
    "steps differ where gradients are as small as epsilon, at the beginning most"
)


@recipe(
    "optimizer",
    "Adam",
    "adam",
    examples=[
        {},
        {"learning_rate": 0.02, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
        {"amsgrad": True, "learning_rate": 0.01},
        {"weight_decay": 0.01, "learning_rate": 0.1},
    ],
)
def adam(options: Config, backend: str) -> Call:
    return _adam(options, "torch.optim.Adam")


@recipe("optimizer", "AdamW", "adamw", examples=[{}, {"weight_decay": 0.1, "amsgrad": True}])
def adamw(options: Config, backend: str) -> Call:
    made = _adam(options, "torch.optim.AdamW")
    options.float("weight_decay", 0.004)  # not None; taken with what all optimizers have
    return made


def _adam(options: Config, plain: str) -> Call:
    chosen: dict[str, Any] = {
        "betas": betas(options),
        "eps": options.float("epsilon", 1e-7),
    }
    differs = DIFFERS.format(plain)
    if not options.bool("amsgrad", False):
        own = Call(plain, (), chosen)
        return OptimizerCall("Adam", (), chosen, slots=(SLOTS,), plain=own, differs=differs)
    slots = (SLOTS, (Slot("velocity_hat", "max_exp_avg_sq"),))
    own = Call(plain, (), {**chosen, "amsgrad": True})
    return OptimizerCall("AMSGrad", (), chosen, slots=slots, plain=own, differs=differs)
