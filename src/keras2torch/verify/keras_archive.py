"""Saves a model of Keras 3 in whatever format as a ``.keras`` file, with how it was compiled.

Called as ``python -m keras2torch.verify.keras_archive`` with KERAS_BACKEND set and a JSON object on
standard input: ``model``, ``trusted`` (whether code in the file may run) and ``saved``.
"""

from __future__ import annotations

import json
import sys

import keras


def main() -> None:
    job = json.load(sys.stdin)
    if job["trusted"]:
        keras.config.enable_unsafe_deserialization()
    model = keras.saving.load_model(job["model"], safe_mode=not job["trusted"])
    model.save(job["saved"])


if __name__ == "__main__":
    main()
