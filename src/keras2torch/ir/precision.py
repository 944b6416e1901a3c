"""In which dtypes a layer's mapping works, as its Keras dtype policy has it.

A layer casts its floating inputs to its compute dtype, rounds its variables to it, and returns
it. All that is done here around the mapping, which is written as if there were float32 only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from keras2torch.ir.dtypes import DEFAULT, FLOATS, HALVES, Policy
from keras2torch.ir.graph import map_leaves
from keras2torch.ir.program import Module, Statement, Tensor

if TYPE_CHECKING:
    from keras2torch.ir.step import Step


@dataclass(frozen=True)
class Precision:
    """The dtypes of one layer.

    ``autocast``: floating inputs and variables are cast to the compute dtype; without it only
    what the layer returns is. ``wide``: inside, the layer computes in float32 at least.
    """

    policy: Policy = DEFAULT
    autocast: bool = True
    wide: bool = False

    @property
    def computes(self) -> str:
        """The dtype that the mapping's own tensors have."""
        wide = self.wide and self.policy.compute in HALVES
        if wide or not self.policy.is_floating:
            return "float32"
        return self.policy.compute if self.autocast else self.policy.variable

    @property
    def kept(self) -> str:
        """The dtype of the PyTorch parameters: that of Keras' variables, but for what computes in
        float32 anyway, which is kept so."""
        wide = self.wide and self.policy.variable in HALVES
        return "float32" if wide or not self.policy.is_floating else self.policy.variable

    def entering(self, step: Step, arguments: Any) -> Any:
        """The arguments of a call as the mapping gets them."""

        def cast(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor) or not self.policy.is_floating:
                return leaf
            if leaf.dtype in FLOATS and self.autocast:
                leaf = step.cast(leaf, self.policy.compute)
            if leaf.dtype in FLOATS and leaf.dtype != self.computes:
                leaf = step.cast(leaf, self.computes)
            return leaf

        return map_leaves(cast, arguments)

    def leaving(self, step: Step, outputs: Any) -> Any:
        """The outputs in the compute dtype, as Keras' layers return them."""

        def cast(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor) or not self.policy.is_floating:
                return leaf
            if leaf.dtype not in FLOATS:
                return leaf
            return step.cast(leaf, self.policy.compute, hint=leaf.value.hint)

        return map_leaves(cast, outputs)


def round_parameters(step: Step, statements: list[Statement]) -> None:
    """Let these statements compute with parameters in another dtype than they are kept in."""
    for statement in statements:
        for place, operand in enumerate(statement.operands):
            if not isinstance(operand, Module) or operand.computes == operand.dtype:
                continue
            if operand.parameters or operand.buffers:
                statement.expression = _rounded(step, statement.expression, place, operand)


def _rounded(step: Step, expression: str, place: int, module: Module) -> str:
    """``{0}({1})`` becomes ``call_in(torch.float16, {0}, {1})``, ``{0}.weight`` is cast."""

    def use(match: re.Match[str]) -> str:
        behind = match["behind"]
        if match["before"]:  # done already
            return match[0]
        if behind in ("(", "()"):
            call = f"{step.helper('call_in')}(torch.{module.computes}, {{{place}}}"
            return f"{call}, " if behind == "(" else f"{call})"
        if not behind and expression.startswith("run_masked("):
            return f"{step.helper('callable_in')}(torch.{module.computes}, {{{place}}})"
        key = behind.removeprefix(".").removesuffix(".dtype")
        if not behind.startswith(".") or key not in {**module.parameters, **module.buffers}:
            raise step.unsupported(f"dtype policy mixed_{module.computes}")
        if behind.endswith(".dtype"):
            return f"torch.{module.computes}"
        return f"{{{place}}}{behind}.to(torch.{module.computes})"

    before = rf"(?P<before>call(able)?_in\(torch\.\w+, )?\{{{place}\}}"
    return re.sub(before + r"(?P<behind>\(\)|\(|\.\w+\.dtype\b|\.\w+|)", use, expression)
