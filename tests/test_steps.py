"""Training side by side, step by step: the same losses, gradients, weights and logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras2torch import DataError, PortError, UnsupportedError, port
from keras2torch.demo import reviews
from keras2torch.processes import _failure
from keras2torch.verify.curves import Curve, SideBySide
from keras2torch.verify.leaving import first_difference, judged
from keras2torch.verify.original import Original
from keras2torch.verify.random_stream import Draws, Stream, not_shared
from keras2torch.verify.side_by_side import in_step
from keras2torch.verify.steps import archive_of, prepared
from keras2torch.verify.training_data import Length, Target, data_for

IMDB = "KERAS2TORCH_IMDB"  # the path of keras.datasets.imdb's own file, for the whole of it


def exact(model: Path, folder: Path, **options: Any) -> tuple[SideBySide, Mapping[str, Any]]:
    """Both sides in float64, and the port's manifest."""
    port(model, folder / "port", train=True)
    with prepared(model, folder / "port", **options) as (job, manifest):
        run = in_step({**job, "precision": "float64"}, manifest["training"], lambda *_: None)
    return run, manifest


def found(run: SideBySide, manifest: Mapping[str, Any]) -> object:
    """What differs, or was drawn apart."""
    return first_difference(run, manifest), not_shared(run.keras.draws, run.torch.draws)


def test_article_b_on_reviews(models: Path, tmp_path: Path) -> None:
    """100 steps in two epochs."""
    texts = reviews.packaged(400, 20)
    tokens = np.where(texts.x[:, -40:] < 2000, texts.x[:, -40:], reviews.RARE)
    np.savez(tmp_path / "data.npz", tokens=tokens, y=texts.y)
    run, manifest = exact(
        models / "reviews.keras", tmp_path, steps=100, data=tmp_path / "data.npz", batch_size=8
    )
    assert len(run.keras.steps) == 100
    assert max(run.loss_differences) < 1e-10
    assert max(run.weight_differences) < 1e-10
    assert found(run, manifest) == (None, [])
    assert run.logs == ["loss", "accuracy"]
    shown = [
        [{name: f"{value:.4f}" for name, value in logs.items()} for logs in curve.epochs]
        for curve in (run.keras, run.torch)
    ]
    assert shown[0] == shown[1]


@pytest.mark.slow
def test_every_kind_of_noise_draws_the_same_numbers(models: Path, tmp_path: Path) -> None:
    run, manifest = exact(models / "noises.keras", tmp_path, steps=10, batch_size=4)
    assert len(run.keras.draws["made"]) == 18
    assert found(run, manifest) == (None, [])
    assert max(run.loss_differences) < 1e-13


@pytest.mark.slow
def test_article_a_with_its_dropouts(models: Path, tmp_path: Path) -> None:
    run, manifest = exact(models / "article_a.keras", tmp_path, steps=100, batch_size=8)
    assert set(run.keras.draws["made"]) == {"spatial_dropout1d", "dropout"}
    assert max(run.loss_differences) < 1e-9
    assert found(run, manifest) == (None, [])


@pytest.mark.slow
def test_what_leaves_is_named(models: Path, tmp_path: Path) -> None:
    """PyTorch's own epsilon: the first weight that it moves otherwise, and the Keras variable."""
    port(models / "reviews.keras", tmp_path / "port", train=True)
    source = (tmp_path / "port" / "train.py").read_text()
    assert "eps=1e-07" in source
    (tmp_path / "port" / "train.py").write_text(source.replace("eps=1e-07", "eps=1e-08"))
    with prepared(models / "reviews.keras", tmp_path / "port", steps=5) as (job, manifest):
        run = in_step({**job, "precision": "float64"}, "tensorflow", lambda *_: None)
    first = first_difference(run, manifest)
    assert first is not None
    assert first.step == 0
    made_of = {line["name"]: line["keras"] for line in manifest["parameters"]}
    assert first.keras == made_of[first.what]


