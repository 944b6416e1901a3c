"""Every example call of every operation of ``keras.ops``: made in Keras, ported, and compared.

Many calls stand side by side in one model, a sheet. Calls of operations that take tensors however
they lie in memory are made twice, the second time behind a layer that lays the channels first.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import run_keras

from keras2torch import port
from keras2torch.errors import UnsupportedError
from keras2torch.ops.calls import Drawn, OpCall
from keras2torch.ops.refused import REFUSED
from keras2torch.registry import all_ops, find
from keras2torch.verify.check import apart
from keras2torch.verify.torch_worker import run_port

EXACT = 1e-12
SINGLE = 1e-5
SHEET = 24  # calls in one model


def _calls() -> dict[str, OpCall]:
    found = {}
    for name, mapping in sorted(all_ops().items()):
        for number, call in enumerate(mapping.calls):
            found[f"{name}-{number}"] = call
            if mapping.any_order and any(map(_has_channels, [*call.arguments])):
                found[f"{name}-{number}-first"] = call
    return found


def _has_channels(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_has_channels, value))
    if isinstance(value, Drawn):  # poolings treat NaN differently
        plain = value.batched and value.dtype == "float32"
        plain = plain and not value.special and not value.holes
        value = value.shape if plain else None
    shape = value
    # TensorFlow has no pooling of volumes in float64.
    return isinstance(shape, tuple) and 2 <= len(shape) <= 3 and type(shape[0]) in (int, type(None))


CALLS = _calls()


@pytest.fixture(scope="session")
def sheets(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> tuple[Path, dict[str, str], dict[str, str]]:
    """The folder, each example's sheet, and what Keras could not run."""
    folder = tmp_path_factory.mktemp("operations")
    wanted = [
        item.callspec.params["identity"]
        for item in request.session.items
        if "sheets" in getattr(item, "fixturenames", ()) and hasattr(item, "callspec")
    ]
    sheet_of: dict[str, str] = {}
    problems: dict[str, str] = {}
    on_jax = [i for i in wanted if "jax" in CALLS[i].backends and not i.endswith("-first")]
    by_jax = [i for i in on_jax if CALLS[i].truth == "jax"]
    for backend, precision, chosen in (
        ("tensorflow", "float32", wanted),
        ("jax", "float32", on_jax),
        ("jax", "float64", by_jax),
    ):
        cut = {}
        for letter, single in (("s", False), ("t", True)):
            part = [i for i in chosen if CALLS[i].single == single]
            cut |= {f"{letter}{n}": part[n : n + SHEET] for n in range(0, len(part), SHEET)}
        job = {"folder": str(folder), "precision": precision, "sheets": cut}
        run_keras("operations.py", job, backend)
        told = json.loads((folder / f"told.{backend}.{precision}.json").read_text())
        problems = {**{k: f"{backend}: {v}" for k, v in told["problems"].items()}, **problems}
        if backend == "tensorflow":
            sheet_of = {i: name for name, ids in told["sheets"].items() for i in ids}
    return folder, sheet_of, problems


@functools.cache
def _ported(folder: Path, sheet: str) -> Mapping[str, Any]:
    """A sheet's port, run in both precisions: outputs by example, gradients by input."""
    target = folder / f"{sheet}.port"
    port(folder / f"{sheet}.keras", target)
    with np.load(folder / f"{sheet}.inputs.npz") as stored:
        arrays = dict(stored)
    inputs_of = json.loads((folder / f"{sheet}.json").read_text())
    found: dict[str, Any] = {}
    with torch.no_grad():
        found["float32"] = run_port(target, arrays, "float32")[2]
        _, model, found["float64"] = run_port(target, arrays, "float64")
    names = [line["name"] for line in json.loads((target / "port.json").read_text())["inputs"]]
    tensors = [torch.from_numpy(arrays[name]) for name in names]
    tensors = [t.double().requires_grad_() if t.is_floating_point() else t for t in tensors]
    torch.set_default_dtype(torch.float64)
    try:
        flat = model(*tensors)
    finally:
        torch.set_default_dtype(torch.float32)
    flat = [flat] if isinstance(flat, torch.Tensor) else list(flat)
    counts = {i: len(_stored(folder, i, "tensorflow", "float32")) for i in inputs_of}
    spans = dict(zip(counts, np.cumsum([0, *counts.values()])[:-1].tolist(), strict=True))
    loss = torch.zeros(())
    for identity, start in spans.items():
        for o in flat[start : start + counts[identity]] if CALLS[identity].gradients else ():
            if o.is_floating_point() and o.requires_grad:
                weigh = torch.arange(o.numel(), dtype=torch.float64).cos().reshape(o.shape)
                loss = loss + (o * weigh).sum()
    if loss.requires_grad:
        loss.backward()
    found["spans"] = {i: slice(s, s + counts[i]) for i, s in spans.items()}
    found["gradients"] = dict(zip(names, [t.grad for t in tensors], strict=True))
    found["inputs_of"] = inputs_of
    return found


