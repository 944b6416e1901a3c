from __future__ import annotations

import re
from typing import Any

from keras2torch.ir.config import Config
from keras2torch.recipes.call import Call
from keras2torch.recipes.optimizer import OptimizerCall, Slot, betas
from keras2torch.recipes.table import recipe

NEWTON_SCHULZ = (("a", 3.4445), ("b", -4.775), ("c", 2.0315))
MOST_STEPS = 100
WORD = re.compile(r"[A-Za-z0-9_/-]{1,200}")


@recipe(
    "optimizer",
    "Muon",
    "muon",
    examples=[
        {},
        {
            "learning_rate": 0.02,
            "adam_beta_1": 0.8,
            "adam_beta_2": 0.95,
            "epsilon": 1e-3,
            "adam_lr_ratio": 0.3,
            "adam_weight_decay": None,
            "momentum": 0.8,
            "nesterov": False,
            "ns_steps": 3,
            "muon_a": 3.0,
            "muon_b": -4.0,
            "muon_c": 2.0,
            "exclude_layers": ["kernel_one"],
            "rms_rate": None,
        },
        {"weight_decay": None, "exclude_embeddings": False},
    ],
)
def muon(options: Config, backend: str) -> Call:
    coefficients = [options.float(f"muon_{letter}", value) for letter, value in NEWTON_SCHULZ]
    chosen: dict[str, Any] = {
        "momentum": options.float("momentum", 0.95),
        "nesterov": options.bool("nesterov", True),
        "ns_coefficients": tuple(coefficients),
        "ns_steps": options.int("ns_steps", 5, low=0),
    }
    if chosen["ns_steps"] > MOST_STEPS:
        raise options.wrong("ns_steps", f"at most {MOST_STEPS}", chosen["ns_steps"])
    adam = {
        "adam_betas": betas(options, ("adam_beta_1", "adam_beta_2")),
        "adam_eps": options.float("epsilon", 1e-7),
        "adam_weight_decay": options.float_or_none("adam_weight_decay", 0.004) or 0.0,
        "adam_lr_ratio": options.float("adam_lr_ratio", 1.0),
    }
    return OptimizerCall(
        "Muon",
        (),
        {**chosen, "rms_rate": options.float_or_none("rms_rate", 0.2), **adam},
        slots=(
            (
                Slot("momentum", "momentum_buffer", of="matrix"),
                Slot("momentum", "exp_avg", of="other"),
                Slot("velocity", "exp_avg_sq", of="other"),
            ),
        ),
        differs="torch.optim.Muon takes matrices only, and makes them orthogonal in bfloat16",
        joined=True,
        adam=_excluded(options),
    )


def _excluded(options: Config) -> tuple[str, ...]:
    """Parts of the paths of variables that Adam updates, whatever their shape.

    Keras takes each of ``exclude_layers`` for a regular expression: one from a file may take
    forever, so only plain words are taken.
    """
    words = options.raw("exclude_layers", None) or []
    if not isinstance(words, list) or not all(
        isinstance(word, str) and WORD.fullmatch(word) for word in words
    ):
        raise options.wrong("exclude_layers", "a list of names without special characters", words)
    return tuple(words) + (("embedding",) if options.bool("exclude_embeddings", True) else ())
