"""The examples are what they say: ports of the Keras code beside them, and trainings that run."""

from __future__ import annotations

import hashlib
import runpy
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import EXAMPLES

from keras2torch import port
from keras2torch.errors import TrainingError
from keras2torch.training import ArrayData
from keras2torch.training_file.building import data_of, maker_of, plan_of
from keras2torch.training_file.schema import read_training_file

NETWORKS = sorted(file.parent.name for file in EXAMPLES.glob("*/keras_model.py"))
TRAININGS = sorted(file.stem for file in EXAMPLES.glob("*.toml") if file.stem != "ruff")
WORDS = "what is the best of all worlds"
LABELS = "toxic,severe_toxic,obscene,threat,insult,identity_hate"


@pytest.mark.parametrize("name", NETWORKS)
def test_ports_are_those_of_the_keras_code(name: str, keras_3: Path) -> None:
    made = port(keras_3 / f"example_{name}.keras", train=True)
    for file, source in (("model.py", made.source), ("train.py", made.train)):
        assert (EXAMPLES / name / file).read_text() == source, "python examples/port.py renews it"


@pytest.fixture
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Small files in the formats of those that are downloaded, and nothing beside the examples."""
    words = WORDS.split()
    texts = [f"{words[row % 7].upper()} Don't {' '.join(words[: row % 6])}?" for row in range(60)]
    asked = [f"{row:x},{text},{row % 2}" for row, text in enumerate(texts)]
    (tmp_path / "quora.csv").write_text("\n".join(["qid,question_text,target", *asked]))
    said = [f"{row},{text},{','.join([str(row % 2)] * 6)}" for row, text in enumerate(texts)]
    (tmp_path / "toxic.csv").write_text("\n".join([f"id,comment_text,{LABELS}", *said]))
    ids = np.empty(60, object)
    ids[:] = [list(range(1, 2 + row % 5)) for row in range(60)]
    y = np.arange(60) % 2
    np.savez(tmp_path / "imdb.npz", x_train=ids, y_train=y, x_test=ids[:9], y_test=y[:9])
    vectors = [f"{word} {row}.5 0.25 1" for row, word in enumerate([*words, "do", "not"])]
    (tmp_path / "vectors.txt").write_text("\n".join(vectors))
    files = {"QUORA_CSV": "quora.csv", "TOXIC_CSV": "toxic.csv", "IMDB_NPZ": "imdb.npz"}
    for variable, file in {**files, "VECTORS": "vectors.txt"}.items():
        monkeypatch.setenv(variable, str(tmp_path / file))
    monkeypatch.delenv("QUORA_COLUMNS", raising=False)
    monkeypatch.setattr("keras2torch.training_file.objects._module", _read_anew)
    return tmp_path


def _read_anew(file: Path) -> Any:
    """A module of its own, as in a process of its own: what it has read before is not kept."""
    return SimpleNamespace(**runpy.run_path(str(file)))


@pytest.mark.parametrize("name", TRAININGS)
def test_training_files_fit_the_data(name: str, downloads: Path) -> None:
    file = read_training_file(EXAMPLES / f"{name}.toml")
    data = data_of(file, EXAMPLES)
    plan = plan_of(file, EXAMPLES)
    model = maker_of(file.model, EXAMPLES)()
    rows = data.train.rows([0, 1])
    outputs = getattr(model, plan.method)(*_tensors(rows))
    assert outputs.shape == np.asarray(rows.targets).shape
    assert data.test is not None
    assert data.test.inputs.keys() == data.train.inputs.keys()


def _tensors(rows: ArrayData) -> list[Any]:
    import torch

    return [
        torch.tensor(array).float() if array.dtype.kind == "f" else torch.tensor(array)
        for array in rows.inputs.values()
    ]


def test_texts_become_the_arrays_of_the_article(downloads: Path) -> None:
    found = runpy.run_path(str(EXAMPLES / "data.py"))
    learnt, later, table = found["quora"](), found["quora_test"](), found["quora_vectors"]()
    assert (len(learnt["y"]), len(later["tokens"])) == (54, 6)
    assert learnt["tokens"].shape == (54, 70)
    assert learnt["tokens"][0].tolist() == [0] * 67 + [3, 1, 2]  # "WHAT Don't ?": what do not
    assert table.shape == (20_000, 300)
    assert table[1].tolist() == [7.5, 0.25, 1.0] + [0.0] * 297
    np.testing.assert_allclose(learnt["features"][0], [5 / 12, 1.0])  # capitals, words that differ


def test_rows_to_predict_are_those_of_a_test_csv(
    downloads: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (downloads / "test.csv").write_text("count,tweet\n0,what\n1,\n")
    (downloads / "other.csv").write_text("tweet,class\na,0\nb,1\nc,2\n")
    monkeypatch.setenv("QUORA_CSV", str(downloads / "other.csv"))
    monkeypatch.setenv("QUORA_COLUMNS", "tweet,class=0")
    found = runpy.run_path(str(EXAMPLES / "data.py"))
    assert found["quora"]()["y"].tolist() == [[1.0], [0.0], [0.0]]
    assert not found["quora_test"]()["tokens"].any()  # words of no row that is learnt from


def test_features_are_standardised_by_the_rows_learnt_from() -> None:
    prepare = runpy.run_path(str(EXAMPLES / "data.py"))["standardise"]
    sides = [ArrayData({"features": np.array(rows)}) for rows in ([[1.0], [3.0]], [[5.0]])]
    learnt, held_out, test = prepare(*sides, None)
    assert learnt.inputs["features"].tolist() == [[-1.0], [1.0]]
    assert held_out.inputs["features"].tolist() == [[3.0]]
    assert test is None


def test_what_is_not_there_is_told(downloads: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TOXIC_CSV")
    with pytest.raises(TrainingError, match=r"toxic/train\.csv is not there: .*, or set TOXIC_CSV"):
        data_of(read_training_file(EXAMPLES / "toxic.toml"), EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_the_same_command_writes_the_same_files(name: str, downloads: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # typer uses what click is about to drop
        from keras2torch.cli_training import cross_validate
    written = []
    for out in (downloads / "first", downloads / "second"):
        cross_validate(EXAMPLES / f"{name}.toml", out, workers=1, quick=True)
        files = sorted(file for file in out.rglob("*") if file.is_file())
        written.append(
            {str(f.relative_to(out)): hashlib.sha256(f.read_bytes()).digest() for f in files}
        )
    assert {"oof.npy", "test.npy", "folds.json", "report.html"} <= written[0].keys()
    assert written[0] == written[1]
