"""Two objectives of every design as a picture: the front, and how sure its energy is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np

from accel_models import SCALING_BAND
from analysis.figures.palette import BLUE, GREY
from analysis.figures.pictures import FREE_HEIGHT, FREE_INCHES
from analysis.figures.plain_chart import Chart, ChartMarks, laid_out, log_axis, plain
from analysis.pareto.ranks import Costs, band_masks, pareto_mask
from analysis.words import fitting_unit, shorten
from traces import Bools

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

Label = Literal["", "left", "right"]

NAMED = 10  # Choice: of more points none carries its name, they have a table
BANDED = 60  # Choice: of more points only those carry a band that are on the front or could be
LABEL_WIDTH, LABEL_HEIGHT = 0.45, 0.07  # Choice: room of a name, as a share of the picture on a phone
LOG_FROM = 30.0  # Choice: beyond this ratio a linear axis pushes the fast designs into one corner
_STEPS: Final = {"hv": "steps-post", "vh": "steps-pre"}  # plotly's name: matplotlib's


@dataclass(frozen=True, slots=True)
class PlotAxis:
    """One axis."""

    title: str  # "Mean latency"
    base: str  # unit of the values: "us", "uJ", "mm2", or "%" for shares given in percent
    maximize: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """A design with its two values, in the objectives' base units."""

    name: str
    x: float
    y: float
    anchor: str = ""  # of its section in the report
    x_scaled: bool = False  # x leans on scaled tables: its factor-two band is drawn
    y_scaled: bool = False
    family: str = ""  # designs of one family share the source of their band: it cannot swap their order
    note: str = ""  # said when the pointer is over it


@dataclass(frozen=True, slots=True)
class ParetoPoint:
    """A design in the picture; low and high are the ends of its band, equal to the value without one."""

    name: str
    anchor: str
    note: str
    x: float
    y: float
    x_low: float
    x_high: float
    y_low: float
    y_high: float
    on_front: bool
    unsure: bool  # the band could move it onto the front, or off it
    label: Label  # where its name is written; "" where it would cover another

    @property
    def told(self) -> str:
        """What a chart's tooltip adds to its values."""
        unsure = "<br>the ±2× energy band could change its place" if self.unsure else ""
        return (f"<br>{plain(self.note)}" if self.note else "") + unsure


