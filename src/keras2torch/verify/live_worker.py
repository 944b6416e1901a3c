"""Runs a Python file of the user's own in Keras and saves the model that it makes, or its JSON.

Called as ``python -m keras2torch.verify.live_worker`` with KERAS_BACKEND set and a JSON object on
standard input: ``file``, ``object`` (a model, or a function that returns one) and ``saved``.
"""

from __future__ import annotations

import json
import runpy
import sys
from pathlib import Path

import keras


def main() -> None:
    job = json.load(sys.stdin)
    sys.path.insert(0, str(Path(job["file"]).resolve().parent))
    made = runpy.run_path(job["file"]).get(job["object"])
    if made is None:
        sys.exit(f"{job['file']} has no {job['object']}")
    model = made if isinstance(made, keras.Model) else made()
    if not isinstance(model, keras.Model):
        sys.exit(f"{job['object']} is no Keras model and makes none")
    if job["saved"].endswith(".json"):
        Path(job["saved"]).write_text(model.to_json())
    else:
        model.save(job["saved"])


if __name__ == "__main__":
    main()
