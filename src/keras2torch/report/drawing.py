"""Axes in the pages' style, and figures as SVG text that stands in the page itself."""

from __future__ import annotations

import io
from typing import Any

from keras2torch.processes import require


def axes_of(across: str, up: str, size: tuple[float, float] = (9, 3.2)) -> tuple[Any, Any]:
    """A figure and its axes, labelled; equal data gives equal text."""
    figure = figure_of(size)
    axes = figure.add_subplot()
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    plain(axes)
    return figure, axes


def figure_of(size: tuple[float, float]) -> Any:
    """An empty figure, for several axes."""
    require("matplotlib")
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "keras2torch"})
    return Figure(figsize=size, layout="constrained")


def plain(axes: Any) -> None:
    """Only the two lines that carry numbers."""
    axes.spines[["top", "right"]].set_visible(False)


def svg(figure: Any) -> str:
    """The figure as text for a page."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]
