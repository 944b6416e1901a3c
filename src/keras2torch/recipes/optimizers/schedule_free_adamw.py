from __future__ import annotations

from keras2torch.errors import UnsupportedError
from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot, betas
from keras2torch.recipes.table import recipe


@recipe(
    "optimizer",
    "ScheduleFreeAdamW",
    "schedulefreeadamw",
    examples=[
        {},
        {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3, "warmup_steps": 7},
        {"weight_decay": 0.01},
    ],
)
def schedule_free_adamw(options: Config, backend: str) -> Call:
    if backend == "tensorflow":
        raise UnsupportedError(
            f"{options.where}: Keras on TensorFlow overwrites the iterate before it reads it, so "
            "that training follows another rule than the documented one; on JAX it follows it: "
            "choose --backend jax"
        )
    found = betas(options)
    if found[0] == 0:
        raise options.wrong("beta_1", "above 0", found[0])
    chosen = {
        "betas": found,
        "eps": options.float("epsilon", 1e-8),
        "warmup_steps": options.int("warmup_steps", 0, low=0),
    }
    return OptimizerCall(
        "ScheduleFreeAdamW",
        (),
        chosen,
        slots=((Slot("momentum", "z"), Slot("velocity", "exp_avg_sq")),),
        differs="torch.optim has no schedule-free optimizer",
    )
