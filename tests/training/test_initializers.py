"""``reset_parameters`` against Keras' initializers, for all layers: distributions, bounds, fans.

Row 17 of the questions: Glorot where PyTorch has Kaiming, an Embedding's start, cut normal
distributions, orthogonal recurrences, an LSTM's forget gates.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from initial_cases import FAST_STARTS, slow_starts
from parts import all_starts_in_keras, in_keras

from keras2torch import port
from keras2torch.loading import load
from keras2torch.runtime.initialization import keras_orthogonal_

DEVIATIONS = 5.0  # of what chance does to a mean or a deviation
KOLMOGOROV = 2.69  # of two samples from one distribution one pair in a million is farther apart


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Kolmogorov and Smirnov's statistic, in units that do not depend on the sizes."""
    both = np.sort(np.concatenate([a, b]))
    shares = [np.searchsorted(np.sort(x), both, side="right") / x.size for x in (a, b)]
    return float(abs(shares[0] - shares[1]).max() / np.sqrt(1 / a.size + 1 / b.size))


def compare(name: str, theirs: torch.Tensor, mine: torch.Tensor) -> None:
    a, b = (tensor.double().numpy().reshape(-1) for tensor in (theirs, mine))
    if np.unique(a).size <= 2:
        assert torch.equal(theirs, mine), f"{name}: not what Keras says without chance"
        return
    assert a.size > 400, f"{name}: too small to tell"
    assert distance(a, b) < KOLMOGOROV, name
    chance = np.sqrt(2 / a.size)
    assert abs(a.mean() - b.mean()) < DEVIATIONS * chance * a.std(), name
    # The relative deviation of a deviation, from the fourth moment.
    fourth = ((a - a.mean()) ** 4).mean() / a.var() ** 2
    spread = np.sqrt((fourth - 1) / 4) * chance
    assert abs(np.log(a.std() / b.std())) < DEVIATIONS * spread, name
    singular = [torch.linalg.svdvals(t.double().flatten(1)) for t in (theirs, mine)]
    if singular[0].max() - singular[0].min() < 1e-4:
        torch.testing.assert_close(singular[0], singular[1], rtol=0, atol=1e-4, msg=name)
    if fourth < 1.9:  # a uniform distribution: its bounds
        assert abs(a.max() - b.max()) + abs(a.min() - b.min()) < 40 * a.std() / a.size, name


def starts_compared(path: Path, tmp_path: Path) -> None:
    port(path, tmp_path / "port")
    model = load(tmp_path / "port")
    theirs = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch.manual_seed(11)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(7.0)
    model.reset_parameters()
    for name, tensor in model.state_dict().items():
        compare(name, theirs[name], tensor)


@pytest.mark.parametrize("pair", FAST_STARTS, ids=", ".join)
def test_start_is_keras(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[str, str], tmp_path: Path
) -> None:
    starts_compared(in_keras(tmp_path_factory) / "initial" / f"{', '.join(pair)}.keras", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("pair", slow_starts(), ids=", ".join)
def test_every_start_is_keras(
    tmp_path_factory: pytest.TempPathFactory, pair: tuple[str, str], tmp_path: Path
) -> None:
    folder = all_starts_in_keras(tmp_path_factory) / "initial"
    starts_compared(folder / f"{', '.join(pair)}.keras", tmp_path)


def test_orthogonal_matrices_lie_as_keras_has_them() -> None:
    weight = torch.empty(12, 1, 2, 3)  # (channels * multiplier, 1, height, width)
    keras_orthogonal_(weight, (2, 3, 4, 3), (2, 3, 0, 1), gain=2.0)
    matrix = weight.reshape(4, 3, 2, 3).permute(2, 3, 0, 1).reshape(24, 3)
    torch.testing.assert_close(matrix.T @ matrix, 4 * torch.eye(3))
