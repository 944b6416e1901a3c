"""``cross_validate``: every row is predicted by models that have not seen it; the same bits."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import Small, small_data, small_plan
from torch import Tensor, nn
from torchmetrics.classification import BinaryAUROC

from keras2torch.errors import DataError, TrainingError
from keras2torch.training.cross_validation import CrossValidation, cross_validate
from keras2torch.training.data import ArrayData
from keras2torch.training.plan import TrainingPlan
from keras2torch.training.scoring import best_f1_thresholds, labels_from, score_all
from keras2torch.training.splitting import FoldPlan, kind_of_targets, split_rows

DATA, TEST = small_data(60), small_data(10, 1)


def crossed(data: ArrayData = DATA, **options: Any) -> CrossValidation:
    return cross_validate(
        Small, data, small_plan(epochs=1), **{"folds": 3, "workers": 1, **options}
    )


def digests(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CrossValidation]:
    out = tmp_path_factory.mktemp("serial")
    return out, crossed(test=TEST, seeds=2, out=out)


@pytest.mark.slow
def test_two_workers_write_the_same_bits(
    serial: tuple[Path, CrossValidation], tmp_path: Path
) -> None:
    crossed(test=TEST, seeds=2, out=tmp_path, workers=2)
    assert digests(tmp_path) == digests(serial[0])
    assert {name.split("/")[0] for name in digests(tmp_path)} == {
        *("oof.npy", "test.npy", "folds.json", "report.html", "weights")
    }


def test_predictions_are_out_of_fold_and_in_order(serial: tuple[Path, CrossValidation]) -> None:
    out, found = serial
    told = json.loads((out / "folds.json").read_text())
    oof = np.zeros((2, 60, 1))
    test = []
    for fold in told["folds"]:
        from safetensors.torch import load_file

        model = Small()
        model.load_state_dict(load_file(out / fold["weights"]))
        model.eval()
        for rows, kept in ((fold["held_out"], oof[fold["member"]]), (slice(None), None)):
            data = DATA if kept is not None else TEST
            with torch.no_grad():
                said = model(*(torch.from_numpy(data.inputs[n][rows]) for n in ("ids", "numbers")))
            if kept is not None:
                kept[rows] = said.numpy()
            else:
                test.append(said.numpy())
    np.testing.assert_allclose(np.load(out / "oof.npy"), oof.mean(0), atol=1e-6)
    np.testing.assert_allclose(np.load(out / "test.npy"), np.mean(test, 0), atol=1e-6)
    assert len(told["folds"]) == 6
    assert len({fold["seed"] for fold in told["folds"]}) == 6
    assert found.folds[0].job.held_out.tolist() == told["folds"][0]["held_out"]


def test_scores_are_those_of_the_libraries(serial: tuple[Path, CrossValidation]) -> None:
    from sklearn import metrics

    y, p = np.asarray(DATA.targets), serial[1].oof[""][:, 0]
    scores = serial[1].scores
    assert scores["roc_auc"] == pytest.approx(metrics.roc_auc_score(y, p))
    assert scores["neg_log_loss"] == pytest.approx(-metrics.log_loss(y, p.astype("float64")))
    cut = serial[1].thresholds[""]
    by_hand = [metrics.f1_score(y, p >= t) for t in np.unique(p)]
    assert scores["f1"] == pytest.approx(max(by_hand)) == cut.f1[0]
    assert cut.f1_foreign[0] <= cut.f1[0]
    own = {
        "a": BinaryAUROC(),
        "b": "torchmetrics.classification.BinaryAUROC",
        "c": lambda targets, predicted: float(np.mean(targets * predicted[:, 0])),
    }
    found = score_all(own, "binary", y, serial[1].oof[""])
    assert found["a"] == found["b"] == pytest.approx(scores["roc_auc"], abs=1e-6)
    assert found["c"] == pytest.approx(float((y * p).mean()))
    with pytest.raises(TrainingError, match="no score is called 'auc"):
        score_all(["auc"], "binary", y, p)


def test_scores_of_every_kind() -> None:
    from sklearn import metrics

    generator = np.random.default_rng(0)
    p = generator.dirichlet(np.ones(3), 40).astype("float32")
    y = generator.integers(0, 3, 40)
    found = score_all(["accuracy", "neg_log_loss", "roc_auc_ovr"], "multiclass", y, p)
    assert found["accuracy"] == metrics.accuracy_score(y, p.argmax(1))
    several = (generator.random((40, 3)) < 0.4).astype("float32")
    found = score_all(["roc_auc", "f1_macro", "average_precision"], "multilabel", several, p)
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(several, p))
    assert found["f1_macro"] == pytest.approx(
        metrics.f1_score(several, p >= 0.5, average="macro", zero_division=0)
    )
    found = score_all(["r2"], "regression", p[:, :1], p[:, 1])
    assert found["r2"] == pytest.approx(metrics.r2_score(p[:, 0], p[:, 1]))


def test_the_threshold_is_the_best_of_all() -> None:
    from sklearn.metrics import f1_score

    generator = np.random.default_rng(1)
    for _ in range(20):
        y = (generator.random(30) < 0.3).astype(int)
        p = generator.integers(0, 8, 30) / 8  # many are equal
        if not y.any():
            continue
        (cut,), (f1,) = best_f1_thresholds(y, p)
        assert f1 == pytest.approx(max(f1_score(y, p >= t) for t in np.unique(p)))
        assert f1 == pytest.approx(f1_score(y, labels_from(p, cut)))


def test_splits_are_stratified_and_cover_every_row() -> None:
    generator = np.random.default_rng(0)
    rare = (np.arange(100) < 10).astype("float32")
    several = (generator.random((100, 3)) < (0.5, 0.2, 0.1)).astype("int64")
    groups = np.arange(100) // 5
    for targets, plan in (
        (rare, FoldPlan(5, 2)),
        (several, FoldPlan(5, 2)),
        (rare, FoldPlan(5, 2, stratify=False, groups=groups)),
        (generator.permutation(rare), FoldPlan(5, 2, groups=groups[generator.permutation(100)])),
        (generator.normal(size=100), FoldPlan(5, 2)),
        (generator.normal(size=100), FoldPlan(5, 2, by=rare)),
    ):
        splits = split_rows(targets, 100, plan, seed=0)
        assert len(splits) == 2
        assert [f.tolist() for f in splits[0]] != [f.tolist() for f in splits[1]]
        for folds in splits:
            assert sorted(np.concatenate(folds).tolist()) == list(range(100))
            if plan.groups is not None:
                held = [set(plan.groups[fold]) for fold in folds]
                assert not any(a & b for a in held for b in held if a is not b)
            elif plan.by is not None or targets is rare:
                assert [int(rare[fold].sum()) for fold in folds] == [2] * 5
    assert kind_of_targets(np.eye(3)[[0, 1, 2]]) == "multiclass"


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.three = nn.Linear(2, 1), nn.Linear(2, 3)

    def forward(self, numbers: Tensor) -> dict[str, Tensor]:
        return {"one": torch.sigmoid(self.one(numbers)), "three": self.three(numbers)}


def test_several_outputs_and_preparation_without_leaks(tmp_path: Path) -> None:
    numbers = DATA.inputs["numbers"]
    targets = {"one": DATA.targets, "three": np.repeat(numbers, 2, axis=1)[:, :3]}
    data = ArrayData({"numbers": numbers * 100 + 7}, targets)
    plan = TrainingPlan(
        {"one": nn.BCELoss(), "three": nn.MSELoss()},
        lambda model: torch.optim.SGD(model.parameters(), lr=0.1),
        epochs=2,
    )
    seen = []

    def standardised(*parts: ArrayData | None) -> Any:
        mean, std = parts[0].inputs["numbers"].mean(0), parts[0].inputs["numbers"].std(0)  # type: ignore[union-attr]
        seen.append(mean)
        return tuple(
            part
            and dataclasses.replace(part, inputs={"numbers": (part.inputs["numbers"] - mean) / std})
            for part in parts
        )

    found = cross_validate(
        Heads, data, plan, folds=2, prepare=standardised, workers=1, out=tmp_path
    )
    assert found.kinds == {"one": "binary", "three": "regression"}
    assert {"one/roc_auc", "three/r2"} <= found.scores.keys()
    assert (tmp_path / "oof_one.npy").exists()
    for fold, mean in zip(found.folds, seen, strict=True):
        others = np.setdiff1d(np.arange(60), fold.job.held_out)
        np.testing.assert_array_equal(mean, data.inputs["numbers"][others].mean(0))


@pytest.mark.slow
def test_an_interrupted_run_goes_on(serial: tuple[Path, CrossValidation], tmp_path: Path) -> None:
    def stop(_: str, done: int, __: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crossed(test=TEST, seeds=2, out=tmp_path, progress=stop)
    begun: list[int] = []
    crossed(
        test=TEST,
        seeds=2,
        out=tmp_path,
        resume=True,
        progress=lambda _, done, __: begun.append(done),
    )
    assert begun == [3, 4, 5, 6]
    assert digests(tmp_path) == digests(serial[0])
    with pytest.raises(KeyboardInterrupt):
        crossed(test=TEST, seeds=2, out=tmp_path, progress=stop)
    with pytest.raises(TrainingError, match="folds of another run"):
        crossed(test=TEST, seeds=1, out=tmp_path, resume=True)


def dies(folder: str) -> Small:
    """A model whose making kills its process, the first time."""
    mark = Path(folder, "died")
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Small()


@pytest.mark.slow
def test_a_killed_worker_is_told_and_the_rest_goes_on(
    serial: tuple[Path, CrossValidation], tmp_path: Path
) -> None:
    run = partial(cross_validate, partial(dies, str(tmp_path)), DATA, small_plan(epochs=1), folds=3)
    run = partial(run, test=TEST, seeds=2, workers=2, out=tmp_path / "out")
    with pytest.raises(TrainingError, match="a worker was killed"):
        run()
    run(resume=True)
    assert digests(tmp_path / "out") == digests(serial[0])


RAY = """
import sys
from functools import partial
sys.path.insert(0, {tests!r})
from test_cross_validation import DATA, TEST, Small, dies, small_plan
import keras2torch.training.cross_validation as cv
import ray
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
for out, make in (({out!r} + "/whole", Small), ({out!r} + "/lost", partial(dies, {out!r}))):
    cv.cross_validate(make, DATA, small_plan(epochs=1), folds=3, test=TEST, seeds=2,
                      engine="ray", out=out)
