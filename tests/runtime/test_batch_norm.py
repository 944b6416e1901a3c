"""BatchNorm while it trains, against Keras' BatchNormalization in float64."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from conftest import run_keras

from keras2torch.runtime.batch_norm import BatchNorm, MaskedBatchNorm, RenormBatchNorm

EXACT = 1e-12  # rounding of a few dozen float64 operations
STEPS = 3
WEIGHTS = {"gamma": "weight", "beta": "bias"}
STATISTICS = {
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "moving_stddev": "running_std",
    "renorm_mean": "renorm_mean",
    "renorm_stddev": "renorm_std",
}

Arrays = dict[str, npt.NDArray[Any]]


def _case(identity: str, shape: list[int], masked: bool = False, **config: Any) -> dict[str, Any]:
    return {"id": identity, "shape": shape, "masked": masked, "config": config}


CASES = [
    _case("vectors", [5, 3]),
    _case("images", [2, 4, 3, 2], momentum=0.9, epsilon=1e-5),
    _case("first-axis", [3, 4, 2], axis=1, scale=False),
    _case("middle-axis", [2, 3, 4, 2], axis=2, center=False),
    _case("no-weights", [4, 3], center=False, scale=False),
    _case("one-sample", [1, 3]),
    _case("one-sample-sequence", [1, 1, 3]),
    _case("frozen", [4, 3], trainable=False),
    _case("masked", [3, 4, 2], masked=True),
    _case("masked-no-scale", [3, 4, 2], masked=True, scale=False, momentum=0.8),
    _case("masked-no-center", [3, 4, 2], masked=True, center=False),
    _case("masked-first-axis", [3, 4, 2], masked=True, axis=1),
    _case("masked-vectors", [6, 3], masked=True),
    _case("masked-images", [2, 3, 4, 2], masked=True, axis=1),
    _case("renorm", [4, 3], renorm=True, renorm_momentum=0.7, momentum=0.9),
    _case(
        "renorm-clipped",
        [3, 4, 2],
        renorm=True,
        renorm_clipping={"rmin": 0.8, "rmax": 1.1, "dmax": 0.2},
        axis=1,
    ),
    _case("renorm-masked", [3, 4, 2], masked=True, renorm=True, scale=False),
    _case("renorm-frozen", [4, 3], renorm=True, trainable=False),
    _case("masked-frozen", [3, 4, 2], masked=True, trainable=False),
]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what Keras told of every case."""
    folder = tmp_path_factory.mktemp("batch_norm")
    run_keras("batch_norm.py", {"folder": str(folder), "cases": CASES}, "tensorflow")
    return folder


def _module(case: dict[str, Any], told: Arrays) -> BatchNorm:
    config = case["config"]
    axis = config.get("axis", -1)
    kind: Any = MaskedBatchNorm if case["masked"] else BatchNorm
    options = {}
    if config.get("renorm"):
        kind, options = RenormBatchNorm, dict(config.get("renorm_clipping", {}))
        options["renorm_momentum"] = 1 - config.get("renorm_momentum", 0.99)
    module: BatchNorm = kind(
        case["shape"][axis],
        eps=config.get("epsilon", 1e-3),
        momentum=1 - config.get("momentum", 0.99),
        dim=axis,
        weight=config.get("scale", True),
        bias=config.get("center", True),
        frozen=not config.get("trainable", True),
        **options,
    ).double()
    names = WEIGHTS | STATISTICS
    state = {names[n]: torch.from_numpy(told[n]) for n in names if n in told}
    module.load_state_dict(state, strict=True)
    return module.train()


@pytest.mark.parametrize("spec", CASES, ids=lambda spec: spec["id"])
def test_trains_as_keras(spec: dict[str, Any], expected: Path) -> None:
    with np.load(expected / f"{spec['id']}.npz") as stored:
        told = dict(stored)
    module = _module(spec, told)
    for step in range(STEPS):
        x = torch.from_numpy(told[f"x{step}"]).requires_grad_()
        given = [x]
        if spec["masked"]:
            given.append(torch.from_numpy(told[f"mask{step}"]).unsqueeze(-1))
        module.zero_grad()
        y = module(*given)
        weigh = torch.arange(y.numel(), dtype=y.dtype).cos().reshape(y.shape)
        (y * weigh).sum().backward()
        found = {"y": y, "grad_x": x.grad}
        found |= {k: getattr(module, n) for k, n in STATISTICS.items() if hasattr(module, n)}
        for keras, name in WEIGHTS.items():
            if f"grad_{keras}{step}" in told:
                found[f"grad_{keras}"] = getattr(module, name).grad
        for name, tensor in found.items():
            assert tensor is not None, name
            want = told[f"{name}{step}"]
            scale = max(1.0, float(np.abs(want).max()))
            apart = float(np.abs(tensor.detach().numpy() - want).max())
            assert apart <= EXACT * scale, f"{name} after step {step}"


def test_channels_first_memory_is_the_same() -> None:
    x = torch.randn(2, 3, 4, dtype=torch.float64)
    first = BatchNorm(3).double()
    last = BatchNorm(3, dim=-1).double()
    assert torch.allclose(first(x), last(x.movedim(1, -1)).movedim(-1, 1), rtol=0, atol=EXACT)
    assert torch.allclose(first.running_var, last.running_var, rtol=0, atol=EXACT)


def test_reset_starts_afresh() -> None:
    module = BatchNorm(3)
    module(torch.randn(4, 3))
    module.reset_parameters()
    fresh = BatchNorm(3).state_dict()
    assert all(torch.equal(value, fresh[key]) for key, value in module.state_dict().items())
