"""What both sides of a check write down while they run: every layer's outputs, by one key.

Runs in Keras' processes and in PyTorch's, so it knows neither.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Outputs = list[Array | None]  # None: an output that nobody uses, so the port does not make it


class Recording:
    """The outputs of every call of every layer of one run, in the order they were made.

    A layer inside a nested model runs once for each call of that model, and the two frameworks
    may run those calls in different orders. So a key names the whole way: ``encoder[1]/dense`` is
    ``dense`` in the second call of ``encoder``.
    """

    def __init__(self) -> None:
        self._calls: list[tuple[str, int, Outputs]] = []

    def add(self, layer: str, call: int, outputs: Outputs) -> None:
        """Note call number ``call`` of the layer with the Keras path ``layer``."""
        self._calls.append((layer, call, outputs))

    def keyed(self) -> dict[str, Outputs]:
        """The outputs by key, in running order."""
        calls_of: dict[str, list[int]] = defaultdict(list)
        for layer, call, _ in self._calls:
            calls_of[layer].append(call)
        times: dict[tuple[str, int], int] = defaultdict(int)
        found: dict[str, Outputs] = {}
        for layer, call, outputs in self._calls:
            time = times[layer, call]
            times[layer, call] += 1
            found[_key(layer, call, time, calls_of)] = outputs
        return found

    def save(self, path: Path) -> None:
        """Write the outputs to a ``.npz`` of numbered arrays, with the keys beside them."""
        keyed = self.keyed()
        arrays: dict[str, Any] = {}
        index: dict[str, list[str | None]] = {key: [] for key in keyed}
        for key, outputs in keyed.items():
            for output in outputs:
                name = None if output is None else f"a{len(arrays)}"
                index[key].append(name)
                if name is not None:
                    arrays[name] = output
        np.savez(path, **arrays)
        path.with_suffix(".json").write_text(json.dumps(index))


def _key(layer: str, call: int, time: int, calls_of: dict[str, list[int]]) -> str:
    """``time`` counts the runs of this very call, one for each run of the model around it."""
    parent, _, name = layer.rpartition("/")
    own = f"{name}[{call}]" if call else name
    if not parent:
        return own
    runs = calls_of.get(parent, [])
    outer = runs[time] if time < len(runs) else 0
    earlier = runs[:time].count(outer)
    return f"{_key(parent, outer, earlier, calls_of)}/{own}"


def load_recording(path: Path) -> dict[str, Outputs]:
    """What ``Recording.save`` wrote."""
    index = json.loads(path.with_suffix(".json").read_text())
    with np.load(path, allow_pickle=False) as arrays:
        return {key: [name and arrays[name] for name in names] for key, names in index.items()}
