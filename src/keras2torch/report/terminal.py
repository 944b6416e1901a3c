"""What the commands print."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from keras2torch.compare.compare import Comparison
from keras2torch.inspecting import Inspection
from keras2torch.verify.account import Account
from keras2torch.verify.check import Report
from keras2torch.verify.curves import SideBySide
from keras2torch.verify.steps import StepsReport

# Of the loss, the gradients' norm and the weights in float64, then of the loss in float32.
DIFFERENCES = ("loss", "gradient norm", "weights", "loss, float32", "Keras' floor")


def print_account(console: Console, account: Account) -> None:
    """The parameters of both sides, tensor by tensor."""
    table = Table(title="Parameters, one for one", title_justify="left")
    for heading, justify in (
        ("PyTorch", "left"),
        ("shape", "right"),
        ("count", "right"),
        ("Keras", "left"),
        ("what was done", "left"),
        ("trains", "left"),
    ):
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for line in account.lines:
        table.add_row(
            line["name"],
            " x ".join(map(str, line["shape"])),
            f"{line['count']:,}",
            line["keras"] or "-",
            line["how"],
            "yes" if line["trainable"] else "no",
        )
    console.print(table)
    console.print(
        f"PyTorch {account.torch:,} = Keras {account.keras:,} + {account.torch_only:,} that only "
        f"PyTorch has; trainable: PyTorch {account.trainable_torch:,}, "
        f"Keras {account.trainable_keras:,}",
        highlight=False,
    )


def print_report(console: Console, report: Report) -> None:
    """A check, layer by layer."""
    runs = list(dict.fromkeys(d.run for d in report.differences))
    table = Table(title="Largest relative difference", title_justify="left")
    table.add_column("layer")
    for run in runs:
        table.add_column(run, justify="right")
    by_layer: dict[str, dict[str, str]] = {}
    for d in report.differences:
        shown = "0" if d.relative == 0 else f"{d.relative:.1e}"
        by_layer.setdefault(d.layer or "outputs", {})[d.run] = (
            shown if d.equal else f"[red]{shown}[/red]"
        )
    for layer, cells in by_layer.items():
        table.add_row(layer, *(cells.get(run, "") for run in runs))
    console.print(table)
    print_account(console, report.account)
    if report.source_changed:
        console.print("[yellow]The port was made from another file than this model.[/yellow]")
    for layer in report.unseen:
        console.print(f"[yellow]not seen in the port: {layer}[/yellow]")
    print_notes(console, report.notes)
    first = report.first_difference
    if first is None:
        console.print("[green]equal[/green]")
    else:
        console.print(f"[red]differs[/red], first at {first.layer or 'the outputs'} ({first.run})")


def print_notes(console: Console, notes: list[str]) -> None:
    """What the owner of a port should know."""
    for note in notes:
        console.print(f"note: {note}", highlight=False, markup=False)


def print_training(console: Console, training: SideBySide, speed: bool = True) -> None:
    """Both sides' epochs."""
    table = Table(title=f"Training in {training.precision}", title_justify="left")
    headings = ["side", "epoch", *training.logs, *(["samples/s"] if speed else [])]
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "side" else "right")
    for curve in (training.keras, training.torch):
        for number, logs in enumerate(curve.epochs, start=1):
            cells = [f"{logs[name]:.6f}" if name in logs else "" for name in training.logs]
            cells += [f"{curve.samples_per_second:.0f}"] if speed else []
            table.add_row(curve.name, str(number), *cells)
    console.print(table)


def print_comparison(console: Console, compared: Comparison) -> None:
    """Both trainings, epoch by epoch."""
    for training in (compared.training, compared.proof):
        print_training(console, training)
        console.print(
            "largest difference of a step's loss: "
            f"{training.largest_difference(1):.1e} in the first epoch, "
            f"{training.largest_difference():.1e} in all",
            highlight=False,
        )
    _print_unshared(console, compared.unshared)
    console.print("[green]equal[/green]" if compared.equal else "[red]differs[/red]")


def print_steps(console: Console, report: StepsReport) -> None:
    """A comparison of trainings, step by step."""
    print_training(console, report.exact, speed=False)
    table = Table(title="Differences, step by step", title_justify="left")
    for heading in ("step", *DIFFERENCES):
        table.add_column(heading, justify="right")
    rows = [
        report.exact.loss_differences,
        report.exact.norm_differences,
        report.exact.weight_differences,
        report.single.loss_differences,
        report.floor.differences,
    ]
    count = len(report.exact.keras.steps)
    for begin, end in spans(count):
        said = str(end) if end == begin + 1 else f"{begin + 1} to {end}"
        table.add_row(said, *(f"{max(values[begin:end]):.1e}" for values in rows))
    console.print(table)
    console.print(f"the floor is Keras against itself {report.floor.how}", highlight=False)
    if report.floor.left is None:
        console.print("float32: the port stays within Keras' own floor", highlight=False)
    else:
        console.print(
            f"float32: the port leaves Keras' own floor at step {report.floor.left + 1}",
            highlight=False,
        )
    if report.nudged:
        console.print(
            "float64: this training is chaotic; from weights one unit in the last place away Keras "
            f"is {report.nudged[-1]:.1e} from itself in the end",
            highlight=False,
        )
    _print_unshared(console, report.unshared)
    print_notes(console, report.notes)
    first = report.first_difference
    if first is None:
        how = ", as far as rounding lets Keras itself repeat them" if report.nudged else ""
        console.print(f"[green]equal[/green], {count} steps in float64{how}")
        return
    keras = f" (in Keras {escape(first.keras)})" if first.keras else ""
    console.print(
        f"[red]differs[/red], first at step {first.step + 1}: {escape(first.what)}{keras}, "
        f"by {first.difference:.1e}"
    )


def spans(count: int) -> list[tuple[int, int]]:
    """The first steps one by one, then ever more of them together."""
    bounds = [bound for bound in (0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500) if bound < count]
    while bounds[-1] + 1000 < count:
        bounds.append(bounds[-1] // 1000 * 1000 + 1000)
    return list(zip(bounds, [*bounds[1:], count], strict=True))


def _print_unshared(console: Console, unshared: list[str]) -> None:
    for reason in unshared:
        console.print(f"[yellow]not the same random numbers: {escape(reason)}[/yellow]")


def print_inspection(console: Console, found: Inspection) -> None:
    """A saved model's layers, and whether it can be ported."""
    table = Table(title=f"{found.name}, saved by Keras {found.keras_version}", title_justify="left")
    table.add_column("layer")
    table.add_column("class")
    table.add_column("called on")
    table.add_column("parameters", justify="right")
    for row in found.rows:
        cells = (row.path, row.class_name, row.called_on, f"{row.parameters:,}")
        table.add_row(*(escape(printable(cell)) for cell in cells))
    console.print(table)
    console.print(f"{found.parameters:,} parameters", highlight=False)
    if found.compiled is not None:
        console.print(f"compiled; {found.optimizer_variables} variables of its optimizer are saved")
    print_notes(console, list(found.notes))
    if found.problem is None:
        console.print("[green]can be ported[/green]")
    else:
        console.print("[red]can't be ported:[/red]")
        for reason in found.problem.split("; "):
            console.print(f"  {reason}", highlight=False, markup=False)


def printable(text: str) -> str:
    """Text from a file for a terminal: ASCII, no control characters."""
    return ascii(text)[1:-1]
