"""Lets a port draw its random numbers from the stream that both sides share.

While a module runs that stands for a Keras layer, PyTorch's random functions are answered with
the numbers that Keras draws for that layer, laid out as the port's tensors lie in memory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from torch.overrides import TorchFunctionMode

from keras2torch.verify.random_stream import Array, Draws, Shape, Stream

# Keras draws a mask for each gate: z, r, h of a GRU, which PyTorch has as r, z, n.
GATES = {"KerasGRU": (1, 0, 2)}
LOWEST = -1.7580993408473766  # SELU's limit
# Random functions of PyTorch's that no layer with a counterpart in Keras' stream calls.
OTHERS = (
    torch.randint,
    torch.randperm,
    torch.bernoulli,
    torch.normal,
    torch.randn,
    torch.rand_like,
    torch.multinomial,
)


@dataclass(frozen=True)
class Layout:
    """How a tensor with Keras' ``shape`` lies in memory: as ``ir/program.py`` has it.

    ``flat`` is the shape and order that a flattened tensor had before.
    """

    order: tuple[int, ...] | None = None
    flat: tuple[tuple[int | None, ...], tuple[int, ...]] | None = None

    def keras_shape(self, shape: Shape) -> Shape:
        if self.order is None:
            return shape
        return tuple(shape[self.order.index(axis)] for axis in range(len(shape)))

    def lay(self, array: Array) -> Array:
        """An array of Keras' as it lies in memory."""
        if self.flat is not None:
            if array.shape[1] == 1:
                return array
            sizes = [size or -1 for size in self.flat[0][1:]]
            array = array.reshape(len(array), *sizes).transpose(self.flat[1])
            return array.reshape(len(array), -1)
        return array if self.order is None else array.transpose(self.order)


@dataclass(frozen=True)
class Running:
    """A module that runs, the Keras layer it stands for, and how its tensors lie."""

    module: nn.Module
    layer: str
    layout: Layout


