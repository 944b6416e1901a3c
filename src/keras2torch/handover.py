"""Reads how a compiled model is trained, in terms of its program's outputs."""

from __future__ import annotations

from dataclasses import replace

from keras2torch.errors import DataError, UnsupportedError, quoted
from keras2torch.ir.graph import Graph, leaves
from keras2torch.ir.keras2 import is_keras2
from keras2torch.ir.keras2_training import compiled
from keras2torch.ir.logits import hidden_logits, logits_inside, take_logits
from keras2torch.ir.output_masks import take_masks
from keras2torch.ir.program import Program
from keras2torch.readers import Saved
from keras2torch.recipes.compiled import ModelOutput, Training, training_of

BACKENDS = ("tensorflow", "jax")


def training_for(saved: Saved, program: Program, graph: Graph, backend: str) -> Training:
    """The training of a saved model. Where losses want logits the program gets them.

    Raises:
        DataError: the model is not compiled.
        ModelError: its training can't be followed; all problems are named.
    """
    if backend not in BACKENDS:
        raise DataError(f"training follows Keras on {' or '.join(BACKENDS)}, not {quoted(backend)}")
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
