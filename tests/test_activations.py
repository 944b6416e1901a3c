"""Every activation of the table against Keras in float64, far beyond where models usually are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from conftest import run_keras
from torch.nn import functional as F  # noqa: N812

from keras2torch.activations import EXPRESSIONS
from keras2torch.runtime import activations

# TensorFlow has these with a float32 constant even in float64; Keras on JAX computes them exactly
# (and others, such as tanh, in float32).
EXACT_ON_JAX = ("gelu", "leaky_relu")
# Keras 3 has all but this one, which test_formats.py compares with Keras 2.
NAMES = [name for name in EXPRESSIONS if name != "keras2_hard_sigmoid"]
RELATIVE = 1e-12
# What a definition itself loses: x - tanh(x), or 1 + erf(x), are small differences.
ROUNDING = 4 * np.finfo(np.float64).eps


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("activations")
    # Away from the kinks, where the frameworks choose gradients of their own.
    x = np.concatenate([np.linspace(-100, 100, 4002), np.linspace(-4, 4, 3998)]).reshape(-1, 8)
    found = {"x": x, "weights": np.cos(np.arange(x.size)).reshape(x.shape)}
    np.savez(folder / "inputs.npz", **found)
    for backend in ("tensorflow", "jax"):
        names = [name for name in NAMES if (name in EXACT_ON_JAX) == (backend == "jax")]
        path = folder / f"{backend}.npz"
        job = {"names": names, "inputs": str(folder / "inputs.npz"), "outputs": str(path)}
        run_keras("activations.py", job, backend)
        with np.load(path) as stored:
            found.update(stored)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_far_out(name: str, expected: dict[str, Any]) -> None:
    x = torch.from_numpy(expected["x"]).requires_grad_()
    names = {"torch": torch, "F": F, "x": x, **vars(activations)}
    y = eval(EXPRESSIONS[name].format("x", dim=-1), names)  # noqa: S307
    weights = torch.from_numpy(expected["weights"])
    (y * weights[:, : y.shape[1]]).sum().backward()
    assert x.grad is not None
    assert expected[name].dtype == np.float64
    size = np.abs(expected["x"])
    _agree(expected[name], y.detach().numpy(), size[:, : y.shape[1]])
    _agree(expected[f"{name}.gradient"], x.grad.numpy(), 1 + size)


def _agree(wanted: Any, found: Any, size: Any) -> None:
    limit = RELATIVE * np.abs(wanted) + ROUNDING * size
    excess = np.abs(wanted - found) - limit
    worst = int(np.argmax(excess))
    assert excess.max() <= 0, (wanted.flat[worst], found.flat[worst], worst)
