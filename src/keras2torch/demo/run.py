"""The demo, from the reviews to the report."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from keras2torch.compare.compare import Comparison, compare
from keras2torch.demo import reviews
from keras2torch.errors import DataError, quoted
from keras2torch.processes import require, run_worker
from keras2torch.report.page import comparison_page
from keras2torch.verify.curves import Progress

# Chosen so that the demo ends within five minutes on two cores.
TRAIN, VALIDATE = 1_600, 400
EPOCHS, BATCH_SIZE, SEED = 2, 32, 7
RESULT = "compare.json"
BACKEND = "tensorflow"


def run_demo(out: Path, data: Path | None, full: bool, progress: Progress) -> Comparison:
    """Write ``out``: the Keras model, its port, ``compare.json`` and ``report.html``.

    ``data`` is an ``imdb.npz``, otherwise the packaged reviews are used; ``full`` takes them all.

    Raises:
        Keras2TorchError: any step failed; nothing is left half-written.
    """
    require("keras", "torch", BACKEND, "matplotlib")
    if out.exists() and not (out / RESULT).exists():
        raise DataError(f"{quoted(out)} is there and holds no earlier demo; name another folder")
    train, validate = (None, None) if full else (TRAIN, VALIDATE)
    progress("reading reviews", 0, 1)
    texts = reviews.imdb_npz(data, train, validate) if data else reviews.packaged(train, validate)
    progress("reading reviews", 1, 1)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as folder:
        aside = Path(folder, "demo")
        aside.mkdir()
        model, arrays = aside / "sentiment.keras", Path(folder, "reviews.npz")
        progress("building the Keras model", 0, 1)
        job = {"path": str(model), "words": reviews.WORDS, "length": reviews.LENGTH, "seed": SEED}
        run_worker("keras2torch.demo.build_model", job, BACKEND)
        progress("building the Keras model", 1, 1)
        texts.save(arrays, "tokens")
        compared = compare(
            model,
            arrays,
            aside,
            epochs=EPOCHS,
            batch_size=BATCH_SIZE,
            backend=BACKEND,
            seed=SEED,
            progress=progress,
        )
        (aside / RESULT).write_text(json.dumps(compared.to_json(), indent=1))
        (aside / "report.html").write_text(comparison_page(compared, texts.source))
        shutil.rmtree(out, ignore_errors=True)
        aside.rename(out)
    return compared
