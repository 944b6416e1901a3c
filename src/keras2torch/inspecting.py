"""What is in a saved model, and whether it can be ported; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from keras2torch.errors import ModelError
from keras2torch.ir.build import graph_of
from keras2torch.ir.graph import Graph, Layer, Ref, leaves
from keras2torch.ir.keras2 import described
from keras2torch.ir.lower import program_of
from keras2torch.readers import read
from keras2torch.readers.saved import Group
from keras2torch.sources import described_by, located


@dataclass(frozen=True)
class Row:
    """One layer: its path, class, the layers it is called on, and how many numbers it holds."""

    path: str
    class_name: str
    called_on: str
    parameters: int


@dataclass(frozen=True)
class Inspection:
    """A saved model at a glance. ``problem`` is why it can't be ported, None if it can."""

    name: str
    keras_version: str
    rows: list[Row]
    compiled: Mapping[str, Any] | None
    optimizer_variables: int
    problem: str | None
    notes: tuple[str, ...]

    @property
    def parameters(self) -> int:
        return sum(row.parameters for row in self.rows)


def inspect(model: str | Path, config: str | Path | None = None) -> Inspection:
    """Look into a saved model.

    Raises:
        ModelError: the file can't be read as a model at all.
    """
    with (
        located(model) as path,
        described_by(config) as description,
        read(path, description) as saved,
    ):
        graph = graph_of(described(saved), saved.weights)
        problem: str | None = None
        notes: tuple[str, ...] = ()
        try:
            notes = program_of(graph).notes
        except ModelError as error:
            problem = str(error)
        return Inspection(
            graph.name,
            saved.keras_version,
            list(_rows(graph, "")),
            saved.compile_config,
            len(saved.optimizer),
            problem,
            notes,
        )


def _rows(graph: Graph, path: str) -> Iterator[Row]:
    called_on: dict[str, list[str]] = {}
    for call in graph.calls:
        refs = [leaf for leaf in leaves([list(call.args), dict(call.kwargs)]) if type(leaf) is Ref]
        called_on.setdefault(call.layer, []).extend(ref.layer for ref in refs)
    for layer in graph.layers.values():
        sources = ", ".join(dict.fromkeys(called_on.get(layer.name, [])))
        yield Row(path + layer.name, layer.class_name, sources, _own(layer))
        if layer.graph is not None:
            yield from _rows(layer.graph, f"{path}{layer.name}/")


def _own(layer: Layer) -> int:
    """The parameters of a layer and its parts; a nested model's are counted at its layers."""
    return 0 if layer.graph is not None else _stored(layer.weights)


def _stored(group: Group) -> int:
    own = sum(prod(variable.shape) for variable in group.variables)
    parts = (group.children or {}).items()
    return own + sum(_stored(part) for name, part in parts if name != "seed_generator")
