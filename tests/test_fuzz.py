"""Damaged and hostile files: each is ported or refused, and nothing else ever happens.

A child process ports many files in a row, with a limit on its memory and an alarm per file, so that
a crash, a hang or a flood of memory ends the child and names the file. The fast run takes a few
hundred files, the slow one thousands.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from keras2torch import ModelError, port

SECONDS = 10
MEGABYTES = 500
CHILD = """
import resource, signal, sys
from pathlib import Path
from keras2torch.errors import ModelError
from keras2torch.porting import port

def ended(*_):
    raise SystemExit("took too long")

signal.signal(signal.SIGALRM, ended)
folder, config = Path(sys.argv[1]), sys.argv[2] or None
port(sys.argv[3], folder / "warm", config=config)
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + MEGABYTES * 2**20,) * 2)
for path in sorted((folder / "bad").iterdir()):
    print(path.name, flush=True)
    signal.alarm(SECONDS)
    try:
        port(path, folder / "out" / path.name, config=config)
    except ModelError as error:
        text = str(error)
        assert text.isascii() and text.isprintable() and len(text) < 10_000, text[:200]
        assert not (folder / "out" / path.name).exists()
    signal.alarm(0)
print("done")
""".replace("SECONDS", str(SECONDS)).replace("MEGABYTES", str(MEGABYTES))


def _mutated(data: bytes, rng: random.Random) -> bytes:
    """Some bytes changed, cut out, doubled or set to an extreme; the file's head more often."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        reach = len(changed) if rng.random() < 0.5 else min(len(changed), 4096)
        place = rng.randrange(max(1, reach))
        match rng.randrange(5):
            case 0:
                changed[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                changed[place : place + 8] = rng.choice([b"\xff" * 8, bytes(8), b"\x7f" + bytes(7)])
            case 2:
                del changed[place : place + rng.randrange(1, 64)]
            case 3:
                changed[place:place] = changed[place : place + rng.randrange(1, 64)]
            case _ if rng.random() < 0.2:
                del changed[place:]
    return bytes(changed)


def _plain(source: Path, target: Path, rng: random.Random) -> None:
    target.write_bytes(_mutated(source.read_bytes(), rng))


def _member(source: Path, target: Path, rng: random.Random) -> None:
    """One member of an archive is changed, and its checksum with it."""
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    chosen = rng.choice(sorted(parts))
    parts[chosen] = _mutated(parts[chosen], rng)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def _in_folder(source: Path, target: Path, rng: random.Random) -> None:
    """One file of a folder is changed."""
    shutil.copytree(source, target)
    files = sorted(file for file in target.rglob("*") if file.is_file() and file.stat().st_size)
    chosen = rng.choice(files)
    chosen.write_bytes(_mutated(chosen.read_bytes(), rng))


# Which files, how one is changed, whether its description stands in another, and how many times
# in the slow run; the fast one takes a tenth.
KINDS: dict[str, tuple[str, str, Callable[[Path, Path, random.Random], None], bool, int]] = {
    "zip": ("keras_3", "image_cnn.keras", _plain, False, 300),
    "member": ("keras_3", "nests.keras", _member, False, 600),
    "h5": ("keras_3", "nests.h5", _plain, False, 400),
    "old h5": ("keras_2", "nests.h5", _plain, False, 400),
    "weights": ("keras_3", "nests.weights.h5", _plain, True, 200),
    "map": ("keras_3", "nests.weights.json", _plain, True, 100),
    "saved": ("keras_2", "nests.saved", _in_folder, False, 300),
}


def _run(kind: str, folders: dict[str, Path], folder: Path, count: int) -> None:
    where, name, change, has_config, _ = KINDS[kind]
    source, rng = folders[where] / name, random.Random(kind)
    (folder / "bad").mkdir()
    for number in range(count):
        change(source, folder / "bad" / f"{number:04d}", rng)
    config = str(folders[where] / f"{name.split('.')[0]}.json") if has_config else ""
    before = _listing(folder)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, folder, config, source],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )
    lines = done.stdout.split()
    last = lines[-1] if lines else "none"
    said = f"status {done.returncode}\n{done.stderr[-2000:]}"
    assert last == "done", f"{folder / 'bad' / last}: {said}"
    allowed = {"out", "warm"}
    assert {path.split("/")[0] for path in _listing(folder) - before} <= allowed


def _listing(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.mark.parametrize("kind", KINDS)
def test_some_damaged_files(kind: str, keras_2: Path, keras_3: Path, tmp_path: Path) -> None:
    folders = {"keras_2": keras_2, "keras_3": keras_3}
    _run(kind, folders, tmp_path, KINDS[kind][-1] // 10)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_damaged_files(kind: str, keras_2: Path, keras_3: Path, tmp_path: Path) -> None:
    folders = {"keras_2": keras_2, "keras_3": keras_3}
    _run(kind, folders, tmp_path, KINDS[kind][-1])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(["relu", "../x", 'x"); import os#', "float32", "Lambda", "__tuple__", "{0}"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


def _places(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, (dict, list)) and value:
            yield from _places(value, (*path, key))


def _replaced(config: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = json.loads(json.dumps(config))
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    return changed


@pytest.mark.parametrize("name", ["nests", "image_cnn"])
def test_strange_descriptions(name: str, keras_3: Path, tmp_path: Path) -> None:
    """One value of the description is another: ported, or refused with a ModelError."""
    _strange(name, keras_3, tmp_path, 60)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["article_a", "nests", "image_cnn"])
def test_many_strange_descriptions(name: str, keras_3: Path, tmp_path: Path) -> None:
    _strange(name, keras_3, tmp_path, 500)


def _strange(name: str, folder: Path, out: Path, count: int) -> None:
    with zipfile.ZipFile(folder / f"{name}.keras") as archive:
        parts = {member: archive.read(member) for member in archive.namelist()}
    config = json.loads(parts["config.json"])
    places = list(_places(config))

    @settings(
        max_examples=count,
        deadline=SECONDS * 1000,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(places), JSON)
    def one(path: tuple[Any, ...], value: Any) -> None:
        text = json.dumps(_replaced(config, path, value))
        file = out / "strange.keras"
        with zipfile.ZipFile(file, "w") as archive:
            for member, data in (parts | {"config.json": text.encode()}).items():
                archive.writestr(member, data)
        try:
            port(file)
        except ModelError as error:
            said = str(error)
            assert said.isascii()
            assert said.isprintable()

    one()
    assert [path.name for path in out.iterdir()] == ["strange.keras"]
