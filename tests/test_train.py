"""The emitted train.py: what it logs is what Keras logs, and it is code that one would keep."""

from __future__ import annotations

import contextlib
import json
import re
import runpy
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import made_once, run_keras

from keras2torch import ConfigError, DataError, UnsupportedError, port

BIN = Path(sys.executable).parent
QUICK = ["reviews", "picture", "tags"]
ON_JAX = ["reviews", "picture", "article_a"]
OTHERS = ["article_a", "article_b", "regression"]


def made(folder: Path, names: list[str], backend: str = "tensorflow") -> None:
    """Fill a folder with compiled models, their data, what Keras logged, and their ports."""
    run_keras("training_programs.py", {"folder": str(folder), "names": names}, backend)
    for name in names:
        port(folder / f"{name}.keras", folder / name, backend=backend, train=True)


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "compiled", lambda folder: made(folder, QUICK))


@pytest.fixture(scope="session")
def others(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "compiled_others", lambda folder: made(folder, OTHERS))


@pytest.fixture(scope="session")
def on_jax(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(
        tmp_path_factory, "compiled_on_jax", lambda folder: made(folder, ON_JAX, "jax")
    )


@contextlib.contextmanager
def program(folder: Path) -> Any:
    """The definitions of a train.py, with its own model.py beside it."""
    sys.path.insert(0, str(folder))
    sys.modules.pop("model", None)
    try:
        yield runpy.run_path(str(folder / "train.py"))
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("model", None)


def epochs_of(folder: Path, data: Path | str, size: int, epochs: int) -> list[dict[str, float]]:
    """The logs of each epoch, with all their digits."""
    with program(folder) as train:
        batches, validation = train["open_data"](str(data), size, None)
        model = train["load"]()
        state = train["start"](model)
        logs = []
        for _ in range(epochs):
            found = train["train_epoch"](model, state, batches, "cpu")
            held_out = train["evaluate"](model, validation, "cpu")
            logs.append(found | {f"val_{name}": value for name, value in held_out.items()})
    return logs


def check_logs(name: str, folder: Path) -> None:
    expected = json.loads((folder / "history.json").read_text())[name]
    logs = epochs_of(folder / name, folder / f"{name}.npz", 16, 2)
    assert set(logs[0]) == set(expected)
    for key, values in expected.items():
        assert [epoch[key] for epoch in logs] == pytest.approx(values, rel=2e-5, abs=2e-6), key


@pytest.mark.parametrize("name", QUICK)
def test_the_logs_of_each_epoch_are_those_of_keras(name: str, compiled: Path) -> None:
    """Row 23 of the users' questions: means over samples, the last batch being smaller."""
    check_logs(name, compiled)


@pytest.mark.slow
@pytest.mark.parametrize("name", OTHERS)
def test_the_logs_of_other_trainings(name: str, others: Path) -> None:
    check_logs(name, others)


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_JAX)
def test_the_logs_on_jax(name: str, on_jax: Path) -> None:
    """Crossentropies of bounded probabilities, dense gradients of embeddings."""
    check_logs(name, on_jax)


def test_it_runs_as_a_program(compiled: Path) -> None:
    folder = compiled / "reviews"
    command = [sys.executable, folder / "train.py", compiled / "reviews.npz"]
    command += ["--epochs", "2", "--batch-size", "16", "--no-shuffle"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = json.loads((compiled / "history.json").read_text())["reviews"]
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for number, line in enumerate(lines):
        found = dict(re.findall(r"(\w+): ([-0-9.e]+)", line))
        assert list(found) == sorted(expected)
        for key, value in found.items():
            assert float(value) == pytest.approx(expected[key][number], abs=6e-5), line
    assert (folder / "trained.safetensors").exists()


def test_weights_of_classes(compiled: Path) -> None:
    """Row 21 of the users' questions: Keras divides by the number of samples all the same."""
    with program(compiled / "reviews") as train, torch.no_grad():
        model = train["load"]()
        outputs = model.logits(torch.tensor([[1] * 12, [2] * 12]))
        targets, chosen = torch.tensor([[0], [1]]), train["class_weight_of"]('{"1": 3}')
        weights = train["weights_of_classes"](targets, chosen)
        loss = train["compute_loss"](model, outputs, targets, weights)
        each = [
            train["compute_loss"](model, outputs[n : n + 1], targets[n : n + 1], None)
            for n in (0, 1)
        ]
    assert float(loss) == pytest.approx(float(each[0] + 3 * each[1]) / 2)


def test_what_trains_in_keras_trains_in_the_program(compiled: Path) -> None:
    """Row 25 of the users' questions: every weight that trains is one of the optimizer's."""
    for name in QUICK:
        manifest = json.loads((compiled / name / "port.json").read_text())
        with program(compiled / name) as train:
            state = train["start"](train["load"]())
        groups = state.optimizer.param_groups
        assert sum(p.numel() for group in groups for p in group["params"]) == sum(
            p["count"] for p in manifest["parameters"] if p["trainable"]
        )


def run_on(programs: list[Path], folder: Path, *command: str) -> None:
    """Have a tool look at programs, each in a package with its model."""
    files = []
    for place in programs:
        package = folder / place.name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        for file in ("model.py", "train.py"):
            text = (place / file).read_text().replace("from model import", "from .model import")
            (package / file).write_text(text)
        files.append(package / "train.py")
    done = subprocess.run(
        [BIN / command[0], *command[1:], *files],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["check", "--isolated", "--select", "E4,E7,E9,F,I,B,SIM,UP,RUF"],
        ["format", "--isolated", "--check"],
    ],
)
def test_the_programs_are_clean(command: list[str], compiled: Path, tmp_path: Path) -> None:
    run_on([compiled / name for name in QUICK], tmp_path, "ruff", *command)


