"""Random image layers while they train, against Keras: the same function of the factors, and the
same distribution of the factors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from conftest import run_keras
from scipy.stats import ks_2samp

from keras2torch import load, port

EXACT = 1e-12  # rounding of a few dozen float64 operations
SINGLE = 2e-6
# TensorFlow samples and resizes in float32, whatever the images are, and Keras' RandomHue stretches
# the values in it.
IN_SINGLE = (
    "RandomRotation RandomTranslation RandomZoom RandomShear RandomPerspective RandAugment AugMix "
    "RandomCrop RandomHue"
).split()
UNLIKELY = 1e-4  # of some 150 comparisons none should fall below by chance
KINDS = {
    "RandomFlip": 3, "RandomCrop": 2, "RandomRotation": 9, "RandomTranslation": 8, "RandomZoom": 2,
    "RandomShear": 2, "RandomPerspective": 2, "RandomElasticTransform": 9, "RandomBrightness": 2,
    "RandomContrast": 2, "RandomColorDegeneration": 2, "RandomGrayscale": 2, "RandomInvert": 2,
    "RandomHue": 2, "RandomSaturation": 2, "AutoContrast": 2, "Equalization": 2,
    "RandomPosterization": 2, "Solarization": 2, "RandomSharpness": 2, "RandomGaussianBlur": 2,
    "MixUp": 2, "CutMix": 2, "RandomErasing": 3, "RandAugment": 2, "AugMix": 2,
}  # fmt: skip
DRAWN = {"RandAugment": 1, "AugMix": 1}  # cases whose draws are compared, if not two
CASES = [(kind, number) for kind, count in KINDS.items() for number in range(count)]

Arrays = dict[str, npt.NDArray[Any]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("augmentation")
    run_keras("augmentation.py", {"folder": str(folder)}, "tensorflow")
    return folder


def _ported(told: Path, kind: str, number: int, out: Path) -> Any:
    """The module of the emitted file, training."""
    port(told / f"{kind}-{number}.keras", out)
    model = load(out).train()
    (module,) = [m for m in model.modules() if hasattr(m, "transform")]
    return module


def _drawn(arrays: Arrays, prefix: str, layer: Any) -> tuple[torch.Tensor, ...]:
    """The factors; Keras casts them to the images' dtype, but for the places it samples at."""
    count = sum(name.startswith(prefix) for name in arrays)
    drawn = [torch.from_numpy(arrays[f"{prefix}{place}"]) for place in range(count)]
    if hasattr(layer, "matrices"):
        return tuple(drawn)
    return tuple(factor.double() if factor.is_floating_point() else factor for factor in drawn)


@pytest.mark.parametrize(("kind", "number"), CASES)
def test_same_images_from_the_same_factors(
    kind: str, number: int, told: Path, tmp_path: Path
) -> None:
    module = _ported(told, kind, number, tmp_path)
    with np.load(told / f"{kind}-{number}.npz") as stored:
        arrays = dict(stored)
    images = torch.from_numpy(arrays["images"])
    drawn = _drawn(arrays, "drawn", module)
    inner = iter(range(int(arrays["inner"])))
    for layer in getattr(module, "layers", []):
        layer.draw = lambda _, layer=layer: _drawn(arrays, f"inner{next(inner)}.", layer)
    expected = arrays["outputs"]
    found = module.transform(images, drawn).numpy()
    assert found.dtype == expected.dtype
    assert next(inner, None) is None
    limit = SINGLE if kind in IN_SINGLE else EXACT
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= limit * np.abs(expected).max()
    assert expected.shape != images.shape or not np.allclose(expected, arrays["images"])


@pytest.mark.parametrize(
    ("kind", "number"), [case for case in CASES if case[1] < DRAWN.get(case[0], 2)]
)
def test_same_distribution_of_the_factors(
    kind: str, number: int, told: Path, tmp_path: Path
) -> None:
    module = _ported(told, kind, number, tmp_path)
    with np.load(told / f"{kind}-{number}.draws.npz") as stored:
        expected = list(stored.values())
    calls, batch = (len(expected[0]), 2 if len(expected[0]) > 1 else 3000) if expected else (1, 2)
    size = (40, 50) if kind == "RandomElasticTransform" else (8, 7)
    torch.manual_seed(11)
    samples = [module.draw(torch.zeros(batch, 3, *size)) for _ in range(calls)]
    # What Keras' elastic layer and AugMix draw besides is no part of their transformation.
    for place, wanted in enumerate(expected):
        found = np.stack([sample[place].numpy() for sample in samples])
        if wanted.shape[1:] == found.shape[1:]:
            _assert_alike(wanted, found)
        else:  # a number for all pixels, which Keras spreads over the images
            np.testing.assert_array_equal(*np.broadcast_arrays(wanted, found))


def _assert_alike(wanted: npt.NDArray[Any], found: npt.NDArray[Any]) -> None:
    """Column by column, and their sum, which tells whether they are drawn together."""
    *columns, total = zip(_columns(wanted), _columns(found), strict=True)
    for a, b in columns:
        reach = 0.1 * float(np.ptp(a)) + 1e-6
        ends = np.quantile([a, b], [0.05, 0.95], axis=1)
        assert np.abs(ends[:, 0] - ends[:, 1]).max() < reach
    for a, b in [*columns, total]:
        if np.ptp(a) < 1e-6:
            assert np.abs(b - a[0]).max() < 1e-6
            continue
        assert abs(a.mean() - b.mean()) < 5 * a.std() * (2 / len(a)) ** 0.5
        assert ks_2samp(a, b, method="asymp").pvalue > UNLIKELY


def _columns(values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """The numbers of one draw as columns of a table, and their sum."""
    values = values.astype(np.float64)
    per_image = values.shape[0] == 1
    table = values[0].reshape(len(values[0]), -1) if per_image else values.reshape(len(values), -1)
    if table.shape[1] > 16:  # noise, all alike
        return [table.ravel()[:20_000], np.zeros(1)]
    return [*table.T, table.sum(axis=1)]


def test_only_training_draws(told: Path, tmp_path: Path) -> None:
    module = _ported(told, "RandomRotation", 0, tmp_path)
    images = torch.rand(2, 3, 8, 7)
    assert not torch.equal(module(images), images)
    assert torch.equal(module.eval()(images), images)


def test_single_images_and_integers(told: Path, tmp_path: Path) -> None:
    module = _ported(told, "RandomRotation", 0, tmp_path)
    image = torch.randint(256, (3, 8, 7))
    assert module(image).shape == (3, 8, 7)
    assert module(image).dtype == torch.float32
