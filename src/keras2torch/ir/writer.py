"""Writes the statements of a forward pass, and keeps track of how tensors lie in memory.

Keras keeps channels last, PyTorch's convolutions want them first. Every tensor carries the order
its axes have in memory; whoever needs another asks for it here, and only then a permute appears.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras2torch.ir.dtypes import INTEGERS
from keras2torch.ir.graph import Shape
from keras2torch.ir.program import Model, Module, Statement, Tensor, Value

INTEGER_DTYPES = (*INTEGERS, "bool")
Operand = Tensor | Module | Value


class Writer:
    """Appends to ``model.statements`` on behalf of the layer ``name``."""

    def __init__(self, model: Model, name: str) -> None:
        self.model = model
        self.name = name

    def compute(self, expression: str, *operands: Operand, like: Tensor, **changes: Any) -> Tensor:
        """One statement; its tensor is ``like`` another but for ``changes``."""
        value = Value(changes.pop("hint", self.name))
        tensor = replace(like, value=value, **changes)
        if tensor.dtype == "bool":
            # Keras records a mask's operations beside the layers that make it: it is made once.
            sources = [o.value if isinstance(o, Tensor) else o for o in operands]
            values = tuple(source for source in sources if isinstance(source, Value))
            if len(values) == len(sources):
                known = self.model.masks.setdefault((expression, values), value)
                if known is not value:
                    return replace(tensor, value=known)
        self._append((value,), "{0}", expression, operands, tensor.memory_shape, tensor.kind)
        return tensor

    def unpack(
        self,
        target: str,
        hints: tuple[str, ...],
        expression: str,
        *operands: Operand,
        shape: Shape | None = None,
    ) -> tuple[Value, ...]:
        """One statement that assigns several values, e.g. ``{0}, ({1}, {2}) = ...``.

        ``shape`` is the first one's, for the comment.
        """
        values = tuple(Value(hint) for hint in hints)
        self._append(values, target, expression, operands, shape)
        return values

    def _append(
        self,
        targets: tuple[Value, ...],
        target: str,
        expression: str,
        operands: tuple[Operand, ...],
        shape: Shape | None = None,
        kind: str = "Tensor",
    ) -> None:
        sources = tuple(o.value if isinstance(o, Tensor) else o for o in operands)
        statement = Statement(targets, target, expression, sources, self.name, shape, kind)
        self.model.statements.append(statement)

    def shape_of(self, value: Value) -> Shape | None:
        """The shape of a value in memory, where it is known."""
        for _, tensor in self.model.inputs:
            if tensor.value is value:
                return tensor.memory_shape
        made = next((s for s in self.model.statements if s.targets[0] is value), None)
        return None if made is None else made.shape

    def ordered(self, x: Tensor, order: tuple[int, ...] | None) -> Tensor:
        """The tensor with its axes in memory in this order (None: Keras' own)."""
        if x.flat is not None:
            x = self._flattened_again(x)
        if x.order == order:
            return x
        wanted = order or tuple(range(x.rank))
        have = x.order or tuple(range(x.rank))
        moves = tuple(have.index(axis) for axis in wanted)
        known = self.model.arranged.get((x.value, moves))
        if known is not None:
            return replace(x, value=known, order=order)
        moved = [place for place, source in enumerate(moves) if place != source]
        if len(moved) == 2:
            expression = f"{{0}}.transpose({moved[0]}, {moved[1]})"
        else:
            expression = f"{{0}}.permute({', '.join(map(str, moves))})"
        y = self.compute(expression, x, like=x, order=order, hint=f"{x.value.hint}_permuted")
        self.model.arranged[x.value, moves] = y.value
        return y

    def keras_order(self, x: Tensor) -> Tensor:
        """The tensor as Keras has it in memory."""
        return self.ordered(x, None)

    def channels_first(self, x: Tensor) -> Tensor:
        """The tensor with its last axis right after the batch, as convolutions want it."""
        return self.ordered(x, x.channels_first if x.rank > 2 else None)

    def floating(self, x: Tensor) -> Tensor:
        """Integers and booleans as floating-point numbers, for who computes in float32."""
        if x.dtype not in INTEGER_DTYPES:
            return x
        return self.compute("{0}.to(torch.get_default_dtype())", x, like=x, dtype="float32")

    def cast(self, x: Tensor, dtype: str, hint: str | None = None) -> Tensor:
        """The tensor in another dtype, made once for all who need it."""
        if x.dtype == dtype:
            return x
        known = self.model.casts.get((x.value, dtype))
        if known is not None:
            return replace(x, value=known, dtype=dtype)
        hint = hint or f"{x.value.hint}_{dtype}"
        y = self.compute(f"{{0}}.to(torch.{dtype})", x, like=x, dtype=dtype, hint=hint)
        self.model.casts[x.value, dtype] = y.value
        return y

    def boolean(self, mask: Tensor) -> Tensor:
        """A mask as Keras reads any: true and false."""
        if mask.dtype == "bool":
            return mask
        return self.compute("{0}.bool()", mask, like=mask, dtype="bool", hint="mask")

    def _flattened_again(self, x: Tensor) -> Tensor:
        """Undo the Flatten of a reordered tensor, and flatten in Keras' order."""
        if x.flat is None:
            return x
        shape, order = x.flat
        known = self.model.arranged.get((x.value, order))
        if known is not None:
            return replace(x, value=known, flat=None)
        made = next((s for s in self.model.statements if x.value in s.targets), None)
        source = made.operands[0] if made and made.expression == "{0}.flatten(1)" else None
        if isinstance(source, Value):
            before = replace(x, value=source, shape=shape, order=order, flat=None)
            y = self.keras_order(before)
            y = self.compute("{0}.flatten(1)", y, like=x, flat=None, hint=x.value.hint)
            self.model.arranged[x.value, order] = y.value
            # The first flattening may have no other use: the layer is seen here as well.
            self.model.traced[:] = [
                replace(t, outputs=tuple(y if o.value is x.value else o for o in t.outputs))
                for t in self.model.traced
            ]
            return y
        sizes = ", ".join(str(-1 if shape[a] is None else shape[a]) for a in order[1:])
        moves = ", ".join(str(order.index(axis)) for axis in range(len(shape)))
        expression = f"torch.unflatten({{0}}, 1, ({sizes})).permute({moves}).flatten(1)"
        return self.compute(expression, x, like=x, flat=None)
