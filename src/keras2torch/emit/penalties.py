"""How often one pass through a model calls a module that keeps penalties."""

from __future__ import annotations

from collections import Counter

from keras2torch.ir.penalties import HELPER
from keras2torch.ir.program import Model, Module


def count_calls(model: Model) -> None:
    """Tell each ``ActivityPenalty`` that is called more than once how often it is."""
    for module, calls in _calls(model, {}).items():
        if module.construct.startswith(f"{HELPER}(") and calls > 1:
            module.construct = f"{module.construct.removesuffix(')')}, calls={calls})"


def _calls(model: Model, known: dict[Model, Counter[Module]]) -> Counter[Module]:
    """The number of calls of each module in one call of the model."""
    if model not in known:
        found: Counter[Module] = Counter()
        for statement in model.statements:
            for module in (o for o in statement.operands if isinstance(o, Module)):
                if module.model is None:
                    found[module] += 1
                else:
                    found.update(_calls(module.model, known))
        known[model] = found
    return known[model]
