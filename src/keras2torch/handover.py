"""The training of a compiled model: read in terms of its program's outputs, and written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from keras2torch.emit.audit import audit_training
from keras2torch.emit.format import formatted
from keras2torch.emit.module import Emitted
from keras2torch.emit.train import write_train
from keras2torch.errors import DataError, ModelError, UnsupportedError, quoted
from keras2torch.ir.graph import Graph, leaves
from keras2torch.ir.keras2 import is_keras2
from keras2torch.ir.keras2_training import compiled
from keras2torch.ir.logits import hidden_logits, logits_inside, take_logits
from keras2torch.ir.output_masks import take_masks
from keras2torch.ir.program import Program
from keras2torch.ir.variables import trainable_variables
from keras2torch.optimizer_state import OptimizerState, optimizer_state
from keras2torch.readers import Saved
from keras2torch.recipes.compiled import ModelOutput, Training, training_of

BACKENDS = ("tensorflow", "jax")
OPTIMIZERS = ("keras", "torch")


class Handover:
    """The training of one model on its way to ``train.py``.

    Where the losses want logits the program gets them at once. That there can be no ``train.py``
    is an error if it was ``required``, or if something particular was asked for.

    Raises:
        DataError: the model is not compiled, or an option is none.
        ModelError: its training can't be followed; all problems are named.
    """

    def __init__(
        self,
        saved: Saved,
        program: Program,
        graph: Graph,
        backend: str,
        optimizer: str,
        callbacks: tuple[str, ...],
        required: bool,
    ) -> None:
        if backend not in BACKENDS:
            raise DataError(f"a backend is one of {' or '.join(BACKENDS)}, not {quoted(backend)}")
        if optimizer not in OPTIMIZERS:
            raise DataError(
                f"an optimizer is one of {' or '.join(OPTIMIZERS)}, not {quoted(optimizer)}"
            )
        self.saved = saved
        self.program = program
        self.plain = optimizer == "torch"
        self.callbacks = callbacks
        self.required = required or self.plain or bool(callbacks)
        self.reason: str | None = None
        self.training: Training | None = None
        with self._followed():
            self.training = training_for(saved, program, graph, backend)

    @contextmanager
    def _followed(self) -> Iterator[None]:
        """Keep the reason why the training can't be followed, or raise it."""
        try:
            yield
        except (DataError, ModelError) as error:
            if self.required:
                raise
            self.reason = str(error)

    def written(self, emitted: Emitted, order: list[str]) -> tuple[str | None, OptimizerState]:
        """The text of ``train.py``, if there can be one, and what Keras' optimizer has gathered.

        ``order`` is that of Keras' variables.
        """
        state, text = OptimizerState(), None
        if self.training is not None:
            with self._followed():
                if not self.plain:
                    variables = trainable_variables(order, emitted.weights)
                    state = optimizer_state(self.saved, self.training.optimizer, variables)
                text = formatted(
                    write_train(
                        self.training, self.program, emitted, state, self.plain, self.callbacks
                    )
                )
                audit_training(text)
        if text is None:
            compiled = self.saved.compile_config is not None
            state = OptimizerState(note=f"no train.py: {self.reason}" if compiled else None)
        return text, state


def training_for(saved: Saved, program: Program, graph: Graph, backend: str) -> Training:
    """The training of a saved model. Where losses want logits the program gets them.

    Raises:
        DataError: the model is not compiled.
        ModelError: its training can't be followed; all problems are named.
    """
    compile_config = compiled(saved)
    if compile_config is None:
        raise DataError("the model was saved uncompiled: there is no training to hand over")
    if backend != "tensorflow" and program.only_tensorflow:
        raise UnsupportedError(f"Keras runs this model on TensorFlow only, not on {backend}")
    if program.untrainable:
        raise UnsupportedError("; ".join(program.untrainable))
    structure = program.model.outputs
    keys = sorted(structure) if isinstance(structure, dict) else None
    outputs = _outputs(program, graph, backend, keys)
    training = training_of(compile_config, outputs, backend, keys)
    take_masks(program, training.masked())
    if is_keras2(saved):  # it added up the gradients of a repeated token on TensorFlow too
        training = replace(training, optimizer=replace(training.optimizer, sparse=False))
    take_logits(program, graph, training.logits())
    return training


def _outputs(
    program: Program, graph: Graph, backend: str, keys: list[str] | None
) -> list[ModelOutput]:
    structure = program.model.outputs
    flat = list(leaves(structure))
    parts = structure.values() if isinstance(structure, dict) else structure
    if isinstance(structure, (dict, list, tuple)) and len(flat) != len(list(parts)):
        raise UnsupportedError("the model's outputs are nested, its training can't be written yet")
    hidden = hidden_logits(program, graph) if backend == "tensorflow" else {}
    inside = logits_inside(program) if backend == "tensorflow" else set()
    refs = list(leaves(graph.outputs))
    found = []
    for place, tensor in enumerate(flat):
        layer = refs[place].layer if len(refs) == len(flat) else "output"
        activation = hidden.get(place, "").removeprefix("torch.").partition("(")[0] or None
        name = keys[place] if keys else layer
        found.append(
            ModelOutput(
                name,
                layer,
                tensor.shape,
                tensor.dtype,
                activation,
                masked=tensor.mask is not None,
                inside=place in inside,
            )
        )
    return found
