"""The same cross-validation here and in Keras: do they score the same, within noise?

``python folds.py CONFIG.toml MODEL.keras``: the training file trains the port of that model. Each
seed splits the rows anew; in every fold both sides learn from the same rows and predict the same
others, with initial weights, shuffles and dropouts of their own. The port goes through
``cross_validate``, the model through its own ``fit`` in a process of its own.

Noise is measured by the folds: two sides score the same if 0 lies in the 95 % interval of the mean
difference over all folds of all seeds (Student's t; the two of a fold are a pair).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from keras2torch.training.cross_validation import cross_validate
from keras2torch.training.folds import ONLY
from keras2torch.training.scoring import best_f1_thresholds, score_all
from keras2torch.training.splitting import kind_of_targets
from keras2torch.training_file.building import data_of, folds_of, maker_of, plan_of
from keras2torch.training_file.objects import OwnCode
from keras2torch.training_file.schema import read_training_file

Array = npt.NDArray[Any]
KERAS = Path(__file__).with_name("folds_in_keras.py")
QUIET = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}


class Experiment:
    """A training file and the Keras model whose port it trains; ``folder`` keeps what they say."""

    def __init__(self, config: Path, model: Path, folder: Path) -> None:
        self.file, self.model, self.folder = read_training_file(config), model, folder
        home = config.resolve().parent
        self.data, self.plan = data_of(self.file, home), plan_of(self.file, home)
        self.maker = maker_of(self.file.model, home)
        named = self.file.data.prepare
        self.prepare = OwnCode.named(named, home) if named else None
        self.targets = np.asarray(self.data.train.labelled())
        self.kind = kind_of_targets(self.targets)
        self.scores = ("roc_auc", "f1_macro" if self.targets.shape[1:] > (1,) else "f1")

    def of_port(self, seed: int) -> Array:
        """The port's predictions out of fold."""
        found = cross_validate(
            self.maker,
            self.data.train,
            dataclasses.replace(self.plan, seed=seed),
            folds=folds_of(self.file, self.data),
            scores=self.scores,
            prepare=self.prepare,
            workers=1,
            out=self.folder / f"seed-{seed}",
        )
        return found.oof[ONLY]

    def folds(self, seed: int) -> list[dict[str, Any]]:
        """What ``cross_validate`` wrote about them: seeds, held-out rows."""
        written = json.loads((self.folder / f"seed-{seed}" / "folds.json").read_text())
        return list(written["folds"])

    def of_keras(self, seeds: range) -> list[Array]:
        """Keras' predictions out of fold, on the port's folds."""
        jobs = []
        for seed in seeds:
            for fold in self.folds(seed):
                rows = self.folder / f"seed-{seed}" / f"fold-{fold['fold']}.npz"
                self._write_rows(rows, np.array(fold["held_out"]))
                jobs.append({"rows": str(rows), "seed": fold["seed"]})
        said = {"epochs": self.plan.epochs, "batch_size": self.plan.batch_size, "jobs": jobs}
        command = [sys.executable, KERAS, self.model]
        subprocess.run(
            command, input=json.dumps(said), text=True, check=True, env={**os.environ, **QUIET}
        )
        found = []
        for seed in seeds:
            oof = np.empty(self.targets.shape, np.float32)
            for fold in self.folds(seed):
                rows = self.folder / f"seed-{seed}" / f"fold-{fold['fold']}.npy"
                oof[fold["held_out"]] = np.load(rows).reshape(-1, *oof.shape[1:])
            found.append(oof)
        return found

    def scored(self, seed: int, oof: Array) -> list[list[float]]:
        """Of each fold, then of all rows together; F1 with the best thresholds of all."""
        thresholds, _ = best_f1_thresholds(self.targets, oof)
        every = [np.array(fold["held_out"]) for fold in self.folds(seed)]
        every.append(np.arange(len(oof)))
        return [
            list(
                score_all(
                    self.scores, self.kind, self.targets[rows], oof[rows], thresholds
                ).values()
            )
            for rows in every
        ]

    def _write_rows(self, file: Path, held_out: Array) -> None:
        others = np.setdiff1d(np.arange(len(self.targets)), held_out)
        parts = self.data.train.rows(others), self.data.train.rows(held_out), None
        learnt, predicted, _ = self.prepare(*parts) if self.prepare else parts
        arrays = {f"learnt_{name}": array for name, array in learnt.inputs.items()}
        arrays |= {f"predicted_{name}": array for name, array in predicted.inputs.items()}
        np.savez(file, y=np.asarray(learnt.targets), **arrays)


def print_table(names: tuple[str, ...], port: Array, keras: Array) -> None:
    """Both sides' scores, (seeds, folds and then all rows, scores), and what to think of them."""
    print(f"{'':20}" + "".join(f" {name:>12}, port {name:>12}, Keras" for name in names))
    for seed in range(len(port)):
        for row in range(port.shape[1]):
            what = f"fold {row}" if row < port.shape[1] - 1 else "out of fold"
            pairs = zip(port[seed, row], keras[seed, row], strict=True)
            shown = "".join(f" {ours:18.4f} {theirs:19.4f}" for ours, theirs in pairs)
            print(f"seed {seed}, {what:12}{shown}")
    for place, name in enumerate(names):
        for side, scores in (("port", port), ("Keras", keras)):
            whole = scores[:, -1, place]
            spread = f", deviation {whole.std(ddof=1):.4f}" if len(whole) > 1 else ""
            print(f"{name} of {side} out of fold: {whole.mean():.4f}{spread}")
        differences = (port - keras)[:, :-1, place].ravel()
        half = stats.t.ppf(0.975, len(differences) - 1) * stats.sem(differences)
        verdict = "within noise" if abs(differences.mean()) <= half else "BEYOND NOISE"
        print(f"{name}, port - Keras by fold: {differences.mean():+.4f} ± {half:.4f}: {verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("config", type=Path, metavar="CONFIG.toml")
    parser.add_argument("model", type=Path, metavar="MODEL.keras")
    parser.add_argument("--seeds", type=int, default=3, help="how many cross-validations of each")
    options = parser.parse_args()
    seeds = range(options.seeds)
    with tempfile.TemporaryDirectory() as folder:
        both = Experiment(options.config, options.model, Path(folder))
        start = time.perf_counter()
        ours = [both.of_port(seed) for seed in seeds]
        between = time.perf_counter()
        theirs = both.of_keras(seeds)
        end = time.perf_counter()
        port, keras = (
            np.array([both.scored(seed, oof) for seed, oof in zip(seeds, side, strict=True)])
            for side in (ours, theirs)
        )
    print(f"{len(both.targets)} rows; {between - start:.0f} s here, {end - between:.0f} s in Keras")
    print_table(both.scores, port, keras)


if __name__ == "__main__":
    main()