@pytest.mark.slow
def test_the_programs_are_typed(compiled: Path, others: Path, tmp_path: Path) -> None:
    """The quick ones in every test of the types of ports, see ``test_models.py``."""
    programs = [*(compiled / name for name in QUICK), *(others / name for name in OTHERS)]
    cache = str(tmp_path / "cache")
    run_on(programs, tmp_path, "mypy", "--strict", "--config-file", "", "--cache-dir", cache)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tokens": None}, r"tokens is missing, an array of shape \('rows', 12\)"),
        ({"y": np.zeros((50, 3))}, r"y has shape \(50, 3\), it must be \('rows', 1\) or"),
        ({"tokens": np.full((50, 12), 60)}, "tokens must be from 0 to 59: it has 0 to 60"),
        ({"y": np.zeros(49)}, "all arrays must have as many rows, found"),
        ({"y": np.full(50, "a")}, "y holds <U1 and no numbers"),
        ({"val_tokens": None}, "val_tokens is missing"),
    ],
)
def test_bad_data_is_one_line(
    change: dict[str, Any], said: str, compiled: Path, tmp_path: Path
) -> None:
    with np.load(compiled / "reviews.npz") as stored:
        arrays = {**stored, **change}
    np.savez(tmp_path / "data.npz", **{k: v for k, v in arrays.items() if v is not None})
    with program(compiled / "reviews") as train, pytest.raises(SystemExit, match=said) as error:
        train["open_data"](str(tmp_path / "data.npz"), 16, None)
    assert "\n" not in str(error.value)


DATASETS = """
import numpy as np
from torch.utils.data import Dataset

stored = dict(np.load(NPZ))


class Rows(Dataset):
    def __init__(self, prefix):
        self.prefix = prefix

    def __len__(self):
        return len(stored[self.prefix + "image"])

    def __getitem__(self, row):
        image, area, kind = (stored[self.prefix + k][row] for k in ("image", "y_area", "y_kind"))
        return [image], [area, kind]


def pair():
    return Rows(""), Rows("val_")


words = [1, 2]
"""


def test_a_dataset_is_as_good_as_arrays(compiled: Path, tmp_path: Path) -> None:
    """Of several outputs, with one to validate on; what is none is named."""
    path = tmp_path / "data.py"
    path.write_text(DATASETS.replace("NPZ", repr(str(compiled / "picture.npz"))))
    expected = json.loads((compiled / "history.json").read_text())["picture"]
    (logs,) = epochs_of(compiled / "picture", f"{path}:pair", 16, 1)
    for key, values in expected.items():
        assert logs[key] == pytest.approx(values[0], rel=2e-5, abs=2e-6), key
    with program(compiled / "picture") as train:
        for place, said in (
            (f"{path}:words", "is no torch.utils.data.Dataset"),
            (f"{path}:nothing", "has no nothing"),
            ("nowhere.py:pair", "can't be read"),
        ):
            with pytest.raises(SystemExit, match=said):
                train["open_data"](place, 16, None)


