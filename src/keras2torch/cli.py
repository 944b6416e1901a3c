"""The command line: arguments, exit codes, one place that turns errors into a line.

Exit codes: 0 done or equal, 1 different, 2 bad input or unsupported.
"""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from keras2torch import cli_training
from keras2torch.errors import DataError, Keras2TorchError
from keras2torch.report.progress import progress_bars

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="keras2torch",
    help="Hands a Keras model over to PyTorch: the same model, in readable code, with the proof.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

ModelName = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A saved Keras model: a file, a folder, hf://USER/REPO, kaggle://HANDLE, or "
        "FILE.py:OBJECT, a model or a function that builds one.",
    ),
]
ConfigFile = Annotated[
    str | None,
    typer.Option(
        help="The JSON of model.to_json(), or FILE.py:OBJECT, where MODEL holds weights alone."
    ),
]


class TrainingBackend(StrEnum):
    """The backends of Keras whose training can be followed."""

    tensorflow = "tensorflow"
    jax = "jax"


class TrainingOptimizer(StrEnum):
    """Which optimizer a train.py gets."""

    keras = "keras"
    torch = "torch"


JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result here too.")]


@app.command()
def port(
    model: ModelName,
    config: ConfigFile = None,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="The folder to write.")] = None,
    backend: Annotated[
        TrainingBackend, typer.Option(help="Whose arithmetic train.py follows.")
    ] = TrainingBackend.tensorflow,
    optimizer: Annotated[
        TrainingOptimizer, typer.Option(help="Keras' arithmetic, or the nearest of torch.optim.")
    ] = TrainingOptimizer.keras,
    callback: Annotated[
        list[str] | None,
        typer.Option(
            help="A callback for train.py, such as EarlyStopping(patience=3); again for more."
        ),
    ] = None,
    train: Annotated[
        bool, typer.Option("--train", help="Fail if there can be no train.py.")
    ] = False,
) -> None:
    """Write model.py, weights.safetensors and port.json; train.py for a compiled model."""
    from keras2torch.porting import port as run

    folder = out or Path(f"{Path(model).stem}_port")
    done = run(
        model,
        folder,
        config=config,
        backend=backend,
        optimizer=optimizer,
        callbacks=callback or (),
        train=train,
    )
    print(f"{folder}: class {done.class_name}, {len(done.source.splitlines())} lines")
    if done.train is not None:
        print(f"{folder}: train.py, {len(done.train.splitlines())} lines")
    for note in done.notes:
        print(f"note: {note}")


@app.command()
def inspect(model: ModelName, config: ConfigFile = None) -> None:
    """Show a model's layers, and whether it can be ported."""
    from keras2torch.inspecting import inspect as run
    from keras2torch.report.terminal import print_inspection

    found = run(model, config)
    print_inspection(_console(), found)
    if found.problem is not None:
        raise typer.Exit(2)


@app.command()
def check(
    model: ModelName,
    port: Annotated[Path, typer.Argument(metavar="PORT", help="A port's folder.")],
    config: ConfigFile = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Inputs to use: an .npz with an array per input; y too, for steps."),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Train both sides for so many steps and compare them.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="The same, for so many passes over the data.")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Of each step.")] = 32,
    backend: Annotated[
        list[str] | None,
        typer.Option(help="Keras' backend (again for more); the first runs in float64 too."),
    ] = None,
    json_file: JsonFile = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with the proof.")] = None,
    trust_model: Annotated[
        bool, typer.Option("--trust-model", help="Let Keras run code that stands in the file.")
    ] = False,
) -> None:
    """Prove that a port is its model: every layer's outputs, every parameter.

    With --steps or --epochs: that it trains as its model does, step by step.
    """
    if steps or epochs:
        _check_steps(
            model,
            port,
            json_file,
            html,
            steps=steps,
            epochs=epochs,
            data=data,
            batch_size=batch_size,
            backend=backend[0] if backend else None,
            config=config,
            trust_model=trust_model,
        )
    from keras2torch.porting import MODEL
    from keras2torch.report.page import write_check
    from keras2torch.report.terminal import print_report
    from keras2torch.verify.check import check as run

    backends = tuple(backend) if backend else ("tensorflow", "jax")
    with progress_bars() as progress:
        ended: list[str] = []

        def told(what: str) -> None:
            ended.append(what)
            progress("check", len(ended), len(backends) + 3)

        progress("check", 0, len(backends) + 3)
        report = run(
            model,
            port,
            config=config,
            data=data,
            backends=backends,
            trust_model=trust_model,
            progress=told,
        )
    print_report(_console(), report)
    if json_file:
        _write(json_file, json.dumps(report.to_json(), indent=1))
    if html:
        write_check(report, (port / MODEL).read_text(), html)
    raise typer.Exit(0 if report.equal else 1)


def _check_steps(
    model: str, port: Path, json_file: Path | None, html: Path | None, **options: Any
) -> NoReturn:
    """``check`` of a training."""
    from keras2torch.report.page import write_steps
    from keras2torch.report.terminal import print_steps
    from keras2torch.verify.steps import check_steps

    with progress_bars() as progress:
        report = check_steps(model, port, progress=progress, **options)
    print_steps(_console(), report)
    if json_file:
        _write(json_file, json.dumps(report.to_json(), indent=1))
    if html:
        write_steps(report, (port / "train.py").read_text(), html)
    raise typer.Exit(0 if report.equal else 1)


@app.command()
def compare(
    model: ModelName,
    data: Annotated[
        Path, typer.Option(help="An .npz: an array per input, y, and the same with val_.")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")] = Path(
        "compare"
    ),
    epochs: Annotated[int, typer.Option(min=1)] = 2,
    batch_size: Annotated[int, typer.Option(min=1)] = 32,
    backend: Annotated[str, typer.Option(help="Keras' backend.")] = "tensorflow",
    seed: Annotated[int, typer.Option(min=0, help="Decides the order of the batches.")] = 0,
) -> None:
    """Train a compiled model in Keras and in PyTorch, side by side."""
    from keras2torch.compare.compare import compare as run
    from keras2torch.report.page import write_comparison
    from keras2torch.report.terminal import print_comparison

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
    _write(out / "compare.json", json.dumps(compared.to_json(), indent=1))
    write_comparison(compared, out / "report.html", data=data.name)
    print_comparison(_console(), compared)
    print(f"{out / 'report.html'}")
    raise typer.Exit(0 if compared.equal else 1)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")] = Path(
        "demo-output"
    ),
    data: Annotated[Path | None, typer.Option(help="imdb.npz of keras.datasets.imdb.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All reviews, not a part of them.")] = False,
) -> None:
    """Build a sentiment model in Keras, port it, and train both on real reviews."""
    from keras2torch.demo.run import run_demo
    from keras2torch.report.terminal import print_comparison, print_report

    with progress_bars() as progress:
        compared = run_demo(out, data, full, progress)
    print_report(_console(), compared.check)
    print_comparison(_console(), compared)
    print(f"read {out / 'port' / 'model.py'} and open {out / 'report.html'}")
    raise typer.Exit(0 if compared.equal else 1)


app.command()(cli_training.fit)
app.command("cross-validate")(cli_training.cross_validate)
app.command()(cli_training.predict)


def main() -> None:
    """Run the command line; what went wrong is one line on standard error."""
    try:
        app()
    except Keras2TorchError as error:
        print(f"keras2torch: {error}", file=sys.stderr)
        sys.exit(2)


def _console() -> Console:
    from rich.console import Console

    return Console()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{str(path)!r} can't be written: {error.strerror}") from error