class SharedDraws(TorchFunctionMode):
    """Answers random functions from the stream while it is entered.

    ``origins`` are the Keras layers by the modules' paths, ``traces`` where their outputs are, as
    ``port.json`` has them.
    """

    def __init__(
        self,
        model: nn.Module,
        stream: Stream,
        origins: Mapping[str, str],
        traces: Iterable[Mapping[str, Any]],
    ) -> None:
        super().__init__()
        self.stream = stream
        self.draws = Draws()
        self._layouts = _layouts(traces)
        self._runs: Counter[str] = Counter()
        self._running: list[Running] = []
        self._answers: dict[Any, Callable[..., Tensor]] = {
            F.dropout: self._dropout,
            F.dropout1d: self._channels,
            F.dropout2d: self._channels,
            F.dropout3d: self._channels,
            F.alpha_dropout: self._alpha,
            torch.randn_like: self._normal,
            torch.rand: self._uniform,
        }
        for path, module in model.named_modules():
            if path in origins:
                self._watch(module, origins[path], inner=False)
                for part in module.modules():
                    if part is not module:
                        self._watch(part, origins[path], inner=True)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if self._running:
            if func in self._answers:
                return self._answers[func](*args, **kwargs)
            if func in OTHERS:
                self.draws.own.add(self._running[-1].layer)
        return func(*args, **kwargs)

    def begin(self) -> None:
        """A new pass through the model."""
        self.draws.begin()
        self._runs.clear()

    def _watch(self, module: nn.Module, layer: str, inner: bool) -> None:
        def before(*_: Any) -> None:
            run = self._runs[layer]
            self._runs[layer] += not inner
            known = self._layouts.get((layer, run)) or self._layouts.get((layer, 0))
            self._running.append(Running(module, layer, Layout() if inner else known or Layout()))

        module.register_forward_pre_hook(before)
        module.register_forward_hook(lambda *_: self._running.pop() and None)

    def _drawn(
        self, way: str, make: Callable[..., Array], shape: Shape, like: Tensor, *args: Any
    ) -> Tensor:
        """Numbers for a tensor of this shape in memory."""
        now = self._running[-1]
        wanted = now.layout.keras_shape(shape)
        number = self.draws.next(now.layer, way, wanted)
        array = now.layout.lay(make(now.layer, number, wanted, *args))
        return torch.from_numpy(np.ascontiguousarray(array)).to(like.device, like.dtype)

    def _dropout(
        self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        if not training or p in (0.0, 1.0):
            return x * 0 if training and p else x
        if hasattr(self._running[-1].module, "gates"):
            return x * self._gates(x, p)
        return x * self._drawn("dropout", self.stream.kept, tuple(x.shape), x, p)

    def _gates(self, x: Tensor, p: float) -> Tensor:
        """The masks of a recurrence, x: (gates, batch, ...) with its channels behind the batch.

        A time of 1 may stand between, and Keras has the channels last.
        """
        now = self._running[-1]
        gates, batch, *sizes = x.shape
        steps = [1] if _of_input(now.module, x) else []
        channels, *rest = sizes[len(steps) :]
        wanted = (batch, *rest, channels)
        masks = []
        for _ in range(gates):
            number = self.draws.next(now.layer, "dropout", wanted)
            mask = np.moveaxis(self.stream.kept(now.layer, number, wanted, p), -1, 1)
            masks.append(mask.reshape(batch, *steps, channels, *rest))
        order = GATES.get(type(now.module).__name__, range(gates))
        array = np.stack([masks[place] for place in order])
        return torch.from_numpy(array).to(x.device, x.dtype)

    def _channels(
        self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
    ) -> Tensor:
        """Whole channels, which lie right after the batch."""
        if not training or p in (0.0, 1.0):
            return x * 0 if training and p else x
        now = self._running[-1]
        shape = tuple(x.shape[:2])
        number = self.draws.next(now.layer, "dropout", shape)
        kept = torch.from_numpy(self.stream.kept(now.layer, number, shape, p))
        return x * kept.to(x.device, x.dtype).reshape(*shape, *[1] * (x.dim() - 2))

    def _alpha(
        self, x: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False
    ) -> Tensor:
        if not training or p in (0.0, 1.0):
            return x * 0 if training and p else x
        kept = self._drawn("uniform", self.stream.uniform, tuple(x.shape), x) >= p
        scale = 1 / math.sqrt((1 - p) * (1 + p * LOWEST**2))
        return (torch.where(kept, x, LOWEST) - LOWEST * p) * scale

    def _normal(self, x: Tensor, **_: Any) -> Tensor:
        return self._drawn("normal", self.stream.normal, tuple(x.shape), x)

    def _uniform(self, *size: Any, dtype: Any = None, device: Any = None, **_: Any) -> Tensor:
        shape = tuple(size[0]) if len(size) == 1 and not isinstance(size[0], int) else size
        like = torch.empty(0, dtype=dtype, device=device)
        if type(self._running[-1].module).__name__ in ("SharedAlphaDropout", "StochasticDepth"):
            return self._drawn("uniform", self.stream.uniform, shape, like)
        self.draws.own.add(self._running[-1].layer)
        return torch.rand(shape, dtype=dtype, device=device)


def _of_input(module: nn.Module, x: Tensor) -> bool:
    """Whether a mask is for the recurrence's input: (gates, batch, 1, size, ...)."""
    weight = module.get_parameter("weight_ih")
    return x.dim() - 2 == weight.dim()


def _layouts(traces: Iterable[Mapping[str, Any]]) -> dict[tuple[str, int], Layout]:
    """How each call of each layer returns its (first) output."""
    found = {}
    for trace in traces:
        output: Mapping[str, Any] = next((o for o in trace["outputs"] if o), {})
        order, flat = output.get("order"), output.get("flat")
        found[trace["layer"], trace["call"]] = Layout(
            None if order is None else tuple(order),
            None if flat is None else (tuple(flat[0]), tuple(flat[1])),
        )
    return found
