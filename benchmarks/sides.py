"""What the benchmarks of speed share: the sides' processes, which take turns, and the table.

Every side is a process of its own with the same number of threads. They take turns, so that
whatever else the machine does falls on all; a ratio is the median of the rounds' ratios. Rounds in
which the machine was busy with something else are thrown away and told.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from keras2torch import port

HERE = Path(__file__).parent
SIDES = ("port", "by-hand", "tensorflow", "jax")
BUSY = 0.1  # a round in which others took more of the machine than this does not count
SAVE = """
import sys
import keras, numpy as np
from keras_models import MODELS, inputs_of, targets_of
folder, name = sys.argv[1:]
build, batch = MODELS[name]
model = build()
model.save(folder + "/model.keras")
names = [tensor._keras_history.operation.name for tensor in model.inputs]
np.savez(folder + "/inputs.npz", **dict(zip(names, inputs_of(model, batch))))
np.save(folder + "/targets.npy", targets_of(model, batch))
print(batch)
"""


class Side:
    """A worker process."""

    def __init__(self, task: str, side: str, name: str, folder: Path, threads: int) -> None:
        variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        pinned = dict.fromkeys(variables, str(threads))
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - as long as the process
        self.process = subprocess.Popen(
            [sys.executable, HERE / "worker.py", task, side, name, folder, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.said,
            text=True,
            env={**os.environ, **pinned, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        assert self._line() == "ready"

    def seconds(self) -> float:
        """How long one batch takes just now."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._line())

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            self.said.seek(0)
            raise RuntimeError("a worker ended early:\n" + self.said.read()[-2000:])
        return line


class Watch:
    """Tells how much of the machine others than these processes and this one took."""

    def __init__(self, processes: Sequence[int]) -> None:
        self.processes = processes
        self.last = self._ticks()

    def others(self) -> float:
        """The share of the machine, 0 to 1, since the last call."""
        before, self.last = self.last, self._ticks()
        busy, own, total = (now - then for now, then in zip(self.last, before, strict=True))
        return max(0, busy - own) / max(1, total)

    def _ticks(self) -> tuple[int, int, int]:
        """Clock ticks so far: busy, these processes', and all (``man 5 proc``)."""
        ticks = [int(v) for v in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
        own = 0
        for process in (os.getpid(), *self.processes):
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            own += int(fields[11]) + int(fields[12])
        return sum(ticks) - ticks[3] - ticks[4], own, sum(ticks)


def measure(task: str, name: str, rounds: int, threads: int) -> None:
    """Print a model's row: the port's samples per second, and what the others need for as many."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        batch = int(
            subprocess.run(
                [sys.executable, "-c", SAVE, folder, name],
                capture_output=True,
                text=True,
                check=True,
                cwd=HERE,
                env={**os.environ, "KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"},
            ).stdout.split()[-1]
        )
        (folder / "model.keras").rename(folder / "original.keras")
        port(folder / "original.keras", folder / "port")
        for file in (folder / "port").iterdir():
            file.rename(folder / file.name)
        (folder / "original.keras").rename(folder / "model.keras")
        sides = {side: Side(task, side, name, folder, threads) for side in SIDES}
        watch = Watch([side.process.pid for side in sides.values()])
        times: dict[str, list[float]] = {side: [] for side in SIDES}
        busy = 0
        shuffled = random.Random(0)
        for _ in range(rounds):
            # Whoever comes behind a framework whose threads still spin is slower: so each comes
            # behind each of the others as often.
            found = {side: sides[side].seconds() for side in shuffled.sample(SIDES, len(SIDES))}
            if watch.others() > BUSY:
                busy += 1
                continue
            for side, seconds in found.items():
                times[side].append(seconds)
        for process in sides.values():
            process.end()
    if not times["port"]:
        print(f"{name:16} the machine was busy in all {rounds} rounds")
        return
    row = f"{name:16} {batch / statistics.median(times['port']):12.0f}"
    for side in SIDES[1:]:
        ratios = [other / own for other, own in zip(times[side], times["port"], strict=True)]
        row += f" {statistics.median(ratios):12.2f}"
    print(row + (f"   ({busy} of {rounds} rounds thrown away)" if busy else ""), flush=True)


def run(task: str, models: Sequence[str], description: str | None) -> None:
    """The command line of a benchmark: its table, a row per model."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=", ".join(models))
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    print(f"{'':16} {'port, /s':>12}" + "".join(f" {f'÷ {side}':>12}" for side in SIDES[1:]))
    for name in options.models or models:
        measure(task, name, options.rounds, options.threads)
