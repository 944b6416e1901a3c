"""What ``compile()`` gets for one and for several outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from loss_cases import one_hot, random_of, saved, shares


@dataclass(frozen=True)
class Compiled:
    """What ``compile()`` gets, for outputs of these names in this order; ``keyed``: a dict of them.

    ``outputs``, ``targets`` and ``weights`` are arrays by the outputs' names.
    """

    loss: Any
    loss_weights: Any = None
    names: tuple[str, ...] = ("b", "a")
    keyed: bool = False
    weighted: tuple[str, ...] = ()

    def arrays(self) -> dict[str, Any]:
        """Probabilities and targets that suit most losses, by role and name."""
        random = random_of("compiled")
        found = {}
        for name in self.names:
            found[f"outputs/{name}"] = shares(random, (6, 4))
            found[f"targets/{name}"] = one_hot(random, (6, 4))
        return found | {f"weights/{name}": random.uniform(0, 2, 6) for name in self.weighted}


SMOOTH = saved("CategoricalCrossentropy", {"label_smoothing": 0.2, "reduction": "sum"})
FUNCTION = {
    "module": "builtins",
    "class_name": "function",
    "config": "mean_absolute_error",
    "registered_name": "function",
}
COMPILED = {
    "one": Compiled("mse", names=("a",)),
    "one-weighed": Compiled("mse", 0.25, ("a",), weighted=("a",)),
    "one-in-a-list": Compiled(["mse"], [0.25], ("a",)),
    "one-by-name": Compiled({"a": SMOOTH}, {"a": 0.25}, ("a",)),
    "the-same-for-all": Compiled("mse"),
    "list": Compiled(["mse", FUNCTION]),
    "list-weighed": Compiled(["mse", SMOOTH], [0.25, 2.0], weighted=("a", "b")),
    "by-name": Compiled({"a": "mse", "b": "mae"}),
    "by-name-weighed": Compiled({"a": "mse", "b": SMOOTH}, {"b": 0.25, "a": 2.0}),
    "by-name-weighed-by-list": Compiled({"a": "mse", "b": "mae"}, [0.25, 2.0]),
    "some": Compiled(["mse", None]),
    "some-weighed": Compiled([None, "mse"], [0.25, 2.0], weighted=("a",)),
    "three": Compiled(["mse", "mae", "kld"], [1.0, 0.0, -0.5], ("b", "c", "a")),
    "keyed-the-same": Compiled("mse", keyed=True),
    "keyed": Compiled({"b": "mse", "a": SMOOTH}, {"b": 0.25, "a": 2.0}, keyed=True),
    "keyed-some": Compiled({"a": "mse"}, keyed=True),
    "keyed-some-weighed": Compiled({"a": "mse"}, {"a": 2.0}, keyed=True),
}
# Keras gives to "b" what is meant for "a", and the reverse.
MISDEALT = (
    Compiled(["mse", "mae"], keyed=True),
    Compiled(["mse", "mae"], {"b": 0.25, "a": 2.0}),
    Compiled({"b": "mse", "a": "mae"}, [0.25, 2.0], keyed=True),
)
