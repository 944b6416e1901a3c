"""What the template of ``train.py`` puts together: names, expressions, and what the data must be.

Text from the file leaves through literals and names only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from keras2torch.emit.helpers import TRAINING, names_of
from keras2torch.emit.module import Emitted
from keras2torch.emit.names import GLOBALS, Names
from keras2torch.emit.train_callbacks import Callbacks
from keras2torch.emit.train_resume import NAMES, KerasState
from keras2torch.emit.train_updates import Updates
from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.graph import Shape, leaves
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Program, Tensor
from keras2torch.optimizer_state import OptimizerState
from keras2torch.recipes.call import Call
from keras2torch.recipes.compiled import OutputLoss, OutputMetric, Training

HELPERS = ("Batches", "Mean", "datasets_of", "log_line", "load_arrays", "write_aside")
CHECKPOINTS = ("read_checkpoint", "write_checkpoint")
# What the template defines itself, and the names of its variables.
DEFINED = frozenset(
    "arguments arrays average batch batches began callback callbacks CHECKPOINT "
    "checkpoint class_weight compute_loss compute_losses constrain dataset device "
    "epoch epochs evaluate found generator held_out inputs items load logs logs_of "
    "loss losses main make_callbacks make_metrics make_optimizer mask metrics model "
    "name named number open_data optimizer outputs parameters parser parts_of path "
    "penalties place prefix probabilities resume rows save save_weights scores "
    "seconds shuffle size source start State state stop targets train_epoch "
    "train_step update_metrics val_arrays validation value values WEIGHTS weights".split()
)
# Losses whose targets are numbers of classes, without an axis for them.
NUMBERED = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
# And those whose targets look like the outputs.
LIKE_OUTPUTS = re.compile(
    "(binary|categorical|mean|kl|log|poisson|hinge|squared|categorical|cosine|huber|dice|tversky)_"
)


@dataclass(frozen=True)
class Array:
    """An array of the data by its key in the file; its rows have one of these shapes, or any."""

    key: str
    shapes: tuple[Shape, ...] = ()
    below: int | None = None

    @property
    def entry(self) -> str:
        """As an item of a dict."""
        return f"{literal(self.key)}: {literal(list(self.shapes))}"

    @property
    def said(self) -> str:
        """The key as a literal."""
        return literal(self.key)


@dataclass(frozen=True)
class TrainedOutput:
    """An output with a loss or metrics, and the expressions of what belongs to it.

    ``raw`` is what the model's method returns, ``activated`` Keras' output, ``mask`` the mask
    that it carries, or "".
    """

    key: str
    raw: str
    activated: str
    targets: str
    weights: str
    mask: str
    loss: OutputLoss | None
    metrics: tuple[OutputMetric, ...]

    @property
    def said(self) -> str:
        return literal(self.key)

    @property
    def values(self) -> str:
        """The loss of each sample or position."""
        assert self.loss is not None
        outputs = self.raw if self.loss.of_logits else self.activated
        outputs = f"{outputs}.to(torch.float32)" if self.loss.cast else outputs
        return self.loss.function.source(outputs, self.targets)

    @property
    def reduced(self) -> str:
        """One number of the values."""
        assert self.loss is not None
        masks = [self.mask] if self.mask else []
        if self.loss.mask is not None:
            own = re.sub(r"\btargets\b", self.targets, self.loss.mask)
            masks.append(f"({own})" if masks else own)
        given = ["values", self.weights, *([" & ".join(masks)] if masks else [])]
        return f"{self.loss.reduction}({', '.join(given)})"

    @property
    def factor(self) -> str:
        """The weight of the loss in the sum of all."""
        weight = None if self.loss is None else self.loss.weight
        return "" if weight is None or weight == 1 else f"{literal(weight)} * "

    @property
    def share(self) -> str:
        """The loss in the sum of all."""
        return f"{self.factor}losses[{self.said}]"

    @property
    def loss_said(self) -> str:
        """The name of the loss in the logs."""
        return literal(f"{self.key}_loss")

    def updates(self) -> list[str]:
        """The statements that tell the metrics of a batch."""
        several = sum(not metric.of_logits for metric in self.metrics) > 1
        lines = []
        activated = self.activated
        if several and activated != self.raw:
            name = "probabilities" if self.raw == "outputs" else f"{self.raw}_probabilities"
            if name.isidentifier():
                lines.append(f"{name} = {activated}")
                activated = name
        for metric in self.metrics:
            outputs = self.raw if metric.of_logits else activated
            given = [outputs, self.targets, *([self.weights] if metric.weighted else [])]
            if self.mask and metric.call.takes_mask:
                given.append(f"mask={self.mask}")
            lines.append(f"metrics[{literal(metric.name)}].update({', '.join(given)})")
        return lines


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
        self.inputs = self._inputs()
        self._masks = self._named_masks()
        self.outputs = self._outputs()

    @cached_property
    def helpers(self) -> set[str]:
        """The definitions of ``training/`` that the file needs."""
        calls: list[Call] = [metric.call for metric in self.training.metrics]
        losses = [loss for loss in self.training.losses if loss is not None]
        calls += [loss.function for loss in losses]
        found = {*HELPERS, *CHECKPOINTS, *self.keras_state.helpers}
        found |= {loss.reduction for loss in losses}
        if self.classes:
            found |= {"weights_of_classes", "class_weight_of"}
        return found.union(
            self.updates.helpers, self.callbacks.helpers, *(call.helpers() for call in calls)
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
    def below(self) -> str:
        """The bounds of whole numbers, as a dict."""
        bounds = {a.said: a.below for a in (*self.inputs, *self.targets) if a.below is not None}
        return "{" + ", ".join(f"{key}: {bound}" for key, bound in bounds.items()) + "}"

    @property
    def about_data(self) -> str:
        """What the file of data holds, for the docstring."""

        def listed(arrays: Sequence[Array]) -> str:
            return ", ".join(_quoted(array.key) for array in arrays)

        return (
            f"data.npz has the arrays {listed(self.inputs)} and {listed(self.targets)}, and may "
            f'have {listed(self.weights)}; the same with "val_" in front is what to validate on. '
            "FILE.py:OBJECT in its place is a Dataset of (inputs, targets) or (inputs, targets, "
            "weights), or a pair of them: to train and to validate on."
        )

    @property
    def batch_inputs(self) -> str:
        return ", ".join(f"batch[{array.said}]" for array in self.inputs)

    @property
    def outputs_with_targets(self) -> list[tuple[TrainedOutput, Array]]:
        return list(zip(self.outputs, self.targets, strict=True))

    @property
    def targets_type(self) -> str:
        return "Tensor" if self.single else "dict[str, Tensor]"

    @property
    def weights_type(self) -> str:
        return "Tensor | None" if self.single else "dict[str, Tensor | None]"

    def _inputs(self) -> list[Array]:
        found = []
        for name, tensor in self.program.model.inputs:
            if tensor.kind != "Tensor":
                raise UnsupportedError(
                    f"input {quoted(name)} takes strings: its training can't be written yet, "
                    "train from the layer behind the vocabulary on"
                )
            below = self.program.input_limits.get(name)
            found.append(Array(name, (tensor.shape[1:],), below))
        keys = [array.key for array in found]
        taken = {key for key in keys if re.match("val_|y($|_)|sample_weight($|_)", key)}
        if taken:
            raise UnsupportedError(
                f"input {quoted(min(taken))} is called as the data of a training are, rename it"
            )
        return found

    @cached_property
    def targets(self) -> list[Array]:
        """The arrays of targets."""
        return [
            Array(self._key("y", place), *self._shapes_of_targets(place))
            for place in self._trained_places
        ]

    @cached_property
    def weights(self) -> list[Array]:
        """The arrays of sample weights, which may be absent."""
        found = [] if self.single else [Array("sample_weight", ((), (1,)))]
        for place in self._trained_places:
            shape = self.training.outputs[place].shape
            shapes = [(), (1,), *([shape[1:-1], shape[1:]] if len(shape) > 2 else [])]
            found.append(Array(self._key("sample_weight", place), tuple(dict.fromkeys(shapes))))
        return found

    def _key(self, kind: str, place: int) -> str:
        return kind if self.single else f"{kind}_{self.training.outputs[place].name}"

    def _shapes_of_targets(self, place: int) -> tuple[tuple[Shape, ...], int | None]:
        """The shapes that a row of targets may have, and the number of classes if it tells one."""
        shape, loss = self.training.outputs[place].shape[1:], self.training.losses[place]
        function = "" if loss is None else loss.function.function
        if function.startswith(NUMBERED):
            ignores = loss is not None and "ignore_class" in loss.function.options
            return (shape[:-1], (*shape[:-1], 1)), None if ignores else shape[-1]
        if not LIKE_OUTPUTS.match(function):
            return (), None
        return (shape, *([shape[:-1]] if shape and shape[-1] == 1 else [])), None

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


def _quoted(text: str) -> str:
    """A name from the file for a docstring: ASCII, and nothing that could end the docstring."""
    return '"' + ascii(text[:60])[1:-1].replace("\\", "/").replace('"', "'") + '"'
