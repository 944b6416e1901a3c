"""The configurations of Keras' own layer tests, each saved by Keras, ported, and run.

The fast subset takes a test file of most families, the slow one all of them. What became of the
cases is printed at the end of the run, layer by layer.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib import util
from pathlib import Path

import pytest

from sweep.outcomes import Outcome, cases_in, outcome, table

SUBSET = (
    "activations/softmax_test",
    "attention/attention_test",
    "convolutional/depthwise_conv_test",
    "core/embedding_test",
    "core/masking_test",
    "merging/merging_test",
    "normalization/group_normalization_test",
    "pooling/average_pooling_test",
    "preprocessing/category_encoding_test",
    "reshaping/zero_padding2d_test",
    "rnn/lstm_test",
    "rnn/time_distributed_test",
)
# Of what Keras' own tests hold, this share must be equal; the rest must be refused for one of
# REASONS. Nothing may differ.
SHARE = 0.99
REASONS: tuple[str, ...] = (
    "called on what is no tensor",  # Resizing of a dict with boxes
    "numbers of shape (3,) for an input of shape",  # Rescaling by Keras' global data format
)


def test_a_subset_of_keras_own_configurations(
    tmp_path: Path, summary: Callable[[str, str], None]
) -> None:
    _judge(_outcomes(SUBSET, tmp_path), "Keras' own configurations, a subset", summary)


@pytest.mark.slow
def test_all_of_keras_own_configurations(
    tmp_path: Path, summary: Callable[[str, str], None]
) -> None:
    layers = _layers()
    files = [
        str(path.relative_to(layers).with_suffix("")) for path in sorted(layers.rglob("*_test.py"))
    ]
    found = _outcomes(files, tmp_path)
    assert len(found) > 1000
    _judge(found, "Keras' own configurations, all", summary)


def _layers() -> Path:
    found = util.find_spec("keras")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "src" / "layers"


def _outcomes(files: tuple[str, ...] | list[str], folder: Path) -> list[Outcome]:
    """Capture these test files' cases, in two processes, and port each."""

    def capture(part: int) -> None:
        script = Path(__file__).parent / "sweep" / "capture.py"
        quiet = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        done = subprocess.run(
            [sys.executable, script, folder, f"part{part}", *files[part::2]],
            capture_output=True,
            text=True,
            env={**os.environ, **quiet},
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    with ThreadPoolExecutor() as pool:
        list(pool.map(capture, (0, 1)))
    return [
        outcome(folder, case, folder / f"port-{number}")
        for number, case in enumerate(cases_in(folder))
    ]


def _judge(found: list[Outcome], title: str, summary: Callable[[str, str], None]) -> None:
    summary(title, table(found))
    wrong = [one for one in found if one.verdict in ("differs", "crash")]
    assert not wrong, "\n".join(f"{one.test}: {one.verdict}, {one.reason}" for one in wrong)
    refused = [one for one in found if one.verdict == "refused"]
    strange = [one for one in refused if not any(reason in one.reason for reason in REASONS)]
    assert not strange, "\n".join(f"{one.test}: {one.reason}" for one in strange)
    assert len(refused) <= (1 - SHARE) * len(found)
