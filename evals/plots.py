"""The plots of the report, as SVG to put into a page: text stays text and colours are the page's custom properties.

The same figures give the same characters: no date, fixed ids. Every plot is drawn for a phone (360 units wide) and grows with its
place; ``label`` is read out in its stead. Nothing here computes a figure, and no text of an article or a question is drawn.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import matplotlib
import numpy as np
from markupsafe import Markup, escape
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.curves import Bin, Curve, Floats
from evals.metrics import Interval
from evals.tables import written

Rows = Mapping[str, Mapping[str, Interval]]

_WIDTH = 5.0  # inches of 72 units: the 360 units that a phone gives a plot
_ROW = 0.27
Align = Literal["left", "center", "right"]
_ENDS: tuple[tuple[float, Align], ...] = ((0.0, "left"), (1.0, "right"))
_NAMES = ("ink", "quiet", "line", "accent", "warn", "third", "sheet")
_COLOUR = {name: f"#01fe{number:02d}" for number, name in enumerate(_NAMES)}  # stand-ins for custom properties
_SERIES = (("o", "accent"), ("s", "warn"), ("^", "third"))
_STYLE: dict[Any, object] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
    "text.parse_math": False,
    "font.size": 10.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _COLOUR["quiet"],
    "axes.labelcolor": _COLOUR["quiet"],
    "axes.axisbelow": True,
    "grid.color": _COLOUR["line"],
    "grid.linewidth": 0.8,
    "text.color": _COLOUR["ink"],
    "xtick.color": _COLOUR["quiet"],
    "ytick.color": _COLOUR["quiet"],
    "legend.frameon": False,
}


def dots(name: str, rows: Rows, *, label: str, axis: str) -> Markup:
    """A line per row and in it a dot with whiskers per series; a legend where there is more than one."""
    series = list(dict.fromkeys(key for row in rows.values() for key in row))
    height = _ROW * (len(rows) + 0.45 * len(rows) * (len(series) - 1)) + 0.75 + 0.3 * (len(series) > 1)
    with _drawing(height) as (figure, axes):
        places = np.arange(len(rows))[::-1].astype(float)
        for number, (key, (marker, colour)) in enumerate(zip(series, _SERIES, strict=False)):
            shift = (len(series) - 1) * 0.13 - number * 0.26
            points = [(row.get(key), place + shift) for row, place in zip(rows.values(), places, strict=True)]
            _whiskers(axes, points, marker=marker, colour=colour, label=key)
        axes.set_yticks(places, list(rows), color=_COLOUR["ink"])
        axes.tick_params(axis="y", length=0)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.6, len(rows) - 0.4), xlabel=axis)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        if len(series) > 1:
            figure.legend(loc="outside upper right", ncols=len(series), handletextpad=0.1, columnspacing=1)
        figures = "; ".join(
            f"{name}: {', '.join(f'{key} {written(found)}' for key, found in row.items())}"
            for name, row in rows.items()
        )
        return _svg(figure, name, f"{label}. {figures}")


def risk(curve: Curve, *, chosen: tuple[float, Interval], always: float) -> Markup:
    """Share of the given answers that is wrong over coverage; ``chosen`` is the coverage and risk as run."""
    with _drawing(3.5) as (figure, axes):
        axes.axhline(always, color=_COLOUR["quiet"], linestyle=(0, (4, 3)), linewidth=1.2)
        _note(axes, "always answer, or answer by lot", (0.02, always), "quiet", align="left", over=True)
        axes.plot(*curve, color=_COLOUR["accent"], linewidth=1.8, marker="." if len(curve.coverage) < 3 else None)
        axes.plot([0], [0], marker="D", color=_COLOUR["quiet"], clip_on=False, linestyle="none")
        axes.annotate("always decline", (0, 0), (7, -5), textcoords="offset points", va="top", color=_COLOUR["quiet"])
        _operating_point(axes, *chosen)
        top = max(0.12, always, float(np.nanmax(curve.value)), 0 if math.isnan(chosen[1].high) else chosen[1].high)
        axes.set(xlim=(0, 1.02), ylim=(-0.1 * top, min(1.0, top) * 1.12))
        axes.set(xlabel="coverage: share of questions answered", ylabel="risk: share of answers wrong")
        axes.grid()
        return _svg(
            figure,
            "risk",
            f"Risk over coverage. Risk {_read(curve)}. Always answering: {always:.2f}."
            f" As run: coverage {chosen[0]:.2f}, risk {written(chosen[1])}.",
        )


def decisions(curve: Curve, *, chosen: tuple[float, Interval], bases: Mapping[str, float]) -> Markup:
    """Share of all questions dealt with rightly over coverage, and as lines the two rules at its ends, declining first."""
    with _drawing(3.5) as (figure, axes):
        for (rule, share), (end, align) in zip(bases.items(), _ENDS, strict=True):
            axes.axhline(share, color=_COLOUR["quiet"], linestyle=(0, (4, 3)), linewidth=1.2)
            _note(axes, rule, (end, share), "quiet", align=align)
        axes.plot(*curve, color=_COLOUR["accent"], linewidth=1.8)
        _operating_point(axes, *chosen)
        axes.set(xlim=(-0.02, 1.02), ylim=(0, 1.02))
        axes.set(xlabel="coverage: share of questions answered", ylabel="share dealt with rightly")
        axes.grid()
        rules = ", ".join(f"{rule} {share:.2f}" for rule, share in bases.items())
        return _svg(
            figure,
            "decisions",
            f"Share dealt with rightly over coverage: {_read(curve)}. Fixed rules: {rules}."
            f" As run: coverage {chosen[0]:.2f}, share {written(chosen[1])}.",
        )


def reliability(bins: Sequence[Bin], counts: tuple[Floats, Floats]) -> Markup:
    """Share right over mean confidence, and below it how many questions have which confidence (right, wrong; tenths)."""
    with _drawing(4.4, rows=(3.1, 1.0)) as (figure, axes):
        below = figure.axes[1]
        axes.plot([0, 1], [0, 1], color=_COLOUR["quiet"], linestyle=(0, (4, 3)), linewidth=1.2)
        _whiskers(axes, [(bin.right, bin.mean) for bin in bins], marker="o", colour="accent", upright=True)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="share right", xticks=np.arange(0, 1.01, 0.2))
        axes.tick_params(labelbottom=False)
        axes.grid()
        right, wrong = counts
        middles = (np.arange(len(right)) + 0.5) / len(right)
        below.bar(middles, right, 0.9 / len(right), color=_COLOUR["accent"], label="right")
        below.bar(middles, wrong, 0.9 / len(right), right, color=_COLOUR["warn"], label="not right")
        for middle, count in zip(middles, right + wrong, strict=True):
            if count:
                below.annotate(f"{count:.0f}", (middle, count), (0, 2), textcoords="offset points", ha="center", size=9)
        below.set(
            xlim=(-0.02, 1.02), ylim=(0, float((right + wrong).max()) * 1.3), xlabel="confidence", ylabel="questions"
        )
        below.set(xticks=np.arange(0, 1.01, 0.2))
        below.locator_params(axis="y", nbins=3, integer=True)
        figure.legend(loc="outside upper right", ncols=2, handlelength=1, columnspacing=1)
        figures = ", ".join(f"{bin.mean:.2f} {bin.right.value:.2f}" for bin in bins)
        return _svg(figure, "reliability", f"Reliability diagram. Mean confidence and share right by bin: {figures}.")


@contextmanager
def _drawing(height: float, *, rows: tuple[float, ...] = (1.0,)) -> Iterator[tuple[Figure, Axes]]:
    """A figure in the style of the report, whatever the user's own settings of matplotlib say, and its first axes."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = figure.subplots(len(rows), squeeze=False, gridspec_kw={"height_ratios": rows})
        yield figure, axes[0, 0]


