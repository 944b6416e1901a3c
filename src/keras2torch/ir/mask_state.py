"""Which masks Keras' attention has taken away.

A mask hangs on a tensor, and MultiHeadAttention takes it off its query, value and key when it
runs: who runs later finds none there. So it matters in which order Keras runs the calls of a
model. Sources: call in keras/src/layers/attention/multi_head_attention.py, map_graph in
keras/src/ops/function.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from keras2torch.ir.graph import Call, Graph, Ref, leaves

Node = tuple[str, int]  # a layer's name and the number of its call
# In inference these return the very tensor they are given.
RETURNING = frozenset(
    "ActivityRegularization AlphaDropout Dropout GaussianDropout GaussianNoise Identity "
    "SpatialDropout1D SpatialDropout2D SpatialDropout3D".split()
)


class MaskState:
    """Tells for each call of a model whether a tensor's mask has been taken off before."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._calls = {(call.layer, call.number): call for call in graph.calls}
        self._owners: dict[Ref, Ref] = {}
        self._nested: dict[str, list[bool]] = {}
        self._takers: dict[Ref, list[Node]] = {}
        for call in graph.calls:
            for ref in self._taken(call):
                self._takers.setdefault(self._own(ref), []).append((call.layer, call.number))
        self._place = _places(graph) if self._takers else {}

    def taken(self, ref: Ref, call: Call) -> bool:
        """Whether the mask of ``ref`` is gone when ``call`` runs."""
        takers = self._takers.get(self._own(ref), ()) if self._takers else ()
        place = self._place.get((call.layer, call.number), 0)
        return any(self._place.get(taker, place) < place for taker in takers)

    def used_later(self, ref: Ref, call: Call) -> bool:
        """Whether another call meets the tensor after ``call``, which leaves a mask on it."""
        places = self._place or _places(self._graph)
        own, now = self._own(ref), places.get((call.layer, call.number), 0)
        return any(
            places.get((other.layer, other.number), 0) > now
            and any(isinstance(leaf, Ref) and self._own(leaf) == own for leaf in _leaves(other))
            for other in self._graph.calls
        )

    def taken_inputs(self) -> list[bool]:
        """For each input of the model, whether its mask is gone after a run."""
        return [self._own(ref) in self._takers for ref in leaves(self._graph.inputs)]

    def _taken(self, call: Call) -> Iterator[Ref]:
        """The tensors whose masks this call takes off."""
        layer = self._graph.layers[call.layer]
        if layer.graph is not None:
            given = [leaf for leaf in leaves(list(call.args)) if isinstance(leaf, Ref)]
            if call.layer not in self._nested:
                self._nested[call.layer] = MaskState(layer.graph).taken_inputs()
            for ref, taken in zip(given, self._nested[call.layer], strict=False):
                if taken:
                    yield ref
        elif layer.class_name == "MultiHeadAttention":
            named = [call.kwargs.get(name) for name in ("query", "value", "key")]
            for leaf in (*call.args[:3], *named):
                if isinstance(leaf, Ref):
                    yield leaf

    def _own(self, ref: Ref) -> Ref:
        """The first name of the tensor that ``ref`` is."""
        names = []
        while ref not in self._owners:
            names.append(ref)
            call = self._calls.get((ref.layer, ref.call))
            first = call.args[0] if call is not None and call.args else None
            returning = self._graph.layers[ref.layer].class_name in RETURNING
            if not returning or not isinstance(first, Ref):
                self._owners[ref] = ref
            else:
                ref = first
        self._owners.update(dict.fromkeys(names, self._owners[ref]))
        return self._owners[ref]


def _leaves(call: Call) -> Iterator[object]:
    return leaves([list(call.args), dict(call.kwargs)])


def _places(graph: Graph) -> dict[Node, int]:
    return {node: place for place, node in enumerate(running_order(graph))}


def running_order(graph: Graph) -> list[Node]:
    """The calls of a model in the order in which Keras runs them: by their distance from the
    outputs, then as a search from the outputs finds them."""
    calls = {(call.layer, call.number): call for call in graph.calls}
    parents = {
        node: [(leaf.layer, leaf.call) for leaf in _leaves(call) if isinstance(leaf, Ref)]
        for node, call in calls.items()
    }
    finished: dict[Node, None] = {}  # parents before their children, in the order they are found
    for output in leaves(graph.outputs):
        stack = [((output.layer, output.call), False)]
        while stack:
            node, done = stack.pop()
            if node in finished or node not in parents:
                continue
            if done:
                finished[node] = None
                continue
            stack.append((node, True))
            stack += [(parent, False) for parent in reversed(parents[node])]
    depths: dict[Node, int] = {}
    of_layer: dict[str, int] = {}
    for node in reversed(finished):
        depth = max(depths.setdefault(node, 0), of_layer.get(node[0], 0))
        depths[node] = of_layer[node[0]] = depth
        for parent in parents[node]:
            depths[parent] = max(depth + 1, depths.get(parent, 0))
    return sorted(depths, key=lambda node: -depths[node])
