"""Where a model is: a file or folder, a hub, or a Python file that makes it."""

from __future__ import annotations

import importlib.util
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from keras2torch.errors import FormatError, MissingExtra, quoted
from keras2torch.processes import require, run_worker

HUGGING_FACE, KAGGLE = "hf://", "kaggle://"
LIVE = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
SAVED = (".keras", ".h5", ".hdf5")


@contextmanager
def located(model: str | Path) -> Iterator[Path]:
    """The model's file or folder on this machine, for as long as the context lasts.

    ``hf://user/repo[/file]`` and ``kaggle://user/model/framework/variation[/version]`` are fetched
    by huggingface_hub and kagglehub. ``file.py:object``, a model or a function that builds one, is
    run in Keras in a process of its own and saved: it is its owner's own code.

    Raises:
        MissingExtra: the hub's package, or Keras, is not installed.
        FormatError: the hub has no such model, the repository holds none or several, or there is no
            such Python file.
        ReferenceError: Keras could not run the Python file.
    """
    text = str(model)
    live = LIVE.fullmatch(text)
    if text.startswith(HUGGING_FACE):
        yield _from_hugging_face(text.removeprefix(HUGGING_FACE))
    elif text.startswith(KAGGLE):
        yield _from_kaggle(text.removeprefix(KAGGLE))
    elif live and not Path(text).exists():
        with _made_by(live[1], live[2], ".keras") as saved:
            yield saved
    else:
        yield Path(text)


@contextmanager
def described_by(config: str | Path | None) -> Iterator[Path | None]:
    """The JSON that describes the model of weights alone: a file, or what ``file.py:object`` makes.

    Raises:
        MissingExtra, FormatError, ReferenceError: as ``located``.
    """
    live = LIVE.fullmatch(str(config))
    if config is not None and live and not Path(config).exists():
        with _made_by(live[1], live[2], ".json") as described:
            yield described
    else:
        yield None if config is None else Path(config)


@contextmanager
def _made_by(file: str, name: str, ending: str) -> Iterator[Path]:
    """What Keras saves of the model that a Python file makes."""
    if not Path(file).is_file():
        raise FormatError(f"there is no file {quoted(file)}")
    require("keras", "tensorflow")
    with tempfile.TemporaryDirectory() as folder:
        saved = Path(folder, f"{Path(file).stem}{ending}")
        job = {"file": file, "object": name, "saved": str(saved)}
        run_worker("keras2torch.verify.live_worker", job, "tensorflow")
        yield saved


def _from_hugging_face(handle: str) -> Path:
    parts = handle.split("/")
    if len(parts) < 2 or not all(re.fullmatch(r"[\w.-]+", part) for part in parts):
        raise FormatError(f"{HUGGING_FACE}USER/REPO or {HUGGING_FACE}USER/REPO/FILE expected")
    if importlib.util.find_spec("huggingface_hub") is None:
        raise MissingExtra("huggingface_hub is not installed; pip install huggingface_hub")
    from huggingface_hub import snapshot_download

    wanted = "/".join(parts[2:])
    try:
        folder = Path(
            snapshot_download("/".join(parts[:2]), allow_patterns=[wanted] if wanted else None)
        )
    except Exception as error:  # the hub's own, of many kinds
        raise FormatError(f"{quoted(handle)} can't be fetched: {quoted(error, 200)}") from error
    return (folder / wanted).resolve() if wanted else _only_model(folder, handle)


def _from_kaggle(handle: str) -> Path:
    if importlib.util.find_spec("kagglehub") is None:
        raise MissingExtra("kagglehub is not installed; pip install kagglehub")
    import kagglehub

    try:
        folder = Path(kagglehub.model_download(handle))
    except Exception as error:  # the hub's own, of many kinds
        raise FormatError(f"{quoted(handle)} can't be fetched: {quoted(error, 200)}") from error
    return _only_model(folder, handle)


def _only_model(folder: Path, handle: str) -> Path:
    """The one model in a downloaded folder: a saved file in it, or the folder itself."""
    if (folder / "config.json").exists() or (folder / "saved_model.pb").exists():
        return folder
    found = sorted(file for file in folder.rglob("*") if file.suffix in SAVED)
    if len(found) == 1:
        return found[0].resolve()
    if found:
        names = [str(file.relative_to(folder)) for file in found]
        raise FormatError(f"{quoted(handle)} holds several models, name one: {quoted(names, 200)}")
    return folder
