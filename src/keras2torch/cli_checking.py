"""The commands that compare a port with its model: check, compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from keras2torch.cli_options import (
    Backend,
    ConfigFile,
    JsonFile,
    ModelName,
    console,
    refuse_unwritable,
    write_text,
)
from keras2torch.errors import DataError
from keras2torch.processes import require
from keras2torch.report.progress import progress_bars

PortFolder = Annotated[Path, typer.Argument(metavar="PORT")]
InputsFile = Annotated[
    Path | None,
    typer.Option(help="Inputs to use: an .npz with an array per input; y too, for steps."),
]
Steps = Annotated[
    int | None, typer.Option(min=1, help="Train both sides for so many steps and compare them.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="The same, for so many passes over the data.")
]
BatchSize = Annotated[int, typer.Option(min=1, help="Of each step.")]
Backends = Annotated[
    list[Backend] | None,
    typer.Option(help="Keras' backend (again for more); the first runs in float64 too."),
]
HtmlFile = Annotated[Path | None, typer.Option(help="Write a page with the proof.")]
TrustModel = Annotated[
    bool, typer.Option("--trust-model", help="Let Keras run code that stands in the file.")
]
TrainingData = Annotated[
    Path, typer.Option(help="An .npz: an array per input, y, and the same with val_.")
]
OutFolder = Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")]


def check(
    model: ModelName,
    port: PortFolder,
    config: ConfigFile = None,
    data: InputsFile = None,
    steps: Steps = None,
    epochs: Epochs = None,
    batch_size: BatchSize = 32,
    backend: Backends = None,
    json_file: JsonFile = None,
    html: HtmlFile = None,
    trust_model: TrustModel = False,
) -> None:
    """Prove that a port is its model.

    Every layer's outputs and every parameter are compared; with --steps or --epochs each step of
    a training of both sides. PORT is the folder that port wrote.
    """
    refuse_unwritable(json_file, html)
    common = {"config": config, "data": data, "trust_model": trust_model}
    if steps or epochs:
        length = {"steps": steps, "epochs": epochs, "batch_size": batch_size}
        report, page = _steps_checked(model, port, backend, html is not None, common | length)
    else:
        report, page = _checked(model, port, backend, html is not None, common)
    if json_file:
        write_text(json_file, json.dumps(report.to_json(), indent=1))
    if html:
        write_text(html, page)
    raise typer.Exit(0 if report.equal else 1)


def _checked(
    model: str, port: Path, backends: list[Backend] | None, paged: bool, options: dict[str, Any]
) -> tuple[Any, str]:
    """The report of a check, printed, and its page."""
    from keras2torch.porting import MODEL
    from keras2torch.report.page import check_page
    from keras2torch.report.terminal import print_report
    from keras2torch.verify.check import check as run

    with progress_bars() as progress:
        report = run(model, port, backends=backends or tuple(Backend), progress=progress, **options)
    print_report(console(), report)
    return report, check_page(report, (port / MODEL).read_text()) if paged else ""


def _steps_checked(
    model: str, port: Path, backends: list[Backend] | None, paged: bool, options: dict[str, Any]
) -> tuple[Any, str]:
    """The same of a training."""
    from keras2torch.porting import TRAIN
    from keras2torch.report.page import steps_page
    from keras2torch.report.terminal import print_steps
    from keras2torch.verify.steps import check_steps

    if paged:
        require("matplotlib")
    if len(set(backends or ())) > 1:
        raise DataError("a training follows one of Keras' backends, name no more")
    backend = backends[0] if backends else None
    with progress_bars() as progress:
        report = check_steps(model, port, backend=backend, progress=progress, **options)
    print_steps(console(), report)
    return report, steps_page(report, (port / TRAIN).read_text()) if paged else ""


def compare(
    model: ModelName,
    data: TrainingData,
    out: OutFolder = Path("compare"),
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data.")] = 2,
    batch_size: BatchSize = 32,
    backend: Annotated[Backend, typer.Option(help="Keras' backend.")] = Backend.tensorflow,
    seed: Annotated[int, typer.Option(min=0, help="Decides the order of the batches.")] = 0,
) -> None:
    """Train a model in Keras and in PyTorch, side by side.

    Writes a folder with the port of the compiled model, compare.json and report.html.
    """
    from keras2torch.compare.compare import compare as run
    from keras2torch.report.page import comparison_page
    from keras2torch.report.terminal import print_comparison

    require("matplotlib")
    with progress_bars() as progress:
        compared = run(
            model,
            data,
            out,
            epochs=epochs,
            batch_size=batch_size,
            backend=backend,
            seed=seed,
            progress=progress,
        )
    write_text(out / "compare.json", json.dumps(compared.to_json(), indent=1))
    write_text(out / "report.html", comparison_page(compared, data=data.name))
    print_comparison(console(), compared)
    print(f"{out / 'report.html'}")
    raise typer.Exit(0 if compared.equal else 1)
