"""A Training as the text of ``train.py``: the loop that its owner would have written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from keras2torch.emit.imports import import_block
from keras2torch.emit.module import Emitted
from keras2torch.emit.train_parts import Parts
from keras2torch.emit.trimming import cut_for
from keras2torch.ir.program import Program
from keras2torch.optimizer_state import OptimizerState
from keras2torch.recipes.compiled import Training

IMPORTS = {
    "Any": "from typing import Any",
    "DataLoader": "from torch.utils.data import DataLoader",
    "Iterable": "from collections.abc import Iterable",
    "Path": "from pathlib import Path",
    "Tensor": "from torch import Tensor",
    "argparse": "import argparse",
    "dataclass": "from dataclasses import dataclass",
    "default_collate": "from torch.utils.data import default_collate",
    "load": "from model import load",
    "load_file": "from safetensors.torch import load_file",
    "save_file": "from safetensors.torch import save_file",
    "time": "import time",
    "torch": "import torch",
    "tqdm": "from tqdm import tqdm",
}


def write_train(
    training: Training,
    program: Program,
    emitted: Emitted,
    state: OptimizerState | None = None,
    plain: bool = False,
    callbacks: Sequence[str] = (),
) -> str:
    """The unformatted text of ``train.py``. With ``plain`` its optimizer is torch's own.

    ``callbacks`` are texts such as ``EarlyStopping(patience=3)``, ``state`` is what Keras'
    optimizer has gathered, to go on from.

    Raises:
        UnsupportedError: a model whose training can't be written.
    """
    import jinja2

    parts = Parts(training, program, emitted, state or OptimizerState(), plain, callbacks)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    template = environment.get_template("train.py.j2")
    loop = template.render(t=parts, sources=[])
    sources, needed = cut_for(loop, parts.helpers, bool(parts.updates.sparse))
    text = template.render(t=parts, sources=sources)
    docstring, _, body = text.partition("\n# imports\n")
    imports = import_block(body, needed | {parts.import_of_model}, IMPORTS)
    return f"{docstring}\n{imports}\n{body}"
