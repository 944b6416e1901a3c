"""Several processes compute what one computes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("processes_side.py")


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_several_processes_equal_one_at_the_same_batch(processes: int, tmp_path: Path) -> None:
    """Batches of 16 rows and a last one of 5, which 3 processes can't share equally."""
    results = []
    for count in (1, processes):
        folder = tmp_path / str(count)
        folder.mkdir()
        launched = ["-m", "torch.distributed.run", f"--nproc-per-node={count}", "--standalone"]
        done = subprocess.run(
            [sys.executable, *(launched if count > 1 else []), SCRIPT, folder],
            env={**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"},
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        with np.load(folder / "out.npz") as stored:
            results.append({name: stored[name] for name in stored.files})
    one, several = results
    assert one.keys() == several.keys()
    for name, values in one.items():
        np.testing.assert_allclose(several[name], values, rtol=0, atol=1e-6, err_msg=name)
