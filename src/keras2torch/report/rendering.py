"""Templates of pages, filled in: text of a model or of a user's file is escaped."""

from __future__ import annotations

from typing import Any


def rendered(template: str, **context: Any) -> str:
    """The text of a page; ``short`` writes a difference with two digits."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras2torch.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = _short
    return environment.get_template(template).render(**context)


def _short(value: float) -> str:
    return "0" if value == 0 else f"{value:.1e}"
