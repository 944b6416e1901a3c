"""The page of a cross-validation: learning curves, scores, predictions, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from keras2torch.report.drawing import axes_of, figure_of, plain, svg
from keras2torch.report.rendering import rendered

if TYPE_CHECKING:
    from keras2torch.training.cross_validation import CrossValidation

LEARNT, HELD_OUT = "#b8c4d0", "#1f4e79"
SIDES = ("#8a8a8a", "#b3261e")


def page_of(found: CrossValidation) -> str:
    """The page as text; equal results give equal pages."""
    outputs = [
        {
            "name": name,
            "kind": kind,
            "plots": _plots(found, name),
            "confusion": _confusion(found, name),
            "threshold": found.thresholds.get(name),
        }
        for name, kind in found.kinds.items()
    ]
    each = {name: [fold.scores[name] for fold in found.folds] for name in found.scores}
    return rendered(
        "cross_validation.html.j2",
        found=found,
        curves=[_curves(found, key) for key in _keys(found)],
        spread=_spread(each, found) if len(found.folds) > 1 else "",
        means={name: (float(np.mean(v)), float(np.std(v))) for name, v in each.items()},
        outputs=outputs,
        rows=len(next(iter(found.targets.values()))),
    )


def _keys(found: CrossValidation) -> list[str]:
    """What was measured of both the rows learnt from and the held-out ones."""
    history = found.folds[0].history
    return [key for key in history if f"val_{key}" in history]


def _curves(found: CrossValidation, key: str) -> str:
    figure, axes = axes_of("epoch", key)
    for number, fold in enumerate(found.folds):
        for name, colour in ((key, LEARNT), (f"val_{key}", HELD_OUT)):
            values = fold.history[name]
            label = {key: "learnt from", f"val_{key}": "held out"}[name] if number == 0 else None
            axes.plot(range(1, len(values) + 1), values, color=colour, lw=1.1, label=label)
            axes.plot([len(values)], values[-1:], ".", color=colour)
    epochs = max(len(fold.history[key]) for fold in found.folds)
    axes.set_xlim(0.5, epochs + 0.5)  # wide enough for a whole number if there is one epoch
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False)
    return svg(figure)


def _spread(each: dict[str, list[float]], found: CrossValidation) -> str:
    """Every fold's score as a dot, the score of all out-of-fold predictions as a line."""
    figure = figure_of((1.9 * max(3, len(each)), 2.6))
    for place, (name, values) in enumerate(each.items()):
        axes = figure.add_subplot(1, len(each), place + 1)
        axes.plot(np.linspace(-0.2, 0.2, len(values)), values, "o", color=HELD_OUT, ms=4)
        axes.axhline(found.scores[name], color="#444444", lw=1)
        axes.set(xlim=(-0.6, 0.6), xticks=[], title=name)
        axes.title.set_fontsize(8)
        axes.tick_params(labelsize=8)
        plain(axes)
    return svg(figure)


def _columns(found: CrossValidation, name: str) -> list[tuple[str, Any, Any]]:
    """Targets and predictions per label: one of a binary output, several of a multilabel one."""
    from keras2torch.training.cross_validation import one_column

    y = found.targets[name]
    p = one_column(found.kinds[name], found.oof[name])
    y, p = y.reshape(len(y), -1), p.reshape(len(y), -1)
    several = y.shape[1] > 1
    return [(f"label {i}" if several else "", y[:, i], p[:, i]) for i in range(y.shape[1])]


def _plots(found: CrossValidation, name: str) -> list[str]:
    kind = found.kinds[name]
    if kind == "regression":
        figure, axes = axes_of("target", "prediction out of fold", (4.6, 4.2))
        axes.plot(found.targets[name].ravel(), found.oof[name].ravel(), ".", color=HELD_OUT, ms=2)
        return [svg(figure)]
    if kind == "multiclass":
        return []
    return [
        _distribution_and_calibration(label, y, p, float(found.thresholds[name].thresholds[i]))
        for i, (label, y, p) in enumerate(_columns(found, name))
    ]


def _distribution_and_calibration(label: str, y: Any, p: Any, threshold: float) -> str:
    figure = figure_of((9, 3.2))
    left, right = figure.subplots(1, 2, width_ratios=(2, 1))
    bins = np.linspace(min(0.0, float(p.min())), max(1.0, float(p.max())), 41)
    for side, colour in enumerate(SIDES):
        shown = {"color": colour, "alpha": 0.65, "label": str(side), "density": True}
        left.hist(p[y == side], bins=bins, **shown)
    left.axvline(threshold, color="#444444", lw=1, ls=":", label="best threshold for F1")
    left.set(xlabel=f"prediction out of fold{', ' * bool(label)}{label}", ylabel="density")
    left.legend(frameon=False)
    said, true = _calibration(y, p)
    right.plot([0, 1], [0, 1], color="#bbbbbb", lw=0.8)
    right.plot(said, true, "o-", color=HELD_OUT, ms=4, lw=1)
    right.set(xlabel="mean prediction", ylabel="share of 1")
    for axes in (left, right):
        plain(axes)
    return svg(figure)


def _calibration(y: Any, p: Any, parts: int = 10) -> tuple[list[float], list[float]]:
    """Mean prediction and share of 1 in parts of equally many rows."""
    order = np.argsort(p, kind="stable")
    split = [part for part in np.array_split(order, parts) if len(part)]
    return [float(p[part].mean()) for part in split], [float(y[part].mean()) for part in split]


def _confusion(found: CrossValidation, name: str) -> list[tuple[str, list[list[int]]]]:
    """Rows by target and label, at the best thresholds; one table per label."""
    kind = found.kinds[name]
    if kind == "regression":
        return []
    if kind == "multiclass":
        from keras2torch.training.splitting import class_numbers

        y, labels = class_numbers(found.targets[name]), found.oof[name].argmax(axis=1)
        return [("", _counted(y, labels, found.oof[name].shape[1]))]
    cuts = found.thresholds[name].thresholds
    return [
        (label, _counted(y.astype(int), (p >= cuts[i]).astype(int), 2))
        for i, (label, y, p) in enumerate(_columns(found, name))
    ]


def _counted(targets: Any, labels: Any, classes: int) -> list[list[int]]:
    table = np.zeros((classes, classes), dtype=int)
    np.add.at(table, (targets, labels), 1)
    return [[int(count) for count in row] for row in table]
