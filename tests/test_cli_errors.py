"""What goes wrong is one line and an exit code, whatever it is; nothing goes on behind it."""

from __future__ import annotations

import json
import os
import time
import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest

from keras2torch.errors import DataError, MissingExtra, PortError, ReferenceError, TrainingError
from keras2torch.processes import Job, require_imported, run_worker, run_workers
from keras2torch.verify.manifest import read_manifest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # typer uses what click is about to drop
    from keras2torch import cli, cli_options, cli_training


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (DataError("there is no file 'a'"), 2, "keras2torch: there is no file 'a'\n"),
        (OSError(28, "No space left on device", "b"), 2, "keras2torch: 'b': No space left on dev"),
        (KeyboardInterrupt(), 130, "keras2torch: interrupted\n"),
        (click.Abort(), 130, "keras2torch: interrupted\n"),
        (click.UsageError("no such option"), 2, "Error: no such option\n"),
    ],
)
def test_exit_codes(
    error: BaseException, status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def run() -> int:
        raise error

    assert cli.exit_code(run) == status
    assert capsys.readouterr().err.startswith(said)


def called(*arguments: object) -> int:
    """The exit code of a command that ends before it starts any process."""
    return cli.exit_code(lambda: cli.app(list(map(str, arguments)), standalone_mode=False))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "a.keras", ".", "--html", "none/a.html"], "there is no such folder"),
        (["check", "a.keras", ".", "--json", "."], "a folder has that name"),
        (["check", "a.keras", "."], "is no port"),
        (["check", "a.keras", ".", "--steps", "0"], "0 is not in the range"),
        (["check", "a.keras", ".", "--batch-size", "-1"], "-1 is not in the range"),
        (["check", "a.keras", ".", "--backend", "torch"], "is not one of 'tensorflow', 'jax'"),
        (["check", "a.keras", ".", "--steps", "1", "--backend", "jax", "--backend", "tensorflow"],
         "one of Keras' backends"),
        (["compare", "a.keras", "--data", "a.npz"], "there is no file 'a.keras'"),
        (["port", "none.py:model"], "there is no file 'none.py'"),
        (["inspect", "a.keras"], "there is no file"),
        (["predict", "a.toml", ".", "-o", "none/a.npy"], "there is no such folder"),
        (["fit", "a.toml"], "Missing option"),
    ],
)  # fmt: skip
def test_bad_input_is_told_before_the_work_begins(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert called(*arguments) == 2
    assert said in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_what_arguments_are_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("port", "inspect", "check", "compare"):
        assert called(command, "--help") == 0
        assert " ".join(capsys.readouterr().out.split()).endswith(cli_options.MODEL)


def modules(folder: Path, monkeypatch: pytest.MonkeyPatch, **sources: str) -> None:
    """Python files that this process and its workers import."""
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    known = os.environ.get("PYTHONPATH", "")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{known}")


def test_a_package_that_can_not_be_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Missing or broken, here or in a worker: the extra that brings it is named."""
    modules(
        tmp_path,
        monkeypatch,
        iterstrat="raise ImportError('broken')",
        side="import tensorflow",
        tensorflow="raise ImportError('broken')",
        lonely="import jax.numpy",
        jax="",
        other="import something_of_ones_own",
    )
    with pytest.raises(MissingExtra, match=r"iterstrat.*broken.*'keras2torch\[train\]'"):
        require_imported("iterstrat")
    with pytest.raises(MissingExtra, match=r"broken.*'keras2torch\[keras\]'"):
        run_worker("side", {}, "tensorflow")
    with pytest.raises(MissingExtra, match=r"jax.*'keras2torch\[keras\]'"):
        run_worker("lonely", {}, "jax")
    with pytest.raises(ReferenceError, match="something_of_ones_own"):
        run_worker("other", {}, "tensorflow")


@pytest.mark.parametrize("failing", ["worker", "here"])
def test_workers_end_together(
    failing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules(
        tmp_path, monkeypatch, sleeping="import time\ntime.sleep(60)", bad="exit('no')", well=""
    )
    jobs = [Job("sleeping", {}), Job("bad" if failing == "worker" else "well", {})]

    def interrupted(ended: int) -> None:
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(PortError if failing == "worker" else KeyboardInterrupt):
        run_workers([*jobs, *jobs], interrupted)
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "of another version"),
        ({"layers": None}, "it has no layers"),
        ({"inputs": [{"name": "x"}]}, "one of its inputs has no shape"),
        ({"parameters": ["x"]}, "one of its parameters has no name"),
    ],
)
def test_a_damaged_manifest(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    whole = {"format": 1, "source": {}, "inputs": [], "parameters": [], "layers": [], "notes": []}
    (tmp_path / "port.json").write_text(json.dumps(whole))
    assert read_manifest(tmp_path) == whole
    (tmp_path / "port.json").write_text(json.dumps(whole | change))
    with pytest.raises(PortError, match=said):
        read_manifest(tmp_path)
    (tmp_path / "port.json").write_text("[" * 100_000)
    with pytest.raises(PortError, match="damaged"):
        read_manifest(tmp_path)


def test_a_failure_in_ones_own_file_says_where(tmp_path: Path) -> None:
    own: dict[str, Any] = {}
    exec(compile("\n\ndef call(x):\n    return x @ x\n", tmp_path / "mine.py", "exec"), own)  # noqa: S102
    with (
        pytest.raises(TrainingError, match=r"mine.py line 4: ValueError: 'matmul"),
        cli_training.failures_in_a_line(tmp_path),
    ):
        own["call"](np.zeros((2, 3)))
