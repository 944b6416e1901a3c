"""The command line: its commands, exit codes, one place that turns errors into a line.

Exit codes: 0 done or equal, 1 different, 2 bad input or unsupported, 130 interrupted.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click
import typer

from keras2torch import cli_checking, cli_training
from keras2torch.cli_options import MODEL, Backend, ConfigFile, ModelName, console
from keras2torch.errors import Keras2TorchError, quoted
from keras2torch.report.progress import progress_bars

if TYPE_CHECKING:
    from collections.abc import Callable

INTERRUPTED = 130

app = typer.Typer(
    name="keras2torch",
    help="Hands a Keras model over to PyTorch: the same model, in readable code, with the proof.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class TrainingOptimizer(StrEnum):
    """Which optimizer a train.py gets."""

    keras = "keras"
    torch = "torch"


@app.command(epilog=MODEL)
def port(
    model: ModelName,
    config: ConfigFile = None,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The folder to write; MODEL_port if none.")
    ] = None,
    backend: Annotated[
        Backend, typer.Option(help="Whose arithmetic train.py follows.")
    ] = Backend.tensorflow,
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
    """Port a model to PyTorch.

    Writes a folder with model.py, weights.safetensors and port.json; with train.py for a compiled
    model, and optimizer.safetensors for a trained one.
    """
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


@app.command(epilog=MODEL)
def inspect(model: ModelName, config: ConfigFile = None) -> None:
    """Show a model's layers, and whether it can be ported."""
    from keras2torch.inspecting import inspect as run
    from keras2torch.report.terminal import print_inspection

    found = run(model, config)
    print_inspection(console(), found)
    if found.problem is not None:
        raise typer.Exit(2)


app.command(epilog=MODEL)(cli_checking.check)
app.command(epilog=MODEL)(cli_checking.compare)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="The folder to write.")] = Path(
        "demo-output"
    ),
    data: Annotated[Path | None, typer.Option(help="imdb.npz of keras.datasets.imdb.")] = None,
    full: Annotated[bool, typer.Option("--full", help="All reviews, not a part of them.")] = False,
) -> None:
    """Build a Keras model, port it, train both on reviews."""
    from keras2torch.demo.run import run_demo
    from keras2torch.report.terminal import print_comparison, print_report

    with progress_bars() as progress:
        compared = run_demo(out, data, full, progress)
    print_report(console(), compared.check)
    print_comparison(console(), compared)
    print(f"read {out / 'port' / 'model.py'} and open {out / 'report.html'}")
    raise typer.Exit(0 if compared.equal else 1)


app.command(epilog=cli_training.CONFIG)(cli_training.fit)
app.command("cross-validate", epilog=cli_training.CONFIG)(cli_training.cross_validate)
app.command(epilog=cli_training.CONFIG)(cli_training.predict)


def main() -> None:
    """Run the command line; what went wrong is one line on standard error."""
    sys.exit(exit_code(lambda: app(standalone_mode=False)))


def exit_code(run: Callable[[], int | None]) -> int:
    """The exit code of a command; what went wrong is told."""
    try:
        status = run() or 0
    except click.ClickException as error:
        error.show()
        status = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        status = INTERRUPTED
    except Keras2TorchError as error:
        status = _told(str(error))
    except OSError as error:  # a full disk, a folder that is not one's own
        named = f"{quoted(error.filename)}: " if error.filename else ""
        status = _told(f"{named}{error.strerror or error}")
    if status == INTERRUPTED:
        print("keras2torch: interrupted", file=sys.stderr)
    return status


def _told(problem: str) -> int:
    print(f"keras2torch: {problem}", file=sys.stderr)
    return 2
