"""Training side by side: the curves of a small compiled model, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras2torch import DataError
from keras2torch.compare.compare import compare
from keras2torch.demo import reviews


def test_two_curves_lie_on_top_of_each_other(models: Path, tmp_path: Path) -> None:
    """Article A's network: dropouts that draw the same masks, and clipped gradients."""
    rng = np.random.default_rng(0)
    arrays = {
        "tokens": rng.integers(0, 200, (72, 20)).astype(np.int32),
        "features": rng.standard_normal((72, 2)).astype(np.float32),
        "y": rng.integers(0, 2, (72, 1)).astype(np.float32),
    }
    arrays |= {f"val_{name}": array[:16] for name, array in arrays.items()}
    np.savez(tmp_path / "data.npz", **arrays)
    command = ["compare", models / "trained.keras", "--data", tmp_path / "data.npz"]
    command += ["-o", tmp_path / "out", "--batch-size", "16", "--epochs", "2"]
    done = subprocess.run(
        [Path(sys.executable).with_name("keras2torch"), *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert found["equal"]
    assert found["unshared"] == []
    assert len(found["proof"]["keras"]["steps"]) == 5
    assert len(found["training"]["torch"]["steps"]) == 10
    assert found["training"]["torch"]["steps"][4]["size"] == 8
    assert found["proof"]["largest_difference"] < 1e-10
    assert found["training"]["largest_difference"] < 1e-5
    ours, theirs = (found["training"][side]["epochs"] for side in ("torch", "keras"))
    assert ours[-1] == pytest.approx(theirs[-1], rel=1e-5)
    assert set(ours[-1]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    page = (tmp_path / "out" / "report.html").read_text()
    assert "lie on top of each other" in page
    assert page.count("<svg") == 5
    assert "http://" not in page.replace("http://www.w3.org", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons.org", "")


def test_an_uncompiled_model_is_refused(models: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="uncompiled"):
        compare(models / "text_cnn.keras", tmp_path / "data.npz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_packaged_reviews() -> None:
    texts = reviews.packaged(40, 10)
    assert texts.x.shape == (40, reviews.LENGTH)
    assert texts.val_x.shape == (10, reviews.LENGTH)
    assert 0 < texts.y.mean() < 1
    assert texts.x.max() < reviews.WORDS
    first = texts.x[0][texts.x[0] > 0]
    assert len(first) == reviews.LENGTH or first[0] == reviews.START


def test_imdb_npz_as_keras_reads_it(tmp_path: Path) -> None:
    """The file of keras.datasets.imdb, whose arrays of lists NumPy pickles."""
    rng = np.random.default_rng(1)
    parts: dict[str, object] = {}
    for side in ("train", "test"):
        lists = [rng.integers(1, 30_000, rng.integers(3, 300)).tolist() for _ in range(12)]
        rows = np.empty(12, dtype=object)
        rows[:] = lists
        parts |= {f"x_{side}": rows, f"y_{side}": rng.integers(0, 2, 12)}
    np.savez(tmp_path / "imdb.npz", **parts)
    read = reviews.imdb_npz(tmp_path / "imdb.npz", None, 5)
    shuffler = np.random.RandomState(113)
    order, test_order = np.arange(12), np.arange(12)
    shuffler.shuffle(order)
    shuffler.shuffle(test_order)
    ranks = parts["x_train"][order[0]]  # type: ignore[index]
    ids = [1] + [r + 3 if r + 3 < reviews.WORDS else 2 for r in ranks]
    assert read.x[0][-len(ids[-200:]) :].tolist() == ids[-200:]
    assert read.y[0] == parts["y_train"][order[0]]  # type: ignore[index]
    assert read.val_x.shape == (5, 200)
    assert read.val_y[:, 0].tolist() == parts["y_test"][test_order[:5]].tolist()  # type: ignore[index]
