"""Folders are replaced as a whole, whoever else writes there and whenever a process is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from keras2torch import port
from keras2torch.replacing import replace_folder

MANY = """
import sys
from keras2torch.porting import port
print("ready", flush=True)
while True:
    for model in sys.argv[2:]:
        port(model, sys.argv[1])
"""


def test_the_owners_files_stay(tmp_path: Path) -> None:
    out, aside = tmp_path / "out", tmp_path / "aside"
    for folder, text in ((out, "old"), (aside, "new")):
        folder.mkdir()
        (folder / "model.py").write_text(text)
    (out / "notes.txt").write_text("mine")
    (out / "runs").mkdir()
    (out / "runs" / "1.json").write_text("{}")
    (out / "vocabulary.json").write_text("[]")
    replace_folder(aside, out, {"model.py", "vocabulary.json"})
    found = sorted(p.relative_to(out).as_posix() for p in out.rglob("*"))
    assert found == ["model.py", "notes.txt", "runs", "runs/1.json"]
    assert (out / "model.py").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("writers", [1, 2])
def test_killed_processes_leave_whole_ports(writers: int, models: Path, tmp_path: Path) -> None:
    """SIGKILL at twelve random times: the folder holds one model's port, all of it."""
    sources = [models / "text_cnn.keras", models / "siamese.keras"]
    whole = {}
    for source in sources:
        done = port(source, tmp_path / source.stem)
        whole[json.dumps(done.manifest)] = [
            (tmp_path / source.stem / name).read_bytes()
            for name in ("model.py", "weights.safetensors")
        ]
    out, rng = tmp_path / "port", random.Random(4)
    for _ in range(12 // writers):
        started = [
            subprocess.Popen(
                [sys.executable, "-c", MANY, out, *sources], stdout=subprocess.PIPE, text=True
            )
            for _ in range(writers)
        ]
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()
        while not out.exists():
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, 1.0))
        for process in started:
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
        if out.exists():  # else killed in the moment between the older and the newer one
            manifest = json.dumps(json.loads((out / "port.json").read_text()))
            found = [(out / name).read_bytes() for name in ("model.py", "weights.safetensors")]
            assert found == whole[manifest]
