"""Writes down the names of the public functions of ``keras.ops`` and of its families."""

import inspect
import json
import sys
from pathlib import Path

import keras


def functions():
    found = []
    for family in ("", "image", "linalg", "nn", "numpy"):
        space = getattr(keras.ops, family) if family else keras.ops
        for name in dir(space):
            function = getattr(space, name)
            if name.startswith("_") or inspect.ismodule(function) or not callable(function):
                continue
            if not family or getattr(keras.ops, name, None) is not function:
                found.append(f"{family}.{name}" if family else name)
    return found


if __name__ == "__main__":
    Path(json.load(sys.stdin)["told"]).write_text(json.dumps(functions()))
