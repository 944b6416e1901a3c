"""One TOML file drives fit, cross-validate and predict; what is wrong in it is told in a line."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from small import small_data

from keras2torch.errors import DataError, Keras2TorchError, TrainingError
from keras2torch.loading import load
from keras2torch.porting import WEIGHTS
from keras2torch.training.data import ArrayData
from keras2torch.training.optimizers.adam import Adam
from keras2torch.training.parameters import RateBySchedule
from keras2torch.training_file.building import data_of, maker_of, plan_of
from keras2torch.training_file.quick import quick_data, quick_file
from keras2torch.training_file.schema import read_training_file

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # typer uses what click is about to drop
    from keras2torch import cli_training

HERE = Path(__file__).parent
CONFIG = f"""
[model]
make = "{HERE}/small.py:Small"
method = "logits"
activation = "sigmoid"

[data]
train = "train.npz"
test = "test.npz"

[training]
loss = "BCEWithLogitsLoss"
optimizer = {{ name = "Adam", lr = 1e-2 }}
scheduler = {{ name = "CyclicLR", base_lr = 1e-3, max_lr = 1e-2, cycle_momentum = false }}
metrics.auc = "BinaryAUROC"
epochs = 2
batch_size = 16

[cross_validation]
folds = 3
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    train, test = small_data(60), small_data(10, 1)
    held = {f"val_{name}": array for name, array in {**test.inputs, "y": test.targets}.items()}
    np.savez(
        tmp_path / "train.npz", y=train.targets, groups=np.arange(60) // 4, **train.inputs, **held
    )
    np.savez(tmp_path / "test.npz", **test.inputs)
    return tmp_path


def config(folder: Path, old: str = "", new: str = "", text: str = CONFIG) -> Path:
    assert old in text
    path = folder / "config.toml"
    text = text.replace(old, new, 1) if old else text
    path.write_text(text.replace("[data]", '[data]\ngroups = "groups"', 1))
    return path


def run(command: str, config: Path, *positional: Path, **options: Any) -> None:
    """As the command line calls it."""
    getattr(cli_training, command)(config, *positional, **options)


def test_fit_and_predict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(folder)
    run("fit", path, folder / "fitted")
    history = json.loads((folder / "fitted/history.json").read_text())
    assert {"loss", "auc", "val_loss", "val_auc"} <= history.keys()
    run("fit", path, folder / "fitted", resume=True)
    assert json.loads((folder / "fitted/history.json").read_text()) == history
    capsys.readouterr()
    run("predict", path, folder / "fitted", folder / "single.npy")
    told = capsys.readouterr().out
    assert told == f"{folder}/single.npy: 10 rows\n"


