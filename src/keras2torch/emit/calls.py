"""How often one pass through a model calls its modules."""

from __future__ import annotations

from collections import Counter

from keras2torch.ir.penalties import HELPER
from keras2torch.ir.program import Model, Module


def calls_of(model: Model, known: dict[Model, Counter[Module]] | None = None) -> Counter[Module]:
    """The number of calls of each module in one call of the model."""
    known = {} if known is None else known
    if model not in known:
        found: Counter[Module] = Counter()
        for statement in model.statements:
            for module in (o for o in statement.operands if isinstance(o, Module)):
                if module.model is None:
                    found[module] += 1
                else:
                    found.update(calls_of(module.model, known))
        known[model] = found
    return known[model]


def tell_penalties(calls: Counter[Module]) -> None:
    """Tell each ``ActivityPenalty`` that is called more than once how often it is."""
    for module, count in calls.items():
        if module.construct.startswith(f"{HELPER}(") and count > 1:
            module.construct = f"{module.construct.removesuffix(')')}, calls={count})"
