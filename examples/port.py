"""Writes every network's port beside its Keras code: ``model.py`` and ``train.py``.

Weights are left out, as the networks have learnt nothing yet. ``keras2torch port
quora/keras_model.py:build -o FOLDER`` writes one with them.
"""

from __future__ import annotations

from pathlib import Path

from keras2torch import port

for keras_model in sorted(Path(__file__).parent.glob("*/keras_model.py")):
    written = port(f"{keras_model}:build", train=True)
    keras_model.with_name("model.py").write_text(written.source)
    keras_model.with_name("train.py").write_text(str(written.train))
    print(f"{keras_model.parent}: {written.class_name}")
