"""Questions that users of Keras and PyTorch asked about recurrent layers, as tests.

The rows are those of the project's collection of such questions.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from conftest import run_keras

from keras2torch import port
from keras2torch.verify.check import apart
from keras2torch.verify.torch_worker import run_port

Arrays = dict[str, npt.NDArray[np.generic]]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("questions")
    run_keras("user_questions_recurrent.py", {"folder": str(folder)}, "tensorflow")
    return folder


def _stored(path: Path) -> tuple[Arrays, Arrays]:
    """The inputs and what Keras made of them."""
    with np.load(path) as stored:
        given = {n.removeprefix("in_"): a for n, a in stored.items() if n.startswith("in_")}
        return given, {n: a for n, a in stored.items() if not n.startswith("in_")}


def _distance(answers: Path, name: str, out: Path, ending: str, precision: str) -> float:
    port(answers / f"{name}.{ending}", out)
    given, expected = _stored(answers / f"{name}.npz")
    _, _, outputs = run_port(out, given, precision)
    return apart(list(expected.values()), [output.detach().numpy() for output in outputs])[1]


@pytest.mark.parametrize(
    "name",
    [
        # Row 12: "GRUCell is different in PyTorch and TensorFlow": gates in another order, and the
        # reset gate before the product or after it.
        "grus",
        # Row 14: mask_zero dropped silently: masked steps keep the state, the backward pass starts
        # at the last counted step, pooling and concatenation mind the mask.
        "masks",
        # Row 15: x[:, -1] is not what a bidirectional layer returns last.
        "last_outputs",
    ],
)
def test_the_same_numbers(name: str, answers: Path, tmp_path: Path) -> None:
    assert _distance(answers, name, tmp_path, "keras", "float64") <= 1e-12


@pytest.mark.parametrize(("name", "ending"), [("gates2", "h5"), ("gates3", "keras")])
def test_row_13_hard_sigmoid_is_that_of_the_version_that_saved_the_file(
    name: str, ending: str, answers: Path, tmp_path: Path
) -> None:
    """0.2 x + 0.5 in Keras 2, x / 6 + 0.5 in Keras 3: the same weights, other numbers."""
    assert _distance(answers, name, tmp_path, ending, "float32") <= 1e-6
    outputs = [_stored(answers / f"{version}.npz")[1]["out0"] for version in ("gates2", "gates3")]
    assert apart(outputs[:1], outputs[1:])[1] > 1e-3


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_row_16_dropout_masks_are_shared_by_all_steps(
    kind: str, answers: Path, tmp_path: Path
) -> None:
    """Over thousands of equal rows, the mean and the spread of every output are those of Keras;
    masks drawn anew for each step would spread less."""
    port(answers / f"dropped_{kind}.keras", tmp_path)
    given, expected = _stored(answers / f"dropped_{kind}.npz")
    _, model, _ = run_port(tmp_path, given, "float64")
    torch.manual_seed(0)
    outputs = model.train()(torch.from_numpy(given["x"]).double()).detach().numpy()
    error = 2 * expected["std"] / len(outputs) ** 0.5
    assert np.all(np.abs(outputs.mean(0) - expected["mean"]) <= 5 * error)
    np.testing.assert_allclose(outputs.std(0), expected["std"], rtol=0.1)
