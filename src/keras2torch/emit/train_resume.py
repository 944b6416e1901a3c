"""How ``train.py`` goes on where Keras stopped."""

from __future__ import annotations

from collections.abc import Mapping

from keras2torch.optimizer_state import OptimizerState

# What the template calls things here.
NAMES = frozenset("OPTIMIZER random random_on_cuda resume_from_keras stored updates".split())
# What goes on from Keras' state by a function of its own.
LOADED = {"GradientAccumulator": "load_sums", "MovingAverage": "load_averages"}


class KerasState:
    """The statements that put Keras' optimizer state, if there is one, into the state of the loop.

    ``moving`` are the fields of that state by their classes; ``stored`` has the tensors of
    ``optimizer.safetensors``.
    """

    def __init__(self, moving: Mapping[str, str], state: OptimizerState) -> None:
        self.moving = moving
        self.is_there = bool(state.tensors)

    @property
    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that they use."""
        if not self.is_there:
            return set()
        return {"load_slots", *(LOADED[kind] for kind in self.moving if kind in LOADED)}

    @property
    def lines(self) -> list[str]:
        """The statements."""
        lines = ['state.step = int(stored["step"])']
        accumulator = self.moving.get("GradientAccumulator")
        if accumulator is None:
            lines.append("load_slots(state.optimizer, model, stored, state.step)")
        else:
            lines.append(f"updates = state.step // state.{accumulator}.steps")
            lines.append("load_slots(state.optimizer, model, stored, updates)")
        lines += [
            f"{LOADED[kind]}(state.{field}, model, stored)"
            for kind, field in self.moving.items()
            if kind in LOADED
        ]
        scale = self.moving.get("LossScale")
        if scale is not None:
            lines.append(f'state.{scale}.scale = stored["loss_scale"].item()')
            lines.append(f'state.{scale}.steps = int(stored["finite_steps"])')
        return lines
