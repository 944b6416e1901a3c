"""Writes the HTML pages: self-contained, nothing is loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras2torch.compare.compare import Comparison
from keras2torch.report import figures
from keras2torch.verify.check import OUTPUT, Report
from keras2torch.verify.steps import StepsReport


def write_check(report: Report, source: str, path: Path) -> None:
    """The page of a check; ``source`` is the port's ``model.py``."""
    _write(path, report=report, source=source, compared=None, data="")


def write_comparison(compared: Comparison, path: Path, data: str) -> None:
    """The page of a comparison; ``data`` says what was trained on."""
    metrics = [name for name in compared.training.keras.steps[0]["logs"] if name != "loss"]
    _write(
        path,
        report=compared.check,
        source=compared.port.source,
        compared=compared,
        data=data,
        plots=[
            figures.losses(compared.training),
            *(figures.running_log(compared.training, name) for name in metrics),
            figures.loss_differences(compared.training),
        ],
        proof=[figures.losses(compared.proof), figures.loss_differences(compared.proof)],
    )


def write_steps(report: StepsReport, source: str, path: Path) -> None:
    """The page of a comparison of trainings; ``source`` is the port's ``train.py``."""
    text = (
        _environment()
        .get_template("steps.html.j2")
        .render(
            report=report,
            code=_highlighted(source),
            style=_style(),
            exact=[
                figures.losses(report.exact),
                figures.loss_differences(report.exact),
                figures.weight_differences(report.exact),
            ],
            single=[
                figures.losses(report.single),
                figures.loss_differences(report.single, report.floor.differences),
            ],
        )
    )
    path.write_text(text, encoding="utf-8")


def _write(path: Path, *, report: Report, source: str, **context: Any) -> None:
    runs = list(dict.fromkeys(d.run for d in report.differences))
    layers = list(dict.fromkeys(d.layer for d in report.differences))
    table = {(d.layer, d.run): d for d in report.differences}
    text = (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            runs=runs,
            layers=layers,
            table=table,
            whole=OUTPUT,
            code=_highlighted(source),
            style=_style(),
            **context,
        )
    )
    path.write_text(text, encoding="utf-8")


def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras2torch.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = _short
    return environment


def _short(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"


def _highlighted(source: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(source, PythonLexer(), HtmlFormatter(cssclass="code")))


def _style() -> str:
    from pygments.formatters import HtmlFormatter

    return str(HtmlFormatter(style="friendly", cssclass="code").get_style_defs(".code"))
