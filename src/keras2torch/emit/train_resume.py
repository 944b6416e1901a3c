"""How ``train.py`` goes on where Keras stopped."""

from __future__ import annotations

from keras2torch.optimizer_state import OptimizerState
from keras2torch.recipes.optimizer import Optimizer

# What the template calls things here.
NAMES = frozenset(["OPTIMIZER", "resume_from_keras", "stored", "updates"])


class KerasState:
    """The statements that put Keras' optimizer state, if there is one, into the state of the loop.

    ``stored`` has the tensors of ``optimizer.safetensors``.
    """

    def __init__(self, optimizer: Optimizer, state: OptimizerState) -> None:
        self.optimizer = optimizer
        self.is_there = bool(state.tensors)

    @property
    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that they use."""
        found = {"load_slots"} if self.is_there else set()
        if self.is_there and self.optimizer.accumulation is not None:
            found.add("load_sums")
        return found

    @property
    def lines(self) -> list[str]:
        """The statements."""
        lines = ['state.step = int(stored["step"])']
        if self.optimizer.accumulation is not None:
            lines += [
                "updates = state.step // state.accumulator.steps",
                "load_slots(state.optimizer, model, stored, updates)",
                "load_sums(state.accumulator, model, stored)",
            ]
        else:
            lines.append("load_slots(state.optimizer, model, stored, state.step)")
        if self.optimizer.loss_scale is not None:
            lines += [
                'state.loss_scale.scale = stored["loss_scale"].item()',
                'state.loss_scale.steps = int(stored["finite_steps"])',
            ]
        return lines