@dataclass(frozen=True, slots=True)
class ParetoInfo:
    """Designs in two objectives; ``front`` indexes ``points`` in order of x."""

    x_title: str  # with its unit
    y_title: str
    points: tuple[ParetoPoint, ...]
    front: tuple[int, ...]
    x_log: bool  # designs lie more than LOG_FROM apart
    y_log: bool
    step: Literal["hv", "vh"]  # from one point of the front to the next, round what they dominate

    height = FREE_INCHES
    chart_height = FREE_HEIGHT

    @property
    def best(self) -> list[ParetoPoint]:
        """The points of the front, in order of x."""
        return [self.points[i] for i in self.front]

    @property
    def crowded(self) -> bool:
        """Whether marks are small."""
        return len(self.points) > BANDED

    def chart(self) -> Chart:
        """Return it for plotly."""
        front = self.best
        line = {
            "type": "scatter", "x": [p.x for p in front], "y": [p.y for p in front], "mode": "lines",
            "hoverinfo": "skip", "showlegend": False, "line": {"color": BLUE, "width": 2, "shape": self.step},
        }  # fmt: skip
        others = [point for point in self.points if not point.on_front]
        marks = [
            line,
            self._chart_points(others, "dominated", GREY),
            self._chart_points(front, "Pareto front", BLUE),
        ]
        x = log_axis([end for p in self.points for end in (p.x_low, p.x_high)]) if self.x_log else {}
        y = log_axis([end for p in self.points for end in (p.y_low, p.y_high)]) if self.y_log else {}
        return laid_out(marks, (self.x_title, self.y_title), x=x, y=y)

    def _chart_points(self, points: Sequence[ParetoPoint], name: str, colour: str) -> ChartMarks:
        """Return points with their bands; hollow where the band could move them onto the front or off it."""
        crowded = len(points) > BANDED
        return {
            "type": "scatter", "x": [p.x for p in points], "y": [p.y for p in points], "name": name,
            "mode": "markers+text", "textfont": {"size": 11}, "cliponaxis": False,
            "text": [plain(shorten(p.name, 18)) if p.label else "" for p in points],
            "textposition": [f"top {p.label or 'right'}" for p in points],
            "marker": {
                "color": colour, "size": 7 if crowded else 10, "opacity": 0.6 if crowded else 1.0,
                "symbol": ["circle-open-dot" if p.unsure else "circle" for p in points],
            },
            "error_x": _chart_band([(p.x_low, p.x, p.x_high) for p in points], colour),
            "error_y": _chart_band([(p.y_low, p.y, p.y_high) for p in points], colour),
            "customdata": [[plain(p.name), p.anchor, p.told] for p in points],
            "hovertemplate": f"<b>%{{customdata[0]}}</b><br>{_valued(self.x_title, 'x')}<br>"
            f"{_valued(self.y_title, 'y')}%{{customdata[2]}}<extra></extra>",
        }  # fmt: skip

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes, front = canvas.axes, self.best
        axes.plot(
            [p.x for p in front], [p.y for p in front], color=BLUE, drawstyle=_STEPS[self.step], linewidth=1.4
        )
        for point in self.points:
            _draw_point(canvas, point, 4 if self.crowded else 6)
        axes.set(xlabel=self.x_title, ylabel=self.y_title)
        axes.margins(0.12)
        canvas.logarithmic(x=self.x_log, y=self.y_log)
        for point in self.points:
            if point.label:
                shift, side = (6, "left") if point.label == "right" else (-6, "right")
                axes.annotate(
                    shorten(point.name, 24), (point.x, point.y), (shift, 4),
                    textcoords="offset points", ha=side, va="center", fontsize=7,
                )  # fmt: skip
        unsure = {"marker": "o", "markerfacecolor": "white", "linestyle": ""}
        canvas.legend(
            3,
            [
                canvas.line_key("Pareto front", BLUE, marker="o"),
                canvas.line_key("dominated", GREY, marker="o", linestyle=""),
                canvas.line_key("the ±2× band could change it", BLUE, **unsure),
            ],
        )


def pareto_info(candidates: Sequence[Candidate], x: PlotAxis, y: PlotAxis) -> ParetoInfo:
    """Return the picture of two objectives; candidates with a value that is not known are left out."""
    known = [c for c in candidates if not np.isnan([c.x, c.y]).any()]
    x_unit, x_holds = fitting_unit(max((c.x for c in known), default=0.0), x.base)
    y_unit, y_holds = fitting_unit(max((c.y for c in known), default=0.0), y.base)
    best, unsure = _fronts(known, x, y)
    band = best | unsure if len(known) > BANDED else np.ones(len(known), bool)
    labels = _labels([c.x for c in known], [c.y for c in known], best)
    points = tuple(
        ParetoPoint(
            name=c.name,
            anchor=c.anchor,
            note=c.note,
            x=c.x / x_holds,
            y=c.y / y_holds,
            x_low=_low(c.x, c.x_scaled and band[i]) / x_holds,
            x_high=_high(c.x, c.x_scaled and band[i]) / x_holds,
            y_low=_low(c.y, c.y_scaled and band[i]) / y_holds,
            y_high=_high(c.y, c.y_scaled and band[i]) / y_holds,
            on_front=bool(best[i]),
            unsure=bool(unsure[i]),
            label=labels[i],
        )
        for i, c in enumerate(known)
    )
    order = sorted((i for i in range(len(points)) if best[i]), key=lambda i: (points[i].x, points[i].y, i))
    return ParetoInfo(
        x_title=f"{x.title} [{x_unit}]",
        y_title=f"{y.title} [{y_unit}]",
        points=points,
        front=tuple(order),
        x_log=_wide([c.x for c in known]),
        y_log=_wide([c.y for c in known]),
        step="vh" if x.maximize else "hv",
    )


