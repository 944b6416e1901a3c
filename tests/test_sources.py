"""Models that are no file on this machine: on hubs, which this test stands in for, and in code."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from keras2torch import FormatError, MissingExtra, ReferenceError, port
from keras2torch.sources import located

HUGGING_FACE = """
from pathlib import Path

def snapshot_download(repo_id, allow_patterns=None):
    if repo_id != "user/repo":
        raise OSError("404 Client Error: nothing here\\nat all")
    return str(Path(__file__).parent / "hub" / "snapshots" / "1")
"""
KAGGLE = """
from pathlib import Path

def model_download(handle):
    return str(Path(__file__).parents[1] / "huggingface_hub" / "hub" / "snapshots" / "1")
"""


@pytest.fixture
def hub(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in the cache, which keeps names and bytes apart; both hubs' packages find it."""
    for package, source in (("huggingface_hub", HUGGING_FACE), ("kagglehub", KAGGLE)):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(source)
    snapshot = tmp_path / "huggingface_hub" / "hub" / "snapshots" / "1"
    blobs = snapshot.parents[1] / "blobs"
    snapshot.mkdir(parents=True)
    blobs.mkdir()
    shutil.copy(models / "text_cnn.keras", blobs / "ab12")
    (snapshot / "model.keras").symlink_to(blobs / "ab12")
    monkeypatch.syspath_prepend(tmp_path)
    for package in ("huggingface_hub", "kagglehub"):
        monkeypatch.delitem(__import__("sys").modules, package, raising=False)
    return snapshot


@pytest.mark.parametrize(
    "handle", ["hf://user/repo", "hf://user/repo/model.keras", "kaggle://user/model/keras/small"]
)
def test_hubs(handle: str, hub: Path, models: Path) -> None:
    assert port(handle).source == port(models / "text_cnn.keras").source


def test_a_folder_in_the_cache(hub: Path, models: Path) -> None:
    """Its files are links to bytes elsewhere in the cache."""
    import zipfile

    (hub / "model.keras").unlink()
    blobs = hub.parents[1] / "blobs"
    with zipfile.ZipFile(models / "text_cnn.keras") as archive:
        for name in archive.namelist():
            (blobs / f"b-{name}").write_bytes(archive.read(name))
            (hub / name).symlink_to(blobs / f"b-{name}")
    assert port("hf://user/repo").source == port(models / "text_cnn.keras").source


def test_several_models_are_named(hub: Path) -> None:
    shutil.copy(hub / "model.keras", hub / "other.h5")
    with pytest.raises(FormatError, match=r"name one: .*model\.keras.*other\.h5"):
        port("hf://user/repo")


@pytest.mark.parametrize("handle", ["hf://nobody/nothing", "hf://user", "hf://../../etc"])
def test_what_a_hub_has_not_is_one_line(handle: str, hub: Path) -> None:
    with pytest.raises(FormatError) as refused:
        port(handle)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("package", ["huggingface_hub", "kagglehub"])
def test_a_missing_package_is_named(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else found(name)
    )
    with pytest.raises(MissingExtra, match=package):
        port("hf://user/repo" if package == "huggingface_hub" else "kaggle://a/b/keras/c")


def test_a_model_in_a_python_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import keras\n"
        "def build():\n"
        "    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)], name='mine')\n"
    )
    with located(f"{file}:build") as path:
        done = port(path, tmp_path / "port")
    assert "self.dense = nn.Linear(4, 3)" in done.source
    assert done.class_name == "Mine"
    with pytest.raises(ReferenceError, match="has no other"):
        port(f"{file}:other")


def test_weights_of_a_model_in_a_python_file(keras_3: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import keras\n"
        "from pathlib import Path\n"
        f"MODEL = keras.models.model_from_json(Path({str(keras_3 / 'nests.json')!r}).read_text())\n"
    )
    found = port(keras_3 / "nests.weights.h5", config=f"{file}:MODEL")
    assert found.source == port(keras_3 / "nests.keras").source
