"""Writes the HTML pages: self-contained, nothing is loaded from elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keras2torch.compare.compare import Comparison
from keras2torch.report import figures
from keras2torch.verify.check import OUTPUT, Report


def write_check(report: Report, source: str, path: Path) -> None:
    """The page of a check; ``source`` is the port's ``model.py``."""
    _write(path, report=report, source=source, compared=None, data="")


def write_comparison(compared: Comparison, path: Path, data: str) -> None:
    """The page of a comparison; ``data`` says what was trained on."""
    keys = ["loss", "accuracy"] if compared.recipe.accuracy else ["loss"]
    _write(
        path,
        report=compared.check,
        source=compared.port.source,
        compared=compared,
        data=data,
        plots=[
            *(figures.per_batch(compared.training, k, f"{k} of each batch") for k in keys),
            figures.differences(compared.training),
        ],
        proof=[
            figures.per_batch(compared.proof, "loss", "loss of each batch"),
            figures.differences(compared.proof),
        ],
    )


def _write(path: Path, *, report: Report, source: str, **context: Any) -> None:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras2torch.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = _short
    runs = list(dict.fromkeys(d.run for d in report.differences))
    layers = list(dict.fromkeys(d.layer for d in report.differences))
    table = {(d.layer, d.run): d for d in report.differences}
    template = environment.get_template("page.html.j2")
    text = template.render(
        report=report,
        runs=runs,
        layers=layers,
        table=table,
        whole=OUTPUT,
        code=_highlighted(source),
        style=_style(),
        **context,
    )
    path.write_text(text, encoding="utf-8")


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
