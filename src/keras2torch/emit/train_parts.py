"""What the template of ``train.py`` puts together: names and expressions.

Text from the file leaves through literals and names only.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from keras2torch.emit.helpers import TRAINING, names_of
from keras2torch.emit.module import Emitted
from keras2torch.emit.names import GLOBALS, Names
from keras2torch.emit.train_callbacks import Callbacks
from keras2torch.emit.train_data import Array, Data
from keras2torch.emit.train_outputs import TrainedOutput
from keras2torch.emit.train_resume import NAMES, KerasState
from keras2torch.emit.train_updates import Updates
from keras2torch.errors import UnsupportedError
from keras2torch.ir.graph import leaves
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Program, Tensor
from keras2torch.optimizer_state import OptimizerState
from keras2torch.recipes.compiled import Training

HELPERS = ("Batches", "RunningMean", "datasets_of", "log_line", "load_arrays", "write_aside")
CHECKPOINTS = ("read_checkpoint", "write_checkpoint")
# What the template defines itself, and the names of its variables.
DEFINED = frozenset(
    "args arrays average batch batches began callback callbacks CHECKPOINT "
    "checkpoint class_weight compute_loss compute_losses constrain dataset device "
    "epoch epochs evaluate found generator held_out inputs items load logs logs_of "
    "loss losses main make_callbacks make_metrics make_optimizer mask metrics model "
    "name named number open_data optimizer outputs parameters parser parts_of path "
    "penalties place prefix probabilities resume rows save save_weights scores "
    "seconds shuffle size source start State state stop targets train_epoch "
    "train_step update_metrics val_arrays validation value values WEIGHTS weights".split()
)


class Parts:
    """The parts of one ``train.py``; with ``plain`` its optimizer is the nearest of torch's own."""

    def __init__(
        self,
        training: Training,
        program: Program,
        emitted: Emitted,
        state: OptimizerState,
        plain: bool,
        callbacks: Sequence[str],
    ) -> None:
        self.training = training
        self.program = program
        self.emitted = emitted
        self.returns = emitted.returns
        self._names = Names(GLOBALS | DEFINED | NAMES | names_of(TRAINING))
        self.model = self._names.take_class(emitted.class_name, "Model")
        renamed = "" if self.model == emitted.class_name else f" as {self.model}"
        self.import_of_model = f"from model import {emitted.class_name}{renamed}"
        self.structure = program.model.outputs
        self.single = isinstance(self.structure, Tensor) or len(self.structure) == 1
        self.updates = Updates(training, program, emitted, plain)
        method = "model.logits" if program.model.activations else "model"
        self.called = f"{method}(*inputs)"
        self.callbacks = Callbacks(callbacks, training)
        moving = {kind: field for field, kind, _ in self.updates.moving}
        self.keras_state = KerasState(moving, state)
        self.data = Data(training, program, self.single, self._trained_places)
        self._masks = self._named_masks()
        self.outputs = self._outputs()

    @cached_property
    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that the file needs."""
        found = {*HELPERS, *CHECKPOINTS, *self.keras_state.helpers}
        if self.classes:
            found |= {"weights_of_classes", "class_weight_of"}
        return found.union(
            self.updates.helpers,
            self.callbacks.helpers,
            *(output.helpers for output in self.outputs),
        )

    @property
    def metrics(self) -> list[tuple[str, str]]:
        """The metrics: names as literals, and what makes them."""
        return [(literal(m.name), m.call.source()) for m in self.training.metrics]

    # The data

    @cached_property
    def classes(self) -> bool:
        """Whether the targets are classes of one output: then they can be weighted."""
        losses = [loss for loss in self.training.losses if loss is not None]
        return self.single and any("crossentropy" in loss.function.function for loss in losses)

    @property
    def by_batches(self) -> bool:
        """Whether each batch counts the same in the losses of single outputs, as on TensorFlow,
        where Keras does not know its size (keras/src/trainers/compile_utils.py: CompileLoss)."""
        return self.training.backend == "tensorflow"

    @property
    def outputs_with_targets(self) -> list[tuple[TrainedOutput, Array]]:
        return list(zip(self.outputs, self.data.targets, strict=True))

    @property
    def targets_type(self) -> str:
        return "Tensor" if self.single else "dict[str, Tensor]"

    @property
    def weights_type(self) -> str:
        return "Tensor | None" if self.single else "dict[str, Tensor | None]"

    # The outputs

    @cached_property
    def _trained_places(self) -> list[int]:
        measured = {metric.output for metric in self.training.metrics}
        losses = self.training.losses
        return [n for n, loss in enumerate(losses) if loss is not None or n in measured]

    def _outputs(self) -> list[TrainedOutput]:
        keyed = isinstance(self.structure, dict)
        flat = list(leaves(self.structure))
        templates = {s.operands[0]: s.expression for s in self.program.model.activations}
        found = []
        for place in self._trained_places:
            output = self.training.outputs[place]
            if isinstance(self.structure, Tensor):
                raw = "scores" if self._masks else "outputs"
            elif keyed:
                raw = f"outputs[{literal(output.name)}]"
            elif self.single:
                raw = "outputs[0]"
            else:
                raw = self._names.take(output.name, "output")
            template = templates.get(flat[place].value)
            key = literal(output.name)
            found.append(
                TrainedOutput(
                    output.name,
                    raw,
                    raw if template is None else template.replace("{0}", raw),
                    "targets" if self.single else f"targets[{key}]",
                    "weights" if self.single else f"weights[{key}]",
                    self._masks.get(place, ""),
                    self.training.losses[place],
                    tuple(m for m in self.training.metrics if m.output == place),
                )
            )
        return found

    @property
    def outputs_said(self) -> str:
        return "the logits" if self.program.model.activations else "the outputs"

    def _named_masks(self) -> dict[int, str]:
        """The names of masks by the places of their outputs; they stand behind all outputs."""
        places = self.training.masked() if self.program.model.output_masks is not None else []
        if not places:
            return {}
        if isinstance(self.structure, dict) or (self.single and not self._is_one):
            raise UnsupportedError("outputs with masks in a dict, or in a list of one")
        star = "" if self._is_one else "*"
        several = "*" if len(places) > 1 else ""
        self.called = f"({star}{self.called}, {several}model.mask(*inputs))"
        self.returns = "tuple[Tensor, Tensor]" if self._is_one else "tuple[Tensor, ...]"
        if self._is_one:
            return {places[0]: "mask"}
        outputs = self.training.outputs
        return {p: self._names.take(f"{outputs[p].name}_mask", "mask") for p in places}

    @property
    def _is_one(self) -> bool:
        return isinstance(self.structure, Tensor)

    @property
    def with_loss(self) -> list[TrainedOutput]:
        """The outputs that have a loss."""
        return [output for output in self.outputs if output.loss is not None]

    def unpacked(self, used: Sequence[TrainedOutput]) -> str:
        """The statement that gives outputs their names; none where they have none."""
        if (self.single or isinstance(self.structure, dict)) and not self._masks:
            return ""
        by_place = dict(zip(self._trained_places, self.outputs, strict=True))
        said = [
            by_place[n].raw if n in by_place and by_place[n] in used else "_"
            for n in range(len(self.training.outputs))
        ]
        masks = {output.mask for output in used}
        said += [mask if mask in masks else "_" for mask in self._masks.values()]
        return f"{', '.join(said)} = outputs"

    @property
    def measured(self) -> list[TrainedOutput]:
        """The outputs that have metrics."""
        return [output for output in self.outputs if output.metrics]