"""


@pytest.mark.slow
def test_ray_gives_the_same_bits_and_survives_the_loss_of_a_worker(
    serial: tuple[Path, CrossValidation], tmp_path: Path
) -> None:
    script = RAY.format(tests=str(Path(__file__).parent), out=str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "died").exists()
    assert digests(tmp_path / "whole") == digests(serial[0])
    assert digests(tmp_path / "lost") == digests(serial[0])


ONE_CLASS = np.zeros(60)
GROUPED = (np.arange(60) < 20).astype("float32")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (partial(crossed, folds=61), "61 folds of 60 rows: there can be no more folds than rows"),
        (partial(crossed, folds=1), "at least 2 folds"),
        (partial(crossed, dataclasses.replace(DATA, targets=None)), "no labels"),
        (
            partial(crossed, dataclasses.replace(DATA, targets=ONE_CLASS)),
            "every row is of class 0",
        ),
        (
            partial(crossed, dataclasses.replace(DATA, targets=np.eye(60)[0])),
            "class 1 has 1 rows, too few for 3 folds",
        ),
        (
            partial(crossed, dataclasses.replace(DATA, targets=np.eye(60)[:, :3])),
            "label 0 has 1 rows of its rarer value, too few for 3 folds",
        ),
        (
            partial(
                crossed,
                dataclasses.replace(DATA, targets=GROUPED),
                folds=FoldPlan(3, groups=np.arange(60) // 20),
            ),
            "fold 0: what is held out is of one class only",
        ),
        (partial(crossed, folds=FoldPlan(3, groups=np.arange(60) // 30)), "3 folds of 2 groups"),
        (partial(crossed, folds=FoldPlan(3, groups=np.arange(59))), "groups of 59 rows"),
        (partial(crossed, seeds=0), "0 seeds"),
    ],
)
def test_bad_input_is_told_in_a_line(run: Callable[[], object], said: str) -> None:
    with pytest.raises((DataError, TrainingError), match=said) as caught:
        run()
    assert "\n" not in str(caught.value)
