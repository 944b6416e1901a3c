"""The arrays that ``train.py`` reads: their names, and what they must be like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from keras2torch.errors import UnsupportedError, quoted
from keras2torch.ir.graph import Shape
from keras2torch.ir.literals import literal
from keras2torch.ir.program import Program
from keras2torch.recipes.compiled import ModelOutput, OutputLoss, Training

# Losses whose targets are numbers of classes, without an axis for them.
NUMBERED = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
# And those whose targets look like the outputs.
LIKE_OUTPUTS = re.compile(
    "(binary|categorical|mean|kl|log|poisson|hinge|squared|cosine|huber|dice|tversky)(_.*)?"
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


class Data:
    """The arrays of one training. ``single``: the model has one output, and one kind of targets.

    ``places`` are those of the outputs with a loss or metrics.
    """

    def __init__(
        self, training: Training, program: Program, single: bool, places: Sequence[int]
    ) -> None:
        self.training = training
        self.program = program
        self.single = single
        self.inputs = self._inputs()
        self.targets = [
            Array(
                self._key("y", place),
                *rows_of_targets(training.outputs[place], training.losses[place]),
            )
            for place in places
        ]
        self.weights = self._weights(places)

    @property
    def below(self) -> str:
        """The bounds of whole numbers, as a dict."""
        bounds = {a.said: a.below for a in (*self.inputs, *self.targets) if a.below is not None}
        return "{" + ", ".join(f"{key}: {bound}" for key, bound in bounds.items()) + "}"

    @property
    def about(self) -> str:
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
    def arrays(self) -> list[Array]:
        """All of them."""
        return [*self.inputs, *self.targets, *self.weights]

    @property
    def batch_inputs(self) -> str:
        return ", ".join(f"batch[{array.said}]" for array in self.inputs)

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

    def _weights(self, places: Sequence[int]) -> list[Array]:
        """The arrays of sample weights, which may be absent."""
        found = [] if self.single else [Array("sample_weight", ((), (1,)))]
        for place in places:
            rows = rows_of_weights(self.training.outputs[place])
            found.append(Array(self._key("sample_weight", place), rows))
        return found

    def _key(self, kind: str, place: int) -> str:
        return kind if self.single else f"{kind}_{self.training.outputs[place].name}"


def rows_of_targets(
    output: ModelOutput, loss: OutputLoss | None
) -> tuple[tuple[Shape, ...], int | None]:
    """The shapes that a row of an output's targets may have (none: any), and the number of classes
    if it tells one."""
    shape, function = output.shape[1:], "" if loss is None else loss.function.function
    if function.startswith(NUMBERED):
        ignores = loss is not None and "ignore_class" in loss.function.options
        return (shape[:-1], (*shape[:-1], 1)), None if ignores else shape[-1]
    if not LIKE_OUTPUTS.fullmatch(function):
        return (), None
    return (shape, *([shape[:-1]] if shape and shape[-1] == 1 else [])), None


def rows_of_weights(output: ModelOutput) -> tuple[Shape, ...]:
    """The shapes that a row of an output's sample weights may have."""
    row = output.shape[1:]
    return tuple(dict.fromkeys([(), (1,), *([row[:-1], row] if len(row) > 1 else [])]))


def _quoted(text: str) -> str:
    """A name from the file for a docstring: ASCII, and nothing that could end the docstring."""
    return '"' + ascii(text[:60])[1:-1].replace("\\", "/").replace('"', "'") + '"'