def _stored(folder: Path, identity: str, backend: str, precision: str) -> list[Any]:
    with np.load(folder / f"{identity}.{backend}.{precision}.npz") as stored:
        return [stored[name] for name in stored.files]


@pytest.mark.parametrize("identity", CALLS)
def test_call(identity: str, sheets: tuple[Path, dict[str, str], dict[str, str]]) -> None:
    folder, sheet_of, problems = sheets
    assert identity not in problems, problems[identity]
    call, sheet = CALLS[identity], sheet_of[identity]
    done = _ported(folder, sheet)
    span = done["spans"][identity]
    plain = identity.removesuffix("-first")
    exact = _stored(folder, plain if call.truth == "jax" else identity, call.truth, "float64")
    found = [_array(t) for t in done["float64"][span]]
    assert apart(exact, found)[1] <= EXACT, "float64"
    single = _stored(folder, identity, "tensorflow", "float32")
    backends = {"TensorFlow": single}
    if "jax" in call.backends:
        backends["JAX"] = _stored(folder, plain, "jax", "float32")
    found = [_array(t) for t in done["float32"][span]]
    floor = max(apart(exact, other)[1] for other in backends.values())
    for name, other in backends.items():
        assert apart(other, found)[1] <= max(SINGLE, 4 * floor), f"float32, {name}"
    assert [a.dtype for a in found] == [a.dtype for a in single], "dtypes"
    if call.gradients and call.truth == "tensorflow":
        _compare_gradients(folder, sheet, identity, done)


def _array(tensor: torch.Tensor) -> Any:
    return tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def _compare_gradients(folder: Path, sheet: str, identity: str, done: Mapping[str, Any]) -> None:
    with np.load(folder / f"{sheet}.gradients.npz") as stored:
        expected = {name: stored[name] for name in done["inputs_of"][identity] if name in stored}
    for name, gradient in expected.items():
        own = done["gradients"][name]
        own = np.zeros(gradient.shape) if own is None else own.numpy()
        scale = max(1e-3, float(np.nanmax(np.abs(gradient), initial=0)))
        assert math.isfinite(scale)
        assert np.array_equal(np.isnan(own), np.isnan(gradient)), f"gradient of {name}"
        apart_by = float(np.nanmax(np.abs(own - gradient), initial=0))
        assert apart_by <= EXACT * scale, f"gradient of {name}"


def test_every_function_is_ported_or_refused(tmp_path: Path) -> None:
    """What ``keras.ops`` has, asked of Keras itself."""
    told = tmp_path / "functions.json"
    run_keras("functions.py", {"told": str(told)}, "jax")
    ported = {call.function for call in CALLS.values()}
    assert not ported & REFUSED.keys() - {"svd"}
    assert sorted(set(json.loads(told.read_text())) - ported - REFUSED.keys()) == []


def test_a_refused_operation_says_why() -> None:
    for name in ("VectorizedMap", "Nonzero", "Eigh", "ElasticTransform"):
        with pytest.raises(UnsupportedError, match="is not ported: "):
            find(name, True, "layer 'x'")
