"""``port.json``, which says what a port was made of and how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras2torch.errors import PortError, quoted
from keras2torch.porting import MANIFEST

# What it must have to be compared with: the kind of each entry, and the keys of those in lists.
NEEDED: dict[str, tuple[type, tuple[str, ...]]] = {
    "source": (dict, ()),
    "inputs": (list, ("name", "shape", "dtype", "below")),
    "parameters": (list, ("name", "shape", "count", "trainable", "keras", "keras_shape", "how")),
    "layers": (list, ("layer", "call", "module", "class", "outputs")),
    "notes": (list, ()),
}


def read_manifest(port: Path) -> dict[str, Any]:
    """``port.json`` of a port's folder.

    Raises:
        PortError: there is none, or it is damaged.
    """
    try:
        manifest = json.loads((port / MANIFEST).read_text(encoding="utf-8"))
    except OSError as error:
        raise PortError(f"{quoted(port)} is no port: it has no {MANIFEST} to read") from error
    except (ValueError, RecursionError) as error:
        raise PortError(f"{quoted(port)}: its {MANIFEST} is damaged") from error
    if not isinstance(manifest, dict) or manifest.get("format") != 1:
        raise PortError(f"{quoted(port)}: its {MANIFEST} is of another version")
    problem = _problem(manifest)
    if problem is not None:
        raise PortError(f"{quoted(port)}: its {MANIFEST} is damaged, {problem}")
    return manifest


def _problem(manifest: Mapping[str, Any]) -> str | None:
    """What it lacks, if it lacks something."""
    for name, (kind, keys) in NEEDED.items():
        if not isinstance(manifest.get(name), kind):
            return f"it has no {name}"
        for entry in manifest[name] if keys else ():
            lacking = [key for key in keys if not isinstance(entry, dict) or key not in entry]
            if lacking:
                return f"one of its {name} has no {lacking[0]}"
    return None