def _whiskers(
    axes: Axes,
    points: Sequence[tuple[Interval | None, float]],
    *,
    marker: str,
    colour: str,
    label: str | None = None,
    upright: bool = False,
) -> None:
    """Dots with their intervals at a place each, lying unless ``upright``; what cannot be computed is left out."""
    known = [(found, place) for found, place in points if found and not math.isnan(found.value)]
    values, places = [found.value for found, _ in known], [place for _, place in known]
    reach = np.array([(found.value - found.low, found.high - found.value) for found, _ in known]).reshape(-1, 2).T
    look = {"fmt": marker, "color": _COLOUR[colour], "markersize": 5, "elinewidth": 1.4, "capsize": 2.5, "label": label}
    reach = np.clip(reach, 0, None)  # rounding, and a resampled interval that misses its own figure
    if upright:
        axes.errorbar(places, values, yerr=reach, clip_on=False, **look)  # type: ignore[arg-type]
    else:
        axes.errorbar(values, places, xerr=reach, clip_on=False, **look)  # type: ignore[arg-type]


def _operating_point(axes: Axes, coverage: float, found: Interval) -> None:
    """The point that the threshold chose, named under its whisker; none where nothing was answered."""
    if math.isnan(found.value):
        return
    _whiskers(axes, [(found, coverage)], marker="o", colour="warn", upright=True)
    low = found.value if math.isnan(found.low) else min(found.low, found.value)
    _note(axes, "as run", (coverage, low), "warn", align="right" if coverage > 0.9 else "center")


def _read(curve: Curve) -> str:
    """A curve in words, at the quarters of coverage."""
    places = [min(int(np.searchsorted(curve.coverage, at)), len(curve.coverage) - 1) for at in (0.25, 0.5, 0.75, 1.0)]
    return ", ".join(f"{curve.value[i]:.2f} at {curve.coverage[i]:.2f}" for i in places)


def _note(axes: Axes, text: str, at: tuple[float, float], colour: str, *, align: Align, over: bool = False) -> None:
    """Words under a point, or over it. The page gives them a halo, so that a line that crosses leaves them readable."""
    shift, side = (3, "bottom") if over else (-4, "top")
    axes.annotate(text, at, (0, shift), textcoords="offset points", ha=align, va=side, color=_COLOUR[colour])


def _svg(figure: Figure, name: str, label: str) -> Markup:
    """The figure as an ``svg`` element that names itself, with ids of its own and the page's colours and font."""
    file = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(file, format="svg", transparent=True, metadata=nothing)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    head, body = text.split(">", 1)
    box = re.search(r'viewBox="[^"]+"', head)
    assert box
    body = re.sub(r"<(metadata|style)\b.*?</\1>", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="', f'id="{name}-', body).replace("xlink:href", "href")
    body = body.replace('href="#', f'href="#{name}-').replace("url(#", f"url(#{name}-")
    body = re.sub(r"#01fe(\d\d)", lambda found: f"var(--{_NAMES[int(found[1])]})", body)
    body = re.sub(r"font-family: [^;\"]+; ", "", body)
    body = re.sub(r"(font: [^;\"]*?px) [^;\"]+", r"\1 var(--font)", body)
    return Markup('<svg class="plot" role="img" aria-label="{}" {}>{}').format(
        escape(label), Markup(box[0]), Markup(body)
    )
