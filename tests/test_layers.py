"""Every example of every layer: built in Keras, ported, and compared in every way there is."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import example_ids
from safetensors.numpy import load_file

from keras2torch import port
from keras2torch.registry import Example
from keras2torch.verify.check import apart
from keras2torch.verify.recording import load_recording
from keras2torch.verify.torch_worker import run_port

# float64: rounding of a few dozen operations. float32: the same, or four times the distance of
# Keras' own float32 from its float64.
EXACT = 1e-12
SINGLE = 1e-5

Case = tuple[str, str, Example]


def _cases() -> Iterator[Any]:
    """All examples. Of a layer's third and later ones every third runs in ``make test``, the
    others in ``make test-all``: Keras takes a second for each."""
    for case in example_ids():
        number = int(case[0].rpartition("-")[2])
        marks = [pytest.mark.slow] if number >= 2 and number % 3 else []
        yield pytest.param(case, id=case[0], marks=marks)


@pytest.mark.parametrize("case", list(_cases()))
def test_example(case: Case, keras_examples: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    identity = case[0]
    folder, problems = keras_examples
    assert identity not in problems, problems[identity]
    done = port(folder / f"{identity}.keras", tmp_path / "port")
    again = port(folder / f"{identity}.keras")
    assert done.source == again.source
    for batch in (3, 1):
        with np.load(folder / f"{identity}.{batch}.inputs.npz") as stored:
            arrays = dict(stored)
        exact = load_recording(folder / f"{identity}.{batch}.float64.npz")
        single = load_recording(folder / f"{identity}.{batch}.float32.npz")
        others = {"TensorFlow": single}
        if (folder / f"{identity}.{batch}.jax.npz").exists():  # not where only TensorFlow can
            others["JAX"] = load_recording(folder / f"{identity}.{batch}.jax.npz")
        recording, model, outputs = run_port(tmp_path / "port", arrays, "float64")
        found = recording.keyed()
        assert set(exact) <= set(found)
        for layer, expected in exact.items():
            assert apart(expected, found[layer])[1] <= EXACT, f"{layer}, float64, batch {batch}"
        if batch == 3:
            _compare_gradients(folder / identity, tmp_path, model, outputs)
        with torch.no_grad():
            found = run_port(tmp_path / "port", arrays, "float32")[0].keyed()
        for layer, expected in exact.items():
            floor = max(apart(expected, other[layer])[1] for other in others.values())
            for name, other in others.items():
                limit = max(SINGLE, 4 * floor)
                assert apart(other[layer], found[layer])[1] <= limit, f"{layer}, {name}, {batch}"
                for a, b in zip(other[layer], found[layer], strict=True):
                    if a is not None and b is not None and a.dtype.kind == "f":
                        assert a.dtype == b.dtype, f"{layer}, {name}, {batch}"


def _compare_gradients(
    path: Path, tmp_path: Path, model: torch.nn.Module, outputs: list[torch.Tensor]
) -> None:
    """The gradients of the same loss. Keras' were saved in the place of the weights, so porting
    that file brings each to its PyTorch parameter."""
    tensors = [o for o in outputs if isinstance(o, torch.Tensor)]
    floating = [o for o in tensors if o.is_floating_point() and o.requires_grad]
    if not floating:
        return
    loss = sum(
        (o * torch.arange(o.numel(), dtype=o.dtype).cos().reshape(o.shape)).sum() for o in floating
    )
    assert isinstance(loss, torch.Tensor)
    loss.backward()
    port(_as_float32_model(Path(f"{path}.grad.keras"), tmp_path), tmp_path / "gradients")
    expected = load_file(tmp_path / "gradients" / "weights.safetensors")
    manifest = json.loads((tmp_path / "gradients" / "port.json").read_text())
    trainable = {line["name"] for line in manifest["parameters"] if line["trainable"]}
    parameters = dict(model.named_parameters())
    assert {n for n, p in parameters.items() if p.requires_grad} == trainable
    scale = max([1e-3, *(float(np.abs(expected[name]).max()) for name in trainable)])
    for name in sorted(trainable):
        gradient = parameters[name].grad
        given = np.zeros(expected[name].shape) if gradient is None else gradient.numpy()
        assert math.isfinite(float(np.abs(given).max()))
        assert float(np.abs(given - expected[name]).max()) <= EXACT * scale, f"gradient of {name}"


def _as_float32_model(path: Path, folder: Path) -> Path:
    """The gradients were saved from a float64 model: say float32 in its config, as the file that
    is ported says; the stored arrays stay as they are."""
    import zipfile

    copy = folder / "gradients.keras"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(
                name, data.replace(b"float64", b"float32") if name == "config.json" else data
            )
    return copy
