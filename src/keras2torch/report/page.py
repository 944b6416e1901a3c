"""The HTML pages: self-contained, nothing is loaded from elsewhere."""

from __future__ import annotations

from typing import Any

from keras2torch.compare.compare import Comparison
from keras2torch.report import figures
from keras2torch.report.rendering import rendered
from keras2torch.verify.check import OUTPUT, Report
from keras2torch.verify.steps import StepsReport


def check_page(report: Report, source: str) -> str:
    """The page of a check; ``source`` is the port's ``model.py``."""
    return _page(report, source, compared=None, data="")


def comparison_page(compared: Comparison, data: str) -> str:
    """The page of a comparison; ``data`` says what was trained on."""
    metrics = [name for name in compared.training.keras.steps[0]["logs"] if name != "loss"]
    return _page(
        compared.check,
        compared.port.source,
        compared=compared,
        data=data,
        plots=[
            figures.losses(compared.training),
            *(figures.running_log(compared.training, name) for name in metrics),
            figures.loss_differences(compared.training),
        ],
        proof=[figures.losses(compared.proof), figures.loss_differences(compared.proof)],
    )


def steps_page(report: StepsReport, source: str) -> str:
    """The page of a comparison of trainings; ``source`` is the port's ``train.py``."""
    return rendered(
        "steps.html.j2",
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


def _page(report: Report, source: str, **context: Any) -> str:
    return rendered(
        "page.html.j2",
        report=report,
        runs=list(dict.fromkeys(d.run for d in report.differences)),
        layers=list(dict.fromkeys(d.layer for d in report.differences)),
        table={(d.layer, d.run): d for d in report.differences},
        whole=OUTPUT,
        code=_highlighted(source),
        style=_style(),
        **context,
    )


def _highlighted(source: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(source, PythonLexer(), HtmlFormatter(cssclass="code")))


def _style() -> str:
    from pygments.formatters import HtmlFormatter

    return str(HtmlFormatter(style="friendly", cssclass="code").get_style_defs(".code"))