@pytest.mark.slow
def test_check_of_a_training(models: Path, tmp_path: Path) -> None:
    """The whole command: both precisions, Keras' own floor, what it prints and writes."""
    port(models / "trained.keras", tmp_path / "port", train=True)
    command = ["check", models / "trained.keras", tmp_path / "port", "--steps", "12"]
    command += ["--epochs", "2", "--batch-size", "8"]
    command += ["--json", tmp_path / "steps.json", "--html", tmp_path / "steps.html"]
    done = subprocess.run(
        [Path(sys.executable).with_name("keras2torch"), *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "equal, 12 steps in float64" in done.stdout
    told = json.loads((tmp_path / "steps.json").read_text())
    assert told["equal"]
    assert told["unshared"] == []
    assert len(told["floor"]["differences"]) == len(told["float32"]["torch"]["steps"]) == 12
    assert told["float32"]["largest_difference"] < 1e-6
    page = (tmp_path / "steps.html").read_text()
    assert page.count("<svg") == 5
    assert "dropouts draw the same masks" in page


@pytest.mark.slow
@pytest.mark.skipif(IMDB not in os.environ, reason=f"{IMDB} names no imdb.npz")
def test_article_b_on_all_of_imdb(models: Path, tmp_path: Path) -> None:
    """Two epochs of 782 steps. Large gradients make this training chaotic in float64 too: in Keras
    alone a unit in the last place grows to 1e-9 within 150 steps. That is the measure then."""
    texts = reviews.imdb_npz(Path(os.environ[IMDB]), None, 2_000)
    texts.save(tmp_path / "data.npz", "tokens")
    model = models / "article_b.keras"
    port(model, tmp_path / "port", train=True)
    options: dict[str, Any] = {"epochs": 2, "data": tmp_path / "data.npz", "batch_size": 32}
    with prepared(model, tmp_path / "port", **options) as (job, manifest):
        run = in_step({**job, "precision": "float64"}, "tensorflow", lambda *_: None)
        first, _ = judged(run, manifest, job, lambda *_: None)
    assert len(run.keras.steps) == 1564
    assert max(run.loss_differences[:100]) < 1e-10
    assert first is None


def test_why_a_worker_failed() -> None:
    """The error's own words, whatever Keras and TensorFlow put around them."""
    frames = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    f()\n'
    said = (
        "TypeError: when calling RandomRotation.call().\n\n\x1b[1mInput 'y' is float32.\x1b[0m\n\n"
    )
    listed = "Arguments received by RandomRotation.call():\n  • training=True\n"
    error = _failure("a warning\n" + frames + said + listed, 1, "tensorflow")
    assert str(error).endswith(
        "\"TypeError: when calling RandomRotation.call(). Input 'y' is float32.\""
    )
    graph = "E: Graph execution error:\n\nDetected at node mul (most recent call last):\n  File\n"
    shapes = "\nIncompatible shapes: [8] vs. [8,6]\n\t [[{{node mul}}]]\n"
    error = _failure(frames + graph + shapes, 1, "tensorflow")
    assert "E: Graph execution error: Incompatible shapes: [8] vs. [8,6]" in str(error)
    assert "'no such data'" in str(_failure("a warning\nno such data\n", 1, None))
    assert "status -9" in str(_failure("", -9, None))


def test_a_port_without_training_is_refused(models: Path, tmp_path: Path) -> None:
    port(models / "text_cnn.keras", tmp_path / "port")
    with (
        pytest.raises(PortError, match=r"no train\.py"),
        prepared(models / "text_cnn.keras", tmp_path / "port", steps=1),
    ):
        pass


def test_another_backend_than_the_ports_is_refused(models: Path, tmp_path: Path) -> None:
    port(models / "reviews.keras", tmp_path / "port", train=True)
    with (
        pytest.raises(PortError, match="follows Keras on tensorflow"),
        prepared(models / "reviews.keras", tmp_path / "port", steps=1, backend="jax"),
    ):
        pass


@pytest.mark.parametrize(
    ("steps", "epochs", "rows", "expected"),
    [(10, None, 20, (2, 10)), (None, 2, 20, (2, 10)), (9, 2, 20, (2, 9)), (1, 5, 20, (1, 1))],
)
def test_length(
    steps: int | None, epochs: int | None, rows: int, expected: tuple[int, int]
) -> None:
    length = Length.of(steps, epochs, 4).over(rows)
    assert (length.epochs, length.steps) == expected


def test_lengths_that_do_not_fit() -> None:
    with pytest.raises(DataError, match="how many steps or epochs"):
        Length.of(None, None, 4)
    with pytest.raises(DataError, match="2 epochs have 10 steps, not 11"):
        Length.of(11, 2, 4).over(20)
    with pytest.raises(DataError, match="--data"):
        Length.of(None, 2, 4).rows()


def test_class_weights_become_weights_of_rows(tmp_path: Path) -> None:
    """As Keras' fit takes them: a class without one has 1, targets may be one-hot."""
    y = np.array([[0], [1], [2], [1]], np.float32)
    arrays = {"x": np.zeros((4, 2), np.float32), "y": y, "class_weight": np.array([0.5, 3.0])}
    np.savez(tmp_path / "data.npz", **arrays)
    inputs = [{"name": "x", "shape": [None, 2], "dtype": "float32", "below": None}]
    target = Target("out", (None, 1), "binary_crossentropy")
    data, _ = data_for(tmp_path / "data.npz", inputs, [target], Length.of(1, None, 4))
    assert data["sample_weight"].tolist() == [0.5, 3.0, 1.0, 3.0]
    arrays["y"] = np.eye(3, dtype=np.float32)[[0, 1, 2, 1]]
    np.savez(tmp_path / "data.npz", **arrays)
    data, _ = data_for(tmp_path / "data.npz", inputs, [target], Length.of(1, None, 4))
    assert data["sample_weight"].tolist() == [0.5, 3.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"y": None}, "lacks"),
        ({"y": np.zeros((3, 1))}, "hold"),
        ({"val_y": np.zeros((3, 1))}, "lacks"),
        ({"class_weight": np.ones(2), "sample_weight": np.ones(4)}, "without sample_weight"),
        ({"class_weight": np.ones((2, 2))}, "a list"),
        ({"x": np.zeros((4, 3))}, r"'x' must have shape \[None, 2\]"),
        ({"y": np.zeros((4, 3))}, r"'y' must have shape \('rows', 1\)"),
        ({"y": np.full((4, 1), np.nan)}, "'y' holds NaN"),
        ({"y": np.full((4, 1), "a")}, "'y' must be numbers"),
        ({"sample_weight": np.ones((4, 2))}, r"'sample_weight' must have shape \('rows',\)"),
        ({"val_x": np.zeros((2, 3)), "val_y": np.zeros((2, 1))}, "'val_x' must have shape"),
    ],
)
def test_data_that_do_not_fit(change: dict[str, Any], named: str, tmp_path: Path) -> None:
    arrays = {"x": np.zeros((4, 2)), "y": np.zeros((4, 1)), **change}
    np.savez(tmp_path / "data.npz", **{n: a for n, a in arrays.items() if a is not None})
    inputs = [{"name": "x", "shape": [None, 2], "dtype": "float32", "below": None}]
    target = Target("out", (None, 1), "mean_squared_error", rows=((1,),), weights=((),))
    with pytest.raises(DataError, match=named):
        data_for(tmp_path / "data.npz", inputs, [target], Length.of(1, None, 4))