def saved_again(path: Path, out: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A .keras file with something else in its config."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(name, data)
    return out


def test_what_can_not_be_trained_is_ported_all_the_same(compiled: Path, tmp_path: Path) -> None:
    """The note has all reasons; who wants the training gets them as an error."""

    def change(config: dict[str, Any]) -> None:
        config["compile_config"]["loss"] = "my_loss"
        config["compile_config"]["metrics"] = ["my_metric"]

    odd = saved_again(compiled / "reviews.keras", tmp_path / "odd.keras", change)
    done = port(odd, tmp_path / "port")
    assert done.train is None
    assert not (tmp_path / "port" / "train.py").exists()
    (note,) = [note for note in done.notes if note.startswith("no train.py: ")]
    assert "my_loss" in note
    assert "my_metric" in note
    for wanted in ({"train": True}, {"optimizer": "torch"}, {"callbacks": ["TerminateOnNaN()"]}):
        with pytest.raises(UnsupportedError, match="my_loss"):
            port(odd, **wanted)


def test_a_metric_is_not_called_as_the_loss(compiled: Path, tmp_path: Path) -> None:
    """It would take the place of the loss in the logs; one of Keras' losses is a metric too."""
    mean = {"class_name": "MeanSquaredError", "config": {"name": "loss"}}
    huber = {"module": "builtins", "class_name": "function", "config": "huber"}

    def with_metric(metric: dict[str, Any]) -> Path:
        def change(config: dict[str, Any]) -> None:
            config["compile_config"]["metrics"] = [metric]

        return saved_again(compiled / "reviews.keras", tmp_path / "other.keras", change)

    with pytest.raises(UnsupportedError, match="one is called 'loss'"):
        port(with_metric(mean), train=True)
    assert '"huber": ' in str(port(with_metric(huber), train=True).train)


def test_an_uncompiled_model_has_no_training(compiled: Path, tmp_path: Path) -> None:
    plain = saved_again(
        compiled / "reviews.keras",
        tmp_path / "plain.keras",
        lambda config: config.update(compile_config=None),
    )
    done = port(plain)
    assert done.train is None
    assert not any("train.py" in note for note in done.notes)
    assert "def logits" not in done.source
    with pytest.raises(DataError, match="uncompiled"):
        port(plain, train=True)


def test_the_optimizer_of_torch(compiled: Path) -> None:
    """Where its owner wants it, with what differs as a comment."""
    source = port(compiled / "reviews.keras", optimizer="torch").train or ""
    assert "return torch.optim.Adam(parameters, lr=0.01, betas=(0.9, 0.999), eps=1e-07)" in source
    assert "# Unlike Keras':" in source
    assert "class Adam" not in source
    with pytest.raises(DataError, match="optimizer"):
        port(compiled / "reviews.keras", optimizer="adam")


def test_on_jax_probabilities_are_bounded(compiled: Path) -> None:
    done = port(compiled / "reviews.keras", backend="jax")
    assert "binary_crossentropy(outputs, targets)" in (done.train or "")
    assert "sparse = True" not in (done.train or "")
    assert "def logits" not in done.source
    with pytest.raises(UnsupportedError, match="Keras on JAX counts what the output's mask hides"):
        port(compiled / "tags.keras", backend="jax", train=True)
    with pytest.raises(DataError, match="backend"):
        port(compiled / "reviews.keras", backend="torch")


def test_callbacks_stand_in_the_loop(compiled: Path, tmp_path: Path) -> None:
    texts = ['EarlyStopping(monitor="val_accuracy", patience=1)', "TerminateOnNaN()"]
    port(compiled / "reviews.keras", tmp_path / "port", callbacks=texts)
    with program(tmp_path / "port") as train:
        stopping, terminate = train["make_callbacks"]()
        assert (stopping.monitor, stopping.mode, stopping.patience) == ("val_accuracy", "max", 1)
        model = train["load"]()
        state = train["start"](model)
        batches, _ = train["open_data"](str(compiled / "reviews.npz"), 16, None)
        terminate.attach(model, state)
        with torch.no_grad():
            model.dense.bias.fill_(float("nan"))
        train["train_epoch"](model, state, batches, "cpu", [terminate])
    assert state.step == 1  # it stops behind the first batch
    assert state.stop
    with pytest.raises(ConfigError, match="is no call"):
        port(compiled / "reviews.keras", callbacks=["import os"])


def test_names_of_the_file_stay_names(compiled: Path, tmp_path: Path) -> None:
    """A model that is called as something of train.py, and names that are no identifiers."""

    def change(config: dict[str, Any]) -> None:
        config["config"]["name"] = "mean"
        for layer in config["config"]["layers"]:
            if layer["class_name"] == "InputLayer":
                layer["config"]["name"] = 'a"""\n{{ b }} {% c %}'

    odd = saved_again(compiled / "reviews.keras", tmp_path / "odd.keras", change)
    done = port(odd, tmp_path / "port", train=True)
    assert "from model import Mean as Mean2, load" in (done.train or "")
    with np.load(compiled / "reviews.npz") as stored:
        arrays = {'a"""\n{{ b }} {% c %}': stored["tokens"], "y": stored["y"]}
    np.savez(tmp_path / "data.npz", **arrays)
    with program(tmp_path / "port") as train:
        batches, _ = train["open_data"](str(tmp_path / "data.npz"), 16, None)
        model = train["load"]()
        assert train["train_epoch"](model, train["start"](model), batches, "cpu")["loss"] > 0
