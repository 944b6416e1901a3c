"""How ``train.py`` updates a model: the optimizer, and what Keras does around its step."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from keras2torch.emit.module import Emitted
from keras2torch.errors import UnsupportedError
from keras2torch.ir.literals import literal
from keras2torch.ir.penalties import HELPER
from keras2torch.ir.program import Program
from keras2torch.ir.weights import Weight
from keras2torch.recipes.call import Call
from keras2torch.recipes.compiled import Training
from keras2torch.recipes.variables import clip_arguments, optimizer_arguments
from keras2torch.recipes.weight_options import Line, attribute, constraints, penalties

# Optimizers to which it is the same whether the gradients of a repeated token are added up.
LINEAR = ("SGD", "Lion")


class Updates:
    """The statements that make an optimizer and a step of it.

    With ``plain`` the optimizer is the nearest of torch's own.
    """

    def __init__(self, training: Training, program: Program, emitted: Emitted, plain: bool) -> None:
        self.training = training
        self.program = program
        self.emitted = emitted
        self.plain = plain

    @property
    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that are needed."""
        optimizer = self.training.optimizer
        around = (self.clip, optimizer.accumulation, optimizer.loss_scale, self.average)
        calls = [c for c in (*around, optimizer.learning_rate) if isinstance(c, Call)]
        found = self.optimizer_call.helpers().union(*(call.helpers() for call in calls))
        if any(self.sparse.values()):
            found.add("keep_occurrences")
        return found.union(*(line.helpers for line in (*self._penalties, *self._constraints)))

    @property
    def optimizer_class(self) -> str:
        return self.training.optimizer.call.function

    @cached_property
    def trained(self) -> dict[str, Weight]:
        """The parameters that train."""
        return {
            name: weight
            for name, (module, key, weight) in self.emitted.weights.items()
            if key in module.parameters and key not in module.frozen
        }

    @cached_property
    def sparse(self) -> dict[str, bool]:
        """The embeddings whose gradients must stay sparse, as expressions, and whether a pass
        calls them several times."""
        optimizer = self.training.optimizer
        linear = optimizer.call.function in LINEAR and optimizer.clip is None
        if self.plain or not optimizer.sparse or linear:
            return {}
        return {
            attribute(name.removesuffix(".weight")): self.emitted.calls[module] > 1
            for name, (module, key, _) in self.emitted.weights.items()
            if module.construct.startswith("nn.Embedding(") and key not in module.frozen
        }

    @cached_property
    def optimizer_call(self) -> Call:
        """The optimizer's class; torch's own where it does the same, or is wanted anyway."""
        optimizer = self.training.optimizer
        if not self.plain:
            return optimizer.written(bool(self.sparse))
        if optimizer.call.plain is None:
            raise UnsupportedError(
                f"torch.optim has nothing like {optimizer.call.function}: "
                "port without --optimizer torch"
            )
        return optimizer.call.plain

    @property
    def optimizer(self) -> str:
        """What makes the optimizer."""
        optimizer = self.training.optimizer
        if not self.trained:
            raise UnsupportedError("the model has no weights that train")
        rate = optimizer.learning_rate
        first = literal(rate) if isinstance(rate, float) else "learning_rate(0)"
        more = [] if self.plain else optimizer_arguments(optimizer.call, self.trained)
        return self.optimizer_call.source("parameters", f"lr={first}", *more)

    @property
    def differences(self) -> list[str]:
        """What torch.optim does otherwise than Keras, in lines of a comment."""
        said = self.training.optimizer.call.differs if self.plain else ""
        return textwrap.wrap(f"Unlike Keras': {said}.", 84) if said else []

    @property
    def penalties(self) -> list[str]:
        """What weights and outputs cost, each with a comment."""
        found = [f"{line.expression}  # {line.option}" for line in self._penalties]
        for path, module in self.emitted.modules.items():
            if module.construct.startswith(f"{HELPER}("):
                found.append(f"{attribute(path)}.penalty()  # activity_regularizer")
        return found

    @property
    def constraints(self) -> list[str]:
        """What is done to weights behind an update."""
        return [f"{line.expression}  # {line.option}" for line in self._constraints]

    @cached_property
    def _penalties(self) -> list[Line]:
        return penalties(self.program.weight_options, self.trained, self.training.backend)

    @cached_property
    def _constraints(self) -> list[Line]:
        return constraints(self.program.weight_options, self.trained, self.training.backend)

    @property
    def schedule(self) -> str:
        """The schedule of the learning rate, if there is one."""
        rate = self.training.optimizer.learning_rate
        return rate.source() if isinstance(rate, Call) else ""

    @property
    def moving(self) -> list[tuple[str, str, str]]:
        """What else moves: the field of the state, its type, and what makes it."""
        optimizer = self.training.optimizer
        found = []
        if optimizer.accumulation is not None:
            call = optimizer.accumulation
            found.append(("accumulator", call.function, call.source("parameters")))
        if optimizer.loss_scale is not None:
            call = optimizer.loss_scale
            found.append(("loss_scale", call.function, call.source()))
        if self.average is not None:
            found.append(("average", self.average.function, self.average.source("parameters")))
        return found

    @property
    def clip(self) -> Call | None:
        """What clips the gradients; torch's own if it is for values and no gradient is sparse."""
        clip = self.training.optimizer.clip
        if clip is None or clip.function != "clip_value_" or self.sparse:
            return clip
        return Call("torch.nn.utils.clip_grad_value_", (clip.options["max_value"],))

    @property
    def average(self) -> Call | None:
        """The average of the weights, if Keras keeps one."""
        optimizer = self.training.optimizer
        if optimizer.averaging is None:
            return None
        options: dict[str, Any] = {"momentum": optimizer.averaging.momentum}
        if optimizer.averaging.overwrite_frequency is not None:
            options["overwrite_frequency"] = optimizer.averaging.overwrite_frequency
        if optimizer.accumulation is not None:
            options["accumulation"] = optimizer.accumulation.options["steps"]
        return Call("MovingAverage", (), options)

    @property
    def moving_of_parameters(self) -> bool:
        return any("parameters" in made for _, _, made in self.moving)

    def step(self, called: str) -> list[str]:
        """The statements of a step, in Keras' order; ``called`` makes the outputs."""
        optimizer = self.training.optimizer
        lines = [
            f"outputs = {called}",
            "loss = compute_loss(model, outputs, targets, weights)",
            "state.optimizer.zero_grad()",
        ]
        if self.schedule:
            rate = ["for group in state.optimizer.param_groups:"]
            lines = [*rate, '    group["lr"] = learning_rate(state.step)', *lines]
        untyped = "# type: ignore[no-untyped-call]"
        factor = optimizer.loss_scale_factor
        if optimizer.loss_scale is not None:
            lines.append(f"(loss * state.loss_scale.scale).backward()  {untyped}")
        elif factor is not None:
            lines += [
                f"(loss * {literal(factor)}).backward()  {untyped}",
                "for parameter in model.parameters():",
                "    if parameter.grad is not None:",
                f"        parameter.grad /= {literal(factor)}",
            ]
        else:
            lines.append(f"loss.backward()  {untyped}")
        update = ["state.optimizer.step()"]
        if self.clip is not None:
            joined = clip_arguments(self.clip, self.trained)
            update.insert(0, self.clip.source("model.parameters()", *joined))
        if optimizer.accumulation is not None:
            update = ["if state.accumulator.add():", *_indented(update)]
        if self.average is not None:
            update.append("state.average.update()")
        if self.constraints:
            update.append("constrain(model)")
        update.append("state.step += 1")
        if optimizer.loss_scale is not None:
            update = [
                "# A step whose gradients overflow is left out, and not counted.",
                "if state.loss_scale.unscale_(model.parameters()):",
                *_indented(update),
            ]
        return lines + update


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
