"""The commands, run as a user runs them: exit codes, one line per error, no half-written files."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

KERAS2TORCH = Path(sys.executable).with_name("keras2torch")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [KERAS2TORCH, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def changed(model: Path, copy: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """A copy of a saved model with its parts changed."""
    with zipfile.ZipFile(model) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(copy, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return copy


def edited(old: str, new: str) -> Callable[[dict[str, bytes]], None]:
    """Replace text in the config; it must be there."""

    def change(parts: dict[str, bytes]) -> None:
        assert old.encode() in parts["config.json"]
        parts["config.json"] = parts["config.json"].replace(old.encode(), new.encode())

    return change


def test_port_writes_a_folder(models: Path, tmp_path: Path) -> None:
    done = run("port", models / "text_cnn.keras", "-o", tmp_path / "port")
    assert done.returncode == 0, done.stderr
    assert "TextCnn" in done.stdout
    assert sorted(path.name for path in (tmp_path / "port").iterdir()) == [
        "model.py",
        "port.json",
        "weights.safetensors",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["port"]
    first = (tmp_path / "port" / "model.py").read_bytes()
    assert run("port", models / "text_cnn.keras", "-o", tmp_path / "port").returncode == 0
    assert (tmp_path / "port" / "model.py").read_bytes() == first


def test_port_needs_no_framework(models: Path, tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from keras2torch.cli import main\n"
        f"sys.argv = ['keras2torch', 'port', {str(models / 'article_b.keras')!r},"
        f" '-o', {str(tmp_path / 'port')!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "bad = {'torch', 'keras', 'tensorflow', 'jax', 'h5py', 'matplotlib'} & set(sys.modules)\n"
        "assert not bad, bad\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "port" / "weights.safetensors").stat().st_size > 11_000_000
    assert (tmp_path / "port" / "train.py").exists()


def test_inspect_lists_the_layers(models: Path) -> None:
    done = run("inspect", models / "siamese.keras")
    assert done.returncode == 0, done.stderr
    for word in ("encoder/embedding", "Bidirectional", "can be ported"):
        assert word in done.stdout


BAD: dict[str, tuple[str, Callable[[Path, Path], Path]]] = {
    "missing file": ("there is no file", lambda model, folder: folder / "nowhere.keras"),
    "text renamed": (
        "not a saved Keras model",
        lambda model, folder: _written(folder / "text.keras", b"Dear reader,\n"),
    ),
    "empty": (
        "not a saved Keras model",
        lambda model, folder: _written(folder / "empty.keras", b""),
    ),
    "truncated zip": (
        "bad.keras",
        lambda model, folder: _written(folder / "bad.keras", model.read_bytes()[:-500]),
    ),
    "missing weights": (
        "model.weights.h5",
        lambda model, folder: changed(
            model, folder / "bad.keras", lambda parts: parts.pop("model.weights.h5") and None
        ),
    ),
    "missing config": (
        "config.json",
        lambda model, folder: changed(
            model, folder / "bad.keras", lambda parts: parts.pop("config.json") and None
        ),
    ),
    "unknown layer": (
        "Keras' layer 'Conv9D' has no port yet",
        lambda model, folder: changed(
            model, folder / "bad.keras", edited('"class_name": "Conv1D"', '"class_name": "Conv9D"')
        ),
    ),
    "custom layer": (
        "custom layer",
        lambda model, folder: changed(
            model,
            folder / "bad.keras",
            edited(
                '"module": "keras.layers", "class_name": "Conv1D"',
                '"module": "mine", "class_name": "Conv1D"',
            ),
        ),
    ),
    "unknown option": (
        "'surprise'",
        lambda model, folder: changed(
            model, folder / "bad.keras", edited('"filters": 8', '"surprise": 1, "filters": 8')
        ),
    ),
    "wrong type": (
        "'filters' must be a whole number",
        lambda model, folder: changed(
            model, folder / "bad.keras", edited('"filters": 8', '"filters": "8"')
        ),
    ),
    "other weights": (
        "kernel must have shape",
        lambda model, folder: changed(
            model, folder / "bad.keras", edited('"filters": 8', '"filters": 9')
        ),
    ),
    "not JSON": (
        "config.json",
        lambda model, folder: changed(
            model, folder / "bad.keras", lambda parts: parts.update({"config.json": b"{'a': 1"})
        ),
    ),
    "folder": ("holds no", lambda model, folder: folder),
}


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", ["port", "inspect"])
def test_bad_input_is_one_line(name: str, command: str, models: Path, tmp_path: Path) -> None:
    said, make = BAD[name]
    (tmp_path / "in").mkdir()
    model = make(models / "text_cnn.keras", tmp_path / "in")
    out = tmp_path / "out" / "port"
    done = run("port", model, "-o", out) if command == "port" else run("inspect", model)
    assert done.returncode == 2
    assert not (tmp_path / "out").exists()
    text = done.stdout if command == "inspect" and done.stdout else done.stderr
    assert said in re.sub(r"\s+", " ", text)
    if done.stderr:
        assert done.stderr.startswith("keras2torch: ")
        assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr


def test_all_problems_at_once(models: Path, tmp_path: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        edited('"class_name": "Dropout"', '"class_name": "Droop"')(parts)
        edited('"filters": 8', '"surprise": 1, "filters": 8')(parts)

    done = run("port", changed(models / "text_cnn.keras", tmp_path / "bad.keras", change))
    assert done.returncode == 2
    assert "Droop" in done.stderr
    assert done.stderr.count("surprise") == 3


def test_a_foreign_folder_is_left_alone(models: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.py").write_text("precious")
    done = run("port", models / "text_cnn.keras", "-o", tmp_path / "mine")
    assert done.returncode == 2
    assert (tmp_path / "mine" / "model.py").read_text() == "precious"


@pytest.mark.parametrize("name", ["trained", pytest.param("article_a", marks=pytest.mark.slow)])
def test_check_says_equal_and_where_it_differs(name: str, models: Path, tmp_path: Path) -> None:
    """The proof of article A's network, small and at its size; then a mistake, which it must
    find."""
    model, folder = models / f"{name}.keras", tmp_path / "port"
    assert run("port", model, "-o", folder).returncode == 0
    page, data = tmp_path / "proof.html", tmp_path / "proof.json"
    done = run("check", model, folder, "--json", data, "--html", page)
    assert done.returncode == 0, done.stderr
    found = json.loads(data.read_text())
    assert found["equal"]
    outputs = {d["run"]: d["relative"] for d in found["differences"] if d["layer"] == ""}
    assert outputs["tensorflow float64"] <= 1e-12
    assert outputs["tensorflow float32"] <= 1e-5
    assert outputs["jax float32"] <= 1e-5
    assert "Equal" in page.read_text()

    source = (folder / "model.py").read_text()
    assert source.count("torch.relu(") == 1
    (folder / "model.py").write_text(source.replace("torch.relu(", "torch.tanh("))
    done = run("check", model, folder, "--backend", "tensorflow")
    assert done.returncode == 1, done.stderr
    assert re.search(r"differs, first at dense(_\d+)?\b", done.stdout)


def test_check_of_what_is_no_port(models: Path, tmp_path: Path) -> None:
    done = run("check", models / "text_cnn.keras", tmp_path)
    assert done.returncode == 2
    assert "no port" in done.stderr
    assert done.stderr.count("\n") == 1


def test_training_commands_are_there(tmp_path: Path) -> None:
    done = run("cross-validate", tmp_path / "none.toml", "-o", tmp_path)
    assert done.returncode == 2
    assert re.fullmatch(r"keras2torch: '.*' can't be read: No such file.*\n", done.stderr)