@pytest.mark.parametrize(
    ("loss", "shape"),
    [
        ("binary_crossentropy_with_logits", (6, 3)),
        ("sparse_categorical_crossentropy", (6,)),
        ("categorical_crossentropy", (6, 3)),
        ("kl_divergence", (6, 3)),
        ("poisson", (6, 3)),
        ("huber", (6, 3)),
    ],
)
def test_made_targets_fit_the_loss(loss: str, shape: tuple[int, ...]) -> None:
    inputs = [{"name": "x", "shape": [None, 5], "dtype": "int32", "below": 20}]
    target = Target("out", (None, 3), loss)
    data, length = data_for(None, inputs, [target], Length.of(2, None, 4))
    assert data["y"].shape == shape
    assert data["x"].shape == (6, 5)
    assert data["x"].max() < 20
    assert (length.steps, length.epochs) == (2, 1)


def test_a_stream_is_decided_by_seed_step_layer_and_draw() -> None:
    stream = Stream(3)
    first = stream.kept("block/dropout", 0, (50, 4), 0.25)
    assert set(np.unique(first)) == {0.0, 1 / 0.75}
    assert np.array_equal(first, Stream(3).kept("block/dropout", 0, (50, 4), 0.25))
    others = [Stream(4).kept("block/dropout", 0, (50, 4), 0.25)]
    others += [
        stream.kept("dropout", 0, (50, 4), 0.25),
        stream.kept("block/dropout", 1, (50, 4), 0.25),
    ]
    stream.step = 1
    others.append(stream.kept("block/dropout", 0, (50, 4), 0.25))
    assert not any(np.array_equal(first, other) for other in others)


