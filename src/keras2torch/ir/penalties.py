"""Activity regularizers: what a layer's outputs cost, a module behind the layer.

Source: ``Layer.__call__`` in keras/src/layers/layer.py. Keras computes them in every call, while it
trains and while it evaluates, whether or not the layer trains.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.config import Config
from keras2torch.ir.dtypes import FLOATS
from keras2torch.ir.graph import leaves, map_leaves
from keras2torch.ir.program import Tensor
from keras2torch.ir.step import Step

OPTION = "activity_regularizer"
# They hand it on to the layers inside them.
HANDED_ON = ("MultiHeadAttention", "GroupQueryAttention")
HELPER = "ActivityPenalty"  # of runtime/activity_penalty.py


def wanted(step: Step, class_name: str) -> dict[str, float]:
    """The factors, by Keras' names, with which this layer's outputs are penalized."""
    value = step.config.raw(OPTION, None) if OPTION in step.config else None
    if class_name == "ActivityRegularization":
        # It has the two factors as options of its own, which its mapping checks.
        options = (step.config.raw("l1", 0.0), step.config.raw("l2", 0.0))
        value = {"class_name": "L1L2", "config": dict(zip(("l1", "l2"), options, strict=True))}
    if value is None:
        return {}
    name = value.get("class_name") if isinstance(value, dict) else value
    if name not in ("L1", "L2", "L1L2", "l1", "l2", "l1_l2") or class_name in HANDED_ON:
        step.untrainable(f"its {OPTION} of class {name}" if isinstance(name, str) else OPTION)
        return {}
    saved = value.get("config") if isinstance(value, dict) else {}
    config = Config(saved or {}, f"{step.where}, {OPTION}")
    default = 0.0 if name in ("L1L2", "l1_l2") else 0.01
    names = [key for key in ("l1", "l2") if key in str(name).lower()]
    found = {key: config.float(key, default) for key in names}
    config.finish()
    return {key: factor for key, factor in found.items() if factor}


def penalized(step: Step, factors: dict[str, float], outputs: Any) -> Any:
    """The outputs, handed through a module that keeps what they cost: all of them at once, so that
    one that nobody reads is counted as well."""
    given = [leaf for leaf in leaves(outputs) if isinstance(leaf, Tensor) and leaf.dtype in FLOATS]
    if not factors or not given:
        return outputs
    module = step.module(step.helper(HELPER), part="penalty", **factors)
    given = [step.keras_order(t) if t.order and t.order[0] != 0 else t for t in given]
    if len(given) == 1:
        made = [step.compute("{0}({1})", module, given[0], like=given[0])]
    else:
        places = range(len(given))
        values = step.unpack(
            ", ".join(f"{{{place}}}" for place in places),
            tuple(tensor.value.hint for tensor in given),
            f"{{0}}({', '.join(f'{{{place + 1}}}' for place in places)})",
            module,
            *given,
        )
        made = [replace(tensor, value=v) for tensor, v in zip(given, values, strict=True)]
    rest = iter(made)

    def handed_through(leaf: Any) -> Any:
        floating = isinstance(leaf, Tensor) and leaf.dtype in FLOATS
        return next(rest) if floating else leaf

    return map_leaves(handed_through, outputs)
