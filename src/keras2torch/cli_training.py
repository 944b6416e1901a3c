"""The commands that train from one TOML file: fit, cross-validate, predict."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from keras2torch.cli_options import refuse_unwritable
from keras2torch.errors import DataError, TrainingError, quoted
from keras2torch.processes import require_imported
from keras2torch.report.progress import progress_bars

if TYPE_CHECKING:
    from keras2torch.training.data import ArrayData
    from keras2torch.training.plan import TrainingPlan
    from keras2torch.training_file.building import FileData
    from keras2torch.training_file.schema import TrainingFile

CONFIG = "CONFIG.toml says what is trained, on what and how."
ConfigToml = Annotated[Path, typer.Argument(metavar="CONFIG.toml")]
OutFolder = Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")]
Quick = Annotated[
    bool, typer.Option("--quick", help="Few rows and epochs: to see that everything works.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from where a run was interrupted.")]
Workers = Annotated[
    int | None, typer.Option(min=1, help="How many folds at once; by default one per core.")
]
NEEDED = ("torch", "accelerate", "sklearn", "torchmetrics")


class Engine(StrEnum):
    """What runs the folds."""

    processes = "processes"
    ray = "ray"


def fit(
    config: ConfigToml,
    out: OutFolder,
    resume: Resume = False,
    quick: Quick = False,
) -> None:
    """Train a model as a TOML file says.

    Writes a folder with weights.safetensors and history.json; of a port, a port again.
    """
    require_imported(*NEEDED)
    file, data, plan = _read(config, quick)
    from keras2torch.training.fitting import fit as run
    from keras2torch.training.seeding import seed_streams
    from keras2torch.training_file.building import maker_of, prepared
    from keras2torch.training_file.writing import write_fitted

    seed_streams(plan.seed)
    folder = config.resolve().parent
    data = prepared(file, data, folder)
    model = maker_of(file.model, folder)()
    _make(out)
    with progress_bars() as progress, failures_in_a_line(folder):
        told = run(
            model,
            data.train,
            plan,
            validation=data.validation,
            checkpoints=out / "checkpoints",
            every=file.training.checkpoint_every,
            resume=resume,
            progress=progress,
        )
    write_fitted(out, model, told, folder / file.model.port if file.model.port else None)
    for name, values in told.history.items():
        print(f"{name}: {', '.join(f'{value:.5f}' for value in values)}")


def cross_validate(
    config: ConfigToml,
    out: OutFolder,
    workers: Workers = None,
    engine: Annotated[
        Engine, typer.Option(help="Folds run in processes, or on a Ray cluster.")
    ] = Engine.processes,
    resume: Resume = False,
    quick: Quick = False,
) -> None:
    """Train a fresh model per fold, and measure them.

    Each model predicts the rows that it has not seen. Writes a folder with these predictions,
    the weights of each fold, folds.json and report.html.
    """
    ray = ["ray"] if engine == Engine.ray else []
    require_imported(*NEEDED, "iterstrat", "matplotlib", *ray)
    file, data, plan = _read(config, quick)
    from keras2torch.training.cross_validation import cross_validate as run
    from keras2torch.training_file import building

    folder = config.resolve().parent
    with progress_bars() as progress, failures_in_a_line(folder):
        found = run(
            building.maker_of(file.model, folder),
            data.train,
            plan,
            folds=building.folds_of(file, data),
            seeds=file.cross_validation.seeds,
            test=data.test,
            scores=file.cross_validation.scores,
            prepare=building.prepare_of(file, folder),
            workers=workers,
            engine=engine.value,
            out=out,
            every=file.training.checkpoint_every,
            resume=resume,
            progress=progress,
        )
    for name, value in found.scores.items():
        each = [fold.scores[name] for fold in found.folds]
        print(f"{name}: {value:.5f} out of fold; folds {min(each):.5f} to {max(each):.5f}")
    print(f"{out / 'report.html'}")


def predict(
    config: ConfigToml,
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The .npy to write.")],
    data: Annotated[
        Path | None, typer.Option(help="Rows to predict: an .npz; by default the file's test.")
    ] = None,
) -> None:
    """Predict rows with trained weights.

    WEIGHTS is a .safetensors file, or a folder that fit or cross-validate wrote; of several models
    the mean is taken.
    """
    refuse_unwritable(out)
    require_imported(*NEEDED)
    from keras2torch.npz import read_npz
    from keras2torch.training.data import arrays_from
    from keras2torch.training_file.building import as_port_takes, maker_of, plan_of
    from keras2torch.training_file.schema import read_training_file
    from keras2torch.training_file.writing import mean_predictions, write_predictions

    file, folder = read_training_file(config), config.resolve().parent
    rows = arrays_from(read_npz(data)) if data else _test(file, folder)
    if file.data.prepare:
        rows = _prepared(file, folder, weights, rows)
    rows = as_port_takes(rows, file, folder)
    maker, plan = maker_of(file.model, folder), plan_of(file, folder)
    with failures_in_a_line(folder):
        found = mean_predictions(maker, weights, rows, plan)
    for file_name in write_predictions(out, found):
        print(f"{file_name}: {len(rows)} rows")


def _prepared(file: TrainingFile, folder: Path, weights: Path, rows: ArrayData) -> ArrayData:
    """The rows as ``fit`` had them prepared."""
    import dataclasses

    from keras2torch.porting import WEIGHTS
    from keras2torch.training_file.building import data_of, prepared

    if not (weights / WEIGHTS).is_file():
        raise TrainingError("prepare is fitted in each fold: put these rows into data test")
    data = dataclasses.replace(data_of(file, folder), test=rows)
    found = prepared(file, data, folder).test
    if found is None:
        raise TrainingError(f"{file.data.prepare} returns no test rows")
    return found


def _test(file: TrainingFile, folder: Path) -> ArrayData:
    from keras2torch.training.data import arrays_from
    from keras2torch.training_file.building import arrays_of

    if file.data.test is None:
        raise DataError("no rows to predict: --data FILE.npz, or test in the file's data")
    return arrays_from(arrays_of(file.data.test, folder))


def _read(config: Path, quick: bool) -> tuple[TrainingFile, FileData, TrainingPlan]:
    """The file and what it describes; small if it is to be quick."""
    from keras2torch.training_file.schema import read_training_file

    file, folder = read_training_file(config), config.resolve().parent
    from keras2torch.training_file.building import data_of, plan_of
    from keras2torch.training_file.quick import quick_data, quick_file

    file = quick_file(file) if quick else file
    plan = plan_of(file, folder)
    data = data_of(file, folder)
    return file, quick_data(data, file.quick.rows) if quick else data, plan


@contextmanager
def failures_in_a_line(folder: Path) -> Iterator[None]:
    """What goes wrong in a model, a loss or a score as a line, with the place in a file that is the
    user's own: in ``folder`` or below.

    Raises:
        TrainingError: something went wrong there.
    """
    try:
        yield
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).is_relative_to(folder)]
        where = f", {Path(own[-1].filename).name} line {own[-1].lineno}" if own else ""
        said = f"{type(error).__name__}: {quoted(error, 300)}"
        raise TrainingError(
            f"these data can't be trained on or predicted{where}: {said}"
        ) from error


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(f"{quoted(folder)} can't be made: {error.strerror}") from error
