"""Ports the cases that ``capture.py`` made, runs them, and says what became of each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from keras2torch import Keras2TorchError, ModelError, check, load, port
from keras2torch.verify.check import apart

EQUAL = 1e-5
ROUNDINGS = 4.0  # of the output's own dtype, where that is coarser
VERDICTS = ("equal", "refused", "differs", "crash")


@dataclass(frozen=True)
class Outcome:
    """What became of one case; ``reason`` is the refusal, the distance or the error."""

    id: str
    layer: str
    test: str
    verdict: str
    reason: str


def cases_in(folder: Path) -> list[dict[str, str]]:
    """The cases of a folder, in the order they were captured."""
    return [
        json.loads(line)
        for file in sorted(folder.glob("cases.*.jsonl"))
        for line in file.read_text().splitlines()
    ]


def outcome(folder: Path, case: dict[str, str], out: Path) -> Outcome:
    """Port one case to ``out``, run the port in float32 and compare with Keras' own outputs."""

    def so(verdict: str, reason: str = "") -> Outcome:
        return Outcome(case["id"], case["layer"], case["test"], verdict, reason)

    try:
        done = port(folder / f"{case['id']}.keras", out)
        with np.load(folder / f"{case['id']}.inputs.npz") as stored:
            inputs = [_argument(stored[wanted["name"]]) for wanted in done.manifest["inputs"]]
        with torch.no_grad():
            found = _flat(load(out)(*inputs))
    except ModelError as error:
        return so("refused", str(error))
    except Exception as error:  # whatever else it is, it is a defect, and one case's alone
        return so("crash", f"{type(error).__name__}: {error}")
    with np.load(folder / f"{case['id']}.outputs.npz") as stored:
        expected = [stored[name] for name in stored.files]
    verdict, reason = _compared(expected, found)
    if verdict == "differs" and _is_rounding(folder, case["id"], out):
        return so("equal", f"{reason}, as Keras' own float32 is from its float64")
    return so(verdict, reason)


def _is_rounding(folder: Path, case: str, port: Path) -> bool:
    """Whether the check, which knows Keras' own rounding, finds the port equal on these inputs."""
    model, data = folder / f"{case}.keras", folder / f"{case}.inputs.npz"
    try:
        return check(model, port, data=data, backends=("tensorflow",)).equal
    except Keras2TorchError:
        return False


def _argument(array: np.ndarray[Any, Any]) -> Any:
    return array.tolist() if array.dtype.kind == "U" else torch.from_numpy(array)


def _flat(outputs: Any) -> list[Any]:
    """The outputs in Keras' order; lists of strings stay whole."""
    if isinstance(outputs, torch.Tensor):
        return [outputs]
    if isinstance(outputs, dict):
        outputs = [outputs[key] for key in sorted(outputs)]
    if _strings(outputs):
        return [outputs]
    return [leaf for part in outputs for leaf in _flat(part)]


def _strings(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and bool(value) and _strings(value[0])
    )


def _compared(expected: list[Any], found: list[Any]) -> tuple[str, str]:
    if len(expected) != len(found):
        return "differs", f"{len(found)} outputs instead of {len(expected)}"
    for wanted, got in zip(expected, found, strict=True):
        if wanted.dtype.kind == "U":
            if wanted.tolist() != got:
                return "differs", "other strings"
            continue
        limit = EQUAL
        if got.is_floating_point():
            if got.itemsize < 4:
                limit = ROUNDINGS * torch.finfo(got.dtype).eps
            got = got.double()
        distance = apart([wanted], [got.numpy()])[1]
        if not distance <= limit:
            shapes = f", shape {tuple(got.shape)} for {wanted.shape}"
            return "differs", f"by {distance:.1e}{shapes if got.shape != wanted.shape else ''}"
    return "equal", ""


def table(outcomes: Iterable[Outcome]) -> str:
    """How many cases of each layer came out how."""
    counts: dict[str, Counter[str]] = {}
    for found in outcomes:
        counts.setdefault(found.layer, Counter())[found.verdict] += 1
    rows = [(name, *(counts[name][v] for v in VERDICTS)) for name in sorted(counts)]
    rows.append(("all", *(sum(c[v] for c in counts.values()) for v in VERDICTS)))
    head = f"{'layer':32}" + "".join(f"{verdict:>9}" for verdict in VERDICTS)
    return "\n".join([head, *(f"{row[0]:32}" + "".join(f"{n:9}" for n in row[1:]) for row in rows)])