def _labels(x: Sequence[float], y: Sequence[float], front: Bools) -> list[Label]:
    """Return where names are written: the front first, and none that would cover an earlier one."""
    places = list(zip(_spread(x), _spread(y), strict=True))
    order = sorted(range(len(places)), key=lambda i: (not front[i], places[i], i))
    begins = [
        place[0] - LABEL_WIDTH * (place[0] > 0.5) for place in places
    ]  # a name goes left from the right half
    chosen: list[int] = []
    for i in order if len(places) <= NAMED else ():
        up = places[i][1]
        if all(
            abs(begins[i] - begins[j]) > LABEL_WIDTH or abs(up - places[j][1]) > LABEL_HEIGHT for j in chosen
        ):
            chosen.append(i)
    return [
        ("" if i not in chosen else "left" if place[0] > 0.5 else "right") for i, place in enumerate(places)
    ]


def _spread(values: Sequence[float]) -> list[float]:
    """Return where values lie on their axis, 0 to 1."""
    scale = np.log(values) if _wide(values) else np.asarray(values, np.float64)
    low, high = scale.min(initial=np.inf), scale.max(initial=-np.inf)
    return [float(v) for v in (scale - low) / (high - low if high > low else 1.0)]


def _wide(values: Sequence[float]) -> bool:
    """Return whether values, all positive, span more than a linear axis shows."""
    return bool(values) and min(values) > 0 and max(values) > LOG_FROM * min(values)


def _fronts(candidates: Sequence[Candidate], x: PlotAxis, y: PlotAxis) -> tuple[Bools, Bools]:
    """Return who is on the front as valued, and for whom the bands could change that."""
    value = _costs([(c.x, c.y) for c in candidates], x, y)
    low = _costs([(_low(c.x, c.x_scaled), _low(c.y, c.y_scaled)) for c in candidates], x, y)
    high = _costs([(_high(c.x, c.x_scaled), _high(c.y, c.y_scaled)) for c in candidates], x, y)
    names = sorted({c.family for c in candidates})
    family = np.array([names.index(c.family) for c in candidates], np.int64)
    certain, possible = band_masks(value, np.minimum(low, high), np.maximum(low, high), family)
    return pareto_mask(value), certain != possible


def _costs(values: Sequence[tuple[float, float]], x: PlotAxis, y: PlotAxis) -> Costs:
    signs = [-1.0 if objective.maximize else 1.0 for objective in (x, y)]
    return np.asarray(values, np.float64).reshape(-1, 2) * signs


def _low(value: float, scaled: bool) -> float:
    return value / SCALING_BAND if scaled else value


def _high(value: float, scaled: bool) -> float:
    return value * SCALING_BAND if scaled else value


def _chart_band(spans: Sequence[tuple[float, float, float]], colour: str) -> dict[str, Any]:
    """Return plotly's error bars from the low end, the value and the high end of each point."""
    return {
        "type": "data",
        "array": [high - value for _, value, high in spans],
        "arrayminus": [value - low for low, value, _ in spans],
        "color": colour,
        "thickness": 1,
        "width": 0,
    }


def _valued(title: str, axis: str) -> str:
    """Return what a tooltip says of an axis: "Mean latency [µs]" becomes "Mean latency: 238 µs"."""
    name, _, unit = title.removesuffix("]").partition(" [")
    return f"{plain(name)}: %{{{axis}:.4g}} {plain(unit)}".rstrip()


def _draw_point(canvas: Canvas, point: ParetoPoint, size: int) -> None:
    """Draw a point with its bands; hollow where the band could move it onto the front or off it."""
    axes, colour = canvas.axes, BLUE if point.on_front else GREY
    axes.plot([point.x_low, point.x_high], [point.y, point.y], color=colour, linewidth=0.8, alpha=0.5)
    axes.plot([point.x, point.x], [point.y_low, point.y_high], color=colour, linewidth=0.8, alpha=0.5)
    face = "white" if point.unsure else colour
    axes.plot([point.x], [point.y], "o", color=colour, markerfacecolor=face, markersize=size)
