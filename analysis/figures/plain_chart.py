"""Charts as plain values in plotly's own form, and the scaffolding that all share: plotly itself is not needed."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict

from analysis.words import digits

ChartMarks = dict[str, Any]  # one trace of plotly's, which has hundreds of settings and checks them itself

_DECADES: Final = 2.0  # Choice: wider logarithmic axes carry fewer numbers
DOWNWARDS: Final[ChartMarks] = {"autorange": "reversed"}  # an axis whose first row is on top
_AXIS: Final[ChartMarks] = {
    "automargin": True,
    "gridcolor": "rgba(128,128,128,0.25)",
    "zeroline": False,
}
_LAYOUT: Final[ChartMarks] = {
    "template": None,
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"size": 13, "family": "system-ui, sans-serif"},
    "margin": {"l": 10, "r": 14, "t": 10, "b": 10},
    "legend": {
        "orientation": "h",
        "x": 0,
        "xanchor": "left",
        "y": 1.0,
        "yanchor": "bottom",
        "traceorder": "normal",
    },
    "hovermode": "closest",
    "hoverlabel": {"align": "left", "namelength": -1},
}


class Chart(TypedDict):
    """A figure as plotly's JavaScript takes it."""

    data: list[ChartMarks]
    layout: dict[str, Any]


def laid_out(
    marks: Sequence[ChartMarks],
    titles: tuple[str, str],
    *,
    x: Mapping[str, Any] | None = None,
    y: Mapping[str, Any] | None = None,
    **layout: object,
) -> Chart:
    """Return marks on two axes.

    Parameters
    ----------
    marks
        Traces in the order in which they are drawn.
    titles
        Of the axis across and of the one upwards.
    x, y
        What else an axis has.
    layout
        What else the layout has, by plotly's names.
    """
    axes = {
        name: {"title": {"text": title}, **_AXIS, **(more or {})}
        for name, title, more in zip(("xaxis", "yaxis"), titles, (x, y), strict=True)
    }
    return {"data": list(marks), "layout": {**_LAYOUT, **axes, **layout}}


def log_axis(values: Sequence[float]) -> ChartMarks:
    """Return a logarithmic axis that holds values, with whole numbers at its ticks, few enough for a phone."""
    held = [math.log10(value) for value in values if value > 0] or [0.0]
    low, high = min(held), max(held)
    steps = (1, 2, 5) if high - low < _DECADES else (1, 3) if high - low < 2 * _DECADES else (1,)
    powers = range(math.floor(low) - 1, math.ceil(high) + 2)
    ticks = [float(f"{step}e{power}") for power in powers for step in steps]
    return {"type": "log", "tickvals": ticks, "ticktext": [digits(tick) for tick in ticks]}


def plain(name: str) -> str:
    """Return a name so that plotly shows it letter by letter: it reads text as a small HTML."""
    return html.escape(name, quote=False)


def known(value: float) -> float | None:
    """Return a value; ``None``, which JSON can write, for one that is not known."""
    return None if math.isnan(value) else value