@pytest.mark.slow
def test_cross_validate_and_predict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config(folder)
    run("cross_validate", path, folder / "crossed", workers=1)
    assert "roc_auc: " in capsys.readouterr().out
    oof, test = np.load(folder / "crossed/oof.npy"), np.load(folder / "crossed/test.npy")
    assert (oof.shape, test.shape) == ((60, 1), (10, 1))
    run("predict", path, folder / "crossed", folder / "mean.npy", data=folder / "test.npz")
    np.testing.assert_array_equal(np.load(folder / "mean.npy"), test)
    folds = json.loads((folder / "crossed/folds.json").read_text())["folds"]
    groups = [set(np.array(fold["held_out"]) // 4) for fold in folds]
    assert not groups[0] & groups[1]
    page = (folder / "crossed/report.html").read_text()
    assert "<svg" in page
    assert not re.search(r"(src|href)=.http", page)

    run("cross_validate", path, folder / "quick", workers=1, quick=True)
    assert len(json.loads((folder / "quick/folds.json").read_text())["folds"]) == 2


def test_names_are_torchs_keras_and_ones_own(folder: Path) -> None:
    path = config(
        folder, 'loss = "BCEWithLogitsLoss"', 'loss = "keras.binary_crossentropy_with_logits"'
    )
    path.write_text(
        path.read_text()
        .replace('name = "Adam", lr = 1e-2', 'name = "keras.Adam", lr = 1e-2, betas = [0.8, 0.9]')
        .replace('name = "CyclicLR", base_lr = 1e-3, max_lr = 1e-2, cycle_momentum = false',
                 'name = "keras.exponential_decay", lr = 0.5, decay_steps = 1, decay_rate = 0.5')
        .replace("epochs = 2", 'rates = { "gru.*" = 0.1 }\nfrozen = { 0 = ["dense.*"], 1 = [] }\n'
                 'clip = { name = "keras.clip_value_", max_value = 0.5 }')
        .replace('method =', 'sparse = ["embed*"]\nmethod =')
    )  # fmt: skip
    plan = plan_of(read_training_file(path), folder)
    from small import fresh

    optimizer = plan.optimizer(fresh())
    assert isinstance(optimizer, Adam)
    assert optimizer.param_groups[0]["betas"] == [0.8, 0.9]
    assert [group["scale"] for group in optimizer.param_groups] == [1.0, 0.1]
    assert plan.scheduler is not None
    scheduler = plan.scheduler(optimizer)
    assert isinstance(scheduler, RateBySchedule)
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.05]
    assert plan.frozen == {0: ("dense.*",), 1: ()}
    run("fit", path, folder / "fitted")


PORT = """
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn

WEIGHTS = Path(__file__).with_name("weights.safetensors")


class Ported(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(30, 3)
        self.embedding.weight.requires_grad_(False)
        self.dense = nn.Linear(5, 1)
        self.other = nn.Linear(1, 1)

    def logits(self, ids, numbers):
        return self.other(self.dense(torch.cat([self.embedding(ids).mean(1), numbers], 1)))

    def forward(self, ids, numbers):
        return torch.sigmoid(self.logits(ids, numbers))


def load(path=WEIGHTS):
    model = Ported()
    model.load_state_dict(load_file(path))
    return model.eval()
"""


def test_a_port_starts_afresh_but_for_what_is_pretrained(folder: Path) -> None:
    port = folder / "port"
    port.mkdir()
    (port / "model.py").write_text(PORT)
    shapes = {"embedding.weight": (30, 3), "dense.weight": (1, 5), "dense.bias": (1,)}
    shapes |= {"other.weight": (1, 1), "other.bias": (1,)}
    save_file({name: torch.ones(shape) for name, shape in shapes.items()}, port / WEIGHTS)
    path = config(folder, f'make = "{HERE}/small.py:Small"', 'port = "port"\nkeep = ["other.*"]')
    model = maker_of(read_training_file(path).model, folder)()
    kept = {name for name, tensor in model.state_dict().items() if bool((tensor == 1).all())}
    assert kept == {"embedding.weight", "other.weight", "other.bias"}
    run("fit", path, folder / "fitted")
    trained = load(folder / "fitted")  # a port again
    assert bool((trained.get_parameter("embedding.weight") == 1).all())
    assert not bool((trained.get_parameter("other.weight") == 1).all())


@dataclasses.dataclass  # in a file whose annotations are text, which dataclasses look up
class Table:
    numbers: Any


def vectors() -> Any:
    """What a training file can name as the start of a parameter."""
    return Table(np.arange(120).reshape(30, 4)).numbers


@pytest.mark.parametrize("source", [f"{__file__}:vectors", "vectors.npy"])
def test_parameters_can_start_from_arrays(folder: Path, source: str) -> None:
    np.save(folder / "vectors.npy", vectors())
    path = config(folder, "method =", f'initial = {{ "embedding.weight" = "{source}" }}\nmethod =')
    model = maker_of(read_training_file(path).model, folder)()
    np.testing.assert_array_equal(model.get_parameter("embedding.weight").detach(), vectors())


@pytest.mark.parametrize(
    ("initial", "said"),
    [
        ("dense.weights = 'vectors.npy'", "no parameter is called 'dense.weights'"),
        ("dense.bias = 'vectors.npy'", r"numbers of shape \(1,\) are needed, found int64 of shape"),
        ("dense.bias = 'none.npy'", "'none.npy' is no .npy that can be read: .*No such file"),
    ],
)
def test_arrays_that_no_parameter_can_start_from(folder: Path, initial: str, said: str) -> None:
    np.save(folder / "vectors.npy", vectors())
    name, _, source = initial.partition(" = ")
    path = config(folder, "method =", f'initial = {{ "{name}" = {source} }}\nmethod =')
    with pytest.raises((DataError, TrainingError), match=said):
        maker_of(read_training_file(path).model, folder)()


def test_callbacks_are_named(folder: Path) -> None:
    callbacks = 'callbacks = [{ name = "EarlyStopping", monitor = "loss" }, "keras.TerminateOnNaN"]'
    file = read_training_file(config(folder, "epochs = 2", callbacks))
    names = [type(callback).__name__ for callback in plan_of(file, folder).callbacks]
    assert names == ["EarlyStopping", "TerminateOnNaN"]


def test_quick_keeps_some_of_every_class(folder: Path) -> None:
    path = config(folder)
    y = (np.arange(2000) == np.arange(2000) // 400 * 400).astype("int64")  # 5 rows of class 1
    np.savez(folder / "train.npz", y=y, groups=y, x=np.zeros((2000, 1)))
    file = read_training_file(path)
    data = quick_data(data_of(file, folder), 100)
    assert len(data.train) <= 110
    assert np.asarray(data.train.targets).sum() == 5
    assert (quick_file(file).training.epochs, quick_file(file).cross_validation.folds) == (1, 2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("epochs", "epoch", r"config.toml training has no key 'epoch'; is epochs meant\?"),
        ("[cross_validation]", "[cross]", "config.toml has no key 'cross'; there are model, data"),
        ("epochs = 2", 'epochs = "2"', "training epochs is '2'; it must be a whole number"),
        ("epochs = 2", "epochs = true", "training epochs is True; it must be a whole number"),
        ("epochs = 2", "epochs = -1", "epochs is -1; it must be at least 0"),
        ("epochs = 2", "metrics.f = 1", "training metrics.f is 1; it must be a table"),
        ("epochs = 2", 'device = "tpu"', "must be one of auto, cpu, cuda"),
        ("folds = 3", "folds = 3.5", "cross_validation folds is 3.5; it must be a whole number"),
        ("folds = 3", "folds = 70", "70 folds of 60 rows"),
        ('loss = "BCEWithLogitsLoss"', "", "config.toml training lacks loss"),
        ("BCEWithLogitsLoss", "BCELogits", "no loss is called 'BCELogits'"),
        ("BCEWithLogitsLoss", "Linear", "no loss is called 'Linear'"),
        ('name = "Adam"', 'named = "Adam"', "optimizer must be a name, or a table with name"),
        ("lr = 1e-2", "rate = 1e-2", "training optimizer: TypeError: .*'rate'"),
        ("BinaryAUROC", "AUC", "no metric is called 'AUC'"),
        ("small.py:Small", "small.py:Big", "small.py' has no Big"),
        ("small.py:Small", "tiny.py:Big", "there is no file .*tiny.py"),
        ("small.py:Small", "small.py:small_data", "must return a torch.nn.Module"),
        ("make =", 'port = "here"\nmake =', "model must have either port or make"),
        ('train = "train.npz"', 'train = "config.toml"', "is no .npz of plain arrays"),
        ('train = "train.npz"', 'train = "none.npz"', "there is no file"),
        ('train = "train.npz"', 'train = "test.npz"', "'test.npz' has no array 'groups'"),
        ("[model]", "[model", "is no TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_a_line(folder: Path, old: str, new: str, said: str) -> None:
    with pytest.raises((DataError, TrainingError), match=said) as caught:
        run("cross_validate", config(folder, old, new), folder / "out", workers=1)
    assert "\n" not in str(caught.value)


def test_the_docs_file_means_what_it_says(folder: Path) -> None:
    text = (HERE.parent.parent / "docs/training-files.md").read_text()
    block = text.split("```toml\n")[1].split("```")[0]
    (folder / "docs.toml").write_text(block)
    plan = plan_of(read_training_file(folder / "docs.toml"), folder)
    assert plan.frozen == {0: ("embedding.*",), 3: ()}
    assert plan.clip is not None


def test_files_that_are_no_text_are_told(folder: Path) -> None:
    path = config(folder)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TrainingError, match="is not UTF-8"):
        run("fit", path, folder)
    with pytest.raises(Keras2TorchError, match="can't be read: No such file"):
        run("fit", folder / "none.toml", folder)


def arrays() -> dict[str, Any]:
    """What a training file can name as its rows."""
    data = small_data(60)
    return {**data.inputs, "y": data.targets, "groups": np.arange(60)}


def scaled(learnt: ArrayData, held_out: ArrayData, test: ArrayData | None) -> Any:
    """What a training file can name to prepare rows: numbers by their deviation, in float64."""
    scale = np.float64(1000 * learnt.inputs["numbers"].std())

    def divided(data: ArrayData) -> ArrayData:
        numbers = data.inputs["numbers"] / scale
        return ArrayData({**data.inputs, "numbers": numbers}, data.targets)

    return divided(learnt), divided(held_out), test and divided(test)


def test_fit_and_predict_prepare_rows_as_a_fold_does(folder: Path) -> None:
    path = config(folder, "[training]", f'prepare = "{__file__}:scaled"\n\n[training]')
    run("fit", path, folder / "fitted")
    run("predict", path, folder / "fitted", folder / "prepared.npy")
    run("predict", config(folder), folder / "fitted", folder / "as_they_are.npy")
    found = [np.load(folder / f"{name}.npy") for name in ("prepared", "as_they_are")]
    assert abs(found[0] - found[1]).max() > 1e-3
    (folder / "fitted" / WEIGHTS).rename(folder / "fold.safetensors")
    path = config(folder, "[training]", f'prepare = "{__file__}:scaled"\n\n[training]')
    with pytest.raises(TrainingError, match="prepare is fitted in each fold"):
        run("predict", path, folder / "fold.safetensors", folder / "fold.npy")


def test_rows_can_come_from_a_function(folder: Path) -> None:
    path = config(folder, 'train = "train.npz"', f'train = "{__file__}:arrays"')
    assert len(data_of(read_training_file(path), folder).train) == 60
