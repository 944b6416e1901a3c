"""The pipeline: a saved Keras model in, a folder with its PyTorch port out."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from keras2torch.emit.audit import audit
from keras2torch.emit.format import formatted
from keras2torch.emit.module import Emitted, write_module
from keras2torch.emit.weights import write_weights
from keras2torch.errors import PortError, quoted
from keras2torch.handover import Handover
from keras2torch.ir.build import graph_of
from keras2torch.ir.graph import map_leaves
from keras2torch.ir.keras2 import described
from keras2torch.ir.lower import program_of
from keras2torch.ir.program import Program
from keras2torch.ir.variables import variable_order
from keras2torch.optimizer_state import OptimizerState
from keras2torch.readers import Saved, read
from keras2torch.replacing import replace_folder
from keras2torch.sources import described_by, located

MODEL = "model.py"
TRAIN = "train.py"
WEIGHTS = "weights.safetensors"
OPTIMIZER = "optimizer.safetensors"
VOCABULARY = "vocabulary.json"
MANIFEST = "port.json"
OWN = frozenset({MODEL, TRAIN, WEIGHTS, OPTIMIZER, VOCABULARY, MANIFEST})


@dataclass(frozen=True)
class Port:
    """A port: the sources of ``model.py`` and ``train.py``, and what ``port.json`` says of it.

    ``train`` is None where the model is not compiled, or its training can't be followed;
    ``path`` is the folder it was written to, if it was.
    """

    source: str
    manifest: Mapping[str, Any]
    path: Path | None
    train: str | None = None

    @property
    def class_name(self) -> str:
        """The emitted class."""
        return str(self.manifest["class"])

    @property
    def notes(self) -> list[str]:
        """What its owner should know."""
        return list(self.manifest["notes"])


def port(
    model: str | Path,
    out: str | Path | None = None,
    *,
    config: str | Path | None = None,
    backend: str = "tensorflow",
    optimizer: str = "keras",
    callbacks: Sequence[str] = (),
    train: bool = False,
) -> Port:
    """Port a Keras model to PyTorch: a file, a folder, or what ``sources.located`` finds.

    ``config`` is the JSON of ``model.to_json()``, or ``file.py:object`` that makes the model, for
    weights that were saved without it. ``backend`` is the one of Keras whose arithmetic the
    training follows, ``tensorflow`` or ``jax``: they differ. ``optimizer`` is ``keras`` for one
    with Keras' arithmetic, or ``torch`` for the nearest of ``torch.optim``; ``callbacks`` are those
    of ``fit()``, as ``EarlyStopping(patience=3)``, which are read and not run. With ``train`` it is
    an error if the training can't be handed over; otherwise it is a note.

    Nothing of the file is executed; Keras, TensorFlow and torch are not needed. With ``out``, the
    folder holds ``model.py``, ``weights.safetensors`` and ``port.json`` afterwards, ``train.py`` if
    the model is compiled, ``optimizer.safetensors`` if it has been trained, and ``vocabulary.json``
    if a layer knows many words; all or none: they are written aside first.

    Raises:
        ModelError: the model can't be ported; one line names every reason.
        PortError: the folder can't be written.
    """
    with (
        located(model) as path,
        described_by(config) as description,
        read(path, description) as saved,
    ):
        graph = graph_of(described(saved), saved.weights)
        program = program_of(graph)
        handover = Handover(saved, program, graph, backend, optimizer, tuple(callbacks), train)
        order = variable_order(program.model)
        emitted = write_module(program)
        source = formatted(emitted.text)
        audit(source)
        trainer, state = handover.written(emitted, order)
        manifest = _manifest(saved, program, emitted, backend if trainer else None, state)
        if out is None:
            return Port(source, manifest, None, trainer)
        out = Path(out)
        _write(out, source, trainer, manifest, emitted, saved, state)
    return Port(source, manifest, out, trainer)


def _write(
    out: Path,
    source: str,
    train: str | None,
    manifest: Mapping[str, Any],
    emitted: Emitted,
    saved: Saved,
    state: OptimizerState,
) -> None:
    """Write the folder aside, then give it its name."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise PortError(f"{quoted(out)} is there and is no folder")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise PortError(f"{quoted(out)} holds other files; name a new folder or an older port")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise PortError(f"{quoted(out)} can't be written: {error.strerror}") from error
    try:
        (aside / MODEL).write_text(source, encoding="ascii")
        if train is not None:
            (aside / TRAIN).write_text(train, encoding="ascii")
        weights = {key: weight for key, (_, _, weight) in emitted.weights.items()}
        write_weights(aside / WEIGHTS, weights, saved.drop_pages)
        if state.tensors:
            write_weights(aside / OPTIMIZER, state.tensors, saved.drop_pages)
        if emitted.vocabularies:
            terms = json.dumps(emitted.vocabularies, indent=1)
            (aside / VOCABULARY).write_text(terms + "\n", encoding="ascii")
        text = json.dumps(manifest, indent=2)
        (aside / MANIFEST).write_text(text + "\n", encoding="ascii")
        aside.chmod(0o777 & ~_umask())
        replace_folder(aside, out, OWN)
    except OSError as error:
        raise PortError(f"{quoted(out)} can't be written: {error.strerror}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _manifest(
    saved: Saved,
    program: Program,
    emitted: Emitted,
    training: str | None,
    state: OptimizerState,
) -> dict[str, Any]:
    """``port.json``: plain data about the port, for people and for ``check``."""
    inputs = [
        {
            "name": name,
            "argument": argument,
            "shape": list(tensor.shape),
            "dtype": tensor.dtype,
            "below": program.input_limits.get(name),
            "samples": asdict(s) if (s := program.input_samples.get(name)) else None,
        }
        for argument, (name, tensor) in zip(emitted.arguments, program.model.inputs, strict=True)
    ]
    return {
        "format": 1,
        "source": {
            "file": saved.path.name,
            "sha256": saved.sha256,
            "keras_version": saved.keras_version,
        },
        "class": emitted.class_name,
        "inputs": inputs,
        "outputs": map_leaves(lambda tensor: list(tensor.shape), program.model.outputs),
        "parameters": [
            {
                "name": name,
                "shape": list(weight.shape),
                "count": weight.size,
                "trainable": key in module.parameters and key not in module.frozen,
                "buffer": key in module.buffers,
                "keras": weight.keras,
                "keras_shape": list(weight.origin) if weight.keras else None,
                "how": weight.how,
            }
            for name, (module, key, weight) in emitted.weights.items()
        ],
        "backends": ["tensorflow"] if program.only_tensorflow else ["tensorflow", "jax"],
        "vocabulary": VOCABULARY if emitted.vocabularies else None,
        "layers": emitted.traces,
        "training": training,
        "optimizer": {"file": OPTIMIZER, "tensors": state.listed} if state.tensors else None,
        "notes": [*program.notes, *([state.note] if state.note else [])],
    }