def test_what_is_not_shared_is_named() -> None:
    keras, torch = Draws(), Draws()
    for draws in (keras, torch):
        draws.next("dropout", "dropout", (8, 1, 3))
    keras.next("unknown_sizes", "normal", (None, None, 3))
    torch.next("unknown_sizes", "normal", (8, 5, 3))
    keras.next("wrapped", "dropout", (8, 3))
    torch.own.add("random_flip")
    told = not_shared(keras.to_json(), torch.to_json())
    assert [line.split(":")[0] for line in told] == ["random_flip", "wrapped"]


def test_models_of_keras_2_are_refused(tmp_path: Path) -> None:
    old = Original(tmp_path / "old.h5", None, "", keras2=True, trusted=False)
    with pytest.raises(UnsupportedError, match="Keras 2"):
        archive_of(old, tmp_path, "tensorflow")


def test_rounding_that_grows_is_no_difference() -> None:
    """Beyond the limits, what Keras itself differs by decides; at once it does not."""
    step = {"epoch": 0, "size": 1, "norm": 1.0, "loss": 1.0}
    keras = Curve("Keras", steps=[step] * 3)
    torch = Curve("PyTorch", steps=[step, {**step, "loss": 1.0 + 1e-8}, {**step, "norm": 1.1}])
    run = SideBySide("float64", keras, torch)
    manifest: dict[str, Any] = {"parameters": []}
    first = first_difference(run, manifest)
    assert first is not None
    assert (first.step, first.what) == (1, "loss")
    first = first_difference(run, manifest, [0.0, 1e-8, 1e-8])
    assert first is not None
    assert (first.step, first.what) == (2, "norm of the gradients")
    assert first_difference(run, manifest, [0.0, 1e-8, 1e-1]) is None


@pytest.mark.slow
def test_pictures_with_two_outputs_and_weights(models: Path, tmp_path: Path) -> None:
    """BatchNormalization, a schedule, an average of the weights, loss weights, a scale of the loss,
    mixed metrics; a weight for each class of one output, and one for each sample of the other."""
    rng = np.random.default_rng(3)
    kinds = rng.integers(0, 4, 196)
    data = {
        "image": rng.standard_normal((196, 12, 12, 3)).astype(np.float32),
        "y_kind": kinds,
        "y_size": rng.standard_normal((196, 1)).astype(np.float32),
        "sample_weight_kind": np.array([0.5, 1.0, 2.0, 3.0], np.float32)[kinds],
        "sample_weight_size": rng.random(196).astype(np.float32),
    }
    data |= {f"val_{name}": array[:20] for name, array in data.items()}
    np.savez(tmp_path / "data.npz", **data)
    run, manifest = exact(
        models / "pictures.keras", tmp_path, steps=50, data=tmp_path / "data.npz", batch_size=8
    )
    assert len(run.keras.epochs) == 2
    assert {"kind_loss", "size_mae", "val_kind_accuracy", "val_size_mse"} <= set(run.logs)
    assert found(run, manifest) == (None, [])
    assert max(run.loss_differences) < 1e-12
