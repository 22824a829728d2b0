"""Interactive charts by plotly, from the same values as the static figures: the only file that imports it."""

from __future__ import annotations

import base64
import gzip
import html
import json
import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, assert_never

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from analysis.figures.figure_info import RELATIVE, EnergyInfo, HeatInfo, LatencyInfo, TailInfo
from analysis.figures.losses_info import LossesInfo
from analysis.figures.palette import (
    BAR_COLOUR,
    BLACK,
    BLUE,
    GREEN,
    GREY,
    HEAT,
    ORANGE,
    RED,
    REFERENCES,
    SKY,
    loss_colour,
    series_colour,
)
from analysis.figures.pareto_info import BANDED, ParetoInfo, ParetoPoint
from analysis.figures.pictures import Info, Picture
from analysis.figures.roofline_info import RooflineInfo, RooflinePoint
from analysis.figures.rows import FigureRows
from analysis.figures.story_info import StoryInfo
from analysis.figures.time_info import TimeInfo
from analysis.figures.timeline_info import TimelineInfo
from analysis.figures.waterfall_info import WaterfallInfo
from analysis.words import digits, shorten

FREE_HEIGHT: Final = 420  # of a chart without rows [CSS pixels]; print makes it lower
_DIGITS: Final = 6  # significant digits a chart holds: more than a screen can show
_LAYOUT: Final[dict[str, Any]] = {
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


@cache
def packed_plotly() -> str:
    """Return plotly's own JavaScript, compressed with gzip, as base64: 2.0 instead of 4.8 MB inside every report."""
    return _packed(get_plotlyjs())


def figure_of(picture: Picture) -> go.Figure:
    """Return the picture as a plotly figure with its title and height."""
    figure = _figure(picture.info)
    figure.update_layout(title=picture.title, height=chart_height(picture.info))
    return figure


def chart_json(picture: Picture) -> str:
    """Return ``{"data": [...], "layout": {...}}`` of the picture, without its template, as JSON for a script tag."""
    content = _rounded(_figure(picture.info).to_plotly_json())
    content["layout"].pop("template", None)
    return script_safe(content)


def packed_charts(pictures: Sequence[Picture]) -> str:
    """Return the charts of a folded part by key, as :func:`chart_json` has them, packed as :func:`packed_plotly`."""
    charts = {picture.key: json.loads(chart_json(picture)) for picture in pictures}
    return packed_data(charts)


def packed_data(value: object) -> str:
    """Return a value as JSON, packed as :func:`packed_plotly`."""
    return _packed(script_safe(value))


def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")


def template_json() -> str:
    """Return the template that all charts of a page share, as JSON that may stand inside a script tag."""
    return script_safe(_rounded(go.Figure().to_plotly_json()["layout"]["template"]))


def script_safe(value: object) -> str:
    """Return ``value`` as JSON without a character that could end the script element around it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def chart_height(info: Info) -> int:
    """Return the height of the chart [CSS pixels]."""
    match info:
        case HeatInfo():
            return 150 + 19 * len(info.rows)
        case TailInfo():
            return 150 + 24 * info.rows.height
        case WaterfallInfo():
            return 110 + 34 * len(info.bars)
        case EnergyInfo() | LossesInfo() | TimeInfo():
            return 190 + (26 if info.rows.height > 8 else 38) * info.rows.height
        case TimelineInfo():
            return 150 + 54 * len(info.units)
        case _:
            return FREE_HEIGHT


def _figure(info: Info) -> go.Figure:  # noqa: PLR0911  (one return per kind of figure)
    match info:
        case StoryInfo():
            raise TypeError("a page tells the story in words and bars; as a file matplotlib draws it")
        case LossesInfo():
            return _losses(info)
        case LatencyInfo():
            return _latency(info)
        case TailInfo():
            return _tail(info)
        case EnergyInfo():
            return _energy(info)
        case TimeInfo():
            return _time(info)
        case HeatInfo():
            return _heat(info)
        case WaterfallInfo():
            return _waterfall(info)
        case RooflineInfo():
            return _roofline(info)
        case TimelineInfo():
            return _timeline(info)
        case ParetoInfo():
            return _pareto(info)
        case _:
            assert_never(info)


def _latency(info: LatencyInfo) -> go.Figure:
    unit = info.unit
    traces = [
        go.Scatter(
            x=info.latency, y=info.share, mode="lines", name="replayed per input",
            line={"color": BLUE, "width": 3, "shape": "hv"},
            hovertemplate=f"%{{y:.1%}} of the inputs end within %{{x:.4g}} {unit}<extra></extra>",
        )
    ]  # fmt: skip
    marks = info.percentiles
    traces.append(
        go.Scatter(
            x=[m.value for m in marks], y=[int(m.name[1:]) / 100 for m in marks], text=[m.name for m in marks],
            mode="markers+text", textposition=["bottom right", "bottom right", "top right"],
            marker={"color": BLUE, "size": 9}, showlegend=False,
            hovertemplate=f"%{{text}}: %{{x:.4g}} {unit}<extra></extra>",
        )
    )  # fmt: skip
    for line in info.references:
        colour, dash = REFERENCES[line.name]
        text = f"{line.name}: {digits(line.value)} {unit}"
        traces.append(
            go.Scatter(
                x=[line.value, line.value], y=[0, 1], mode="lines", name=text,
                line={"color": colour, "dash": dash, "width": 2}, hovertemplate=f"{text}<extra></extra>",
            )
        )  # fmt: skip
    places = [*info.latency, *(line.value for line in info.references), 0.0]
    x = {"range": [0, 1.1 * max(places)]}  # room for the name of p99, right of it and above the line
    y = {"tickformat": ".0%", "range": [0, 1.12]}
    return _laid_out(traces, f"Latency of one input [{unit}]", "Share of inputs that have ended", x=x, y=y)


def _tail(info: TailInfo) -> go.Figure:
    rows = info.rows
    traces = []
    for name, colour, symbol in (
        ("p50", SKY, "circle"), ("p95", BLUE, "square"), ("p99", RED, "diamond"), ("largest", GREY, "line-ns-open"),
    ):  # fmt: skip
        traces.append(
            go.Scatter(
                x=[getattr(tail, name) for tail in info.tails], y=rows.places, mode="markers", name=name,
                marker={"color": colour, "symbol": symbol, "size": 10, "line": {"width": 2 * (name == "largest")}},
                customdata=[[_full(rows, i), tail.inputs] for i, tail in enumerate(info.tails)],
                hovertemplate=f"%{{customdata[0]}}<br>{name}: %{{x:.4g}} {info.unit}"
                "<br>%{customdata[1]} inputs<extra></extra>",
            )
        )  # fmt: skip
    figure = _laid_out(traces, f"Latency of one input [{info.unit}]", "", y=_named(rows))
    return _with_dense(figure) if info.unit == RELATIVE else figure


def _with_dense(figure: go.Figure) -> go.Figure:
    """Draw where the dense network stands."""
    return figure.add_vline(x=100, line={"color": RED, "width": 1.5})


def _energy(info: EnergyInfo) -> go.Figure:
    parts = [(part, values, series_colour(i)) for i, (part, values) in enumerate(info.parts)]
    traces = [*_bars(info.rows, parts, f"%{{x:.4g}} {info.unit}"), _diamonds(info)]
    figure = _laid_out(traces, f"Energy of one input [{info.unit}]", "", y=_named(info.rows))
    return figure.update_layout(barmode="stack")


def _losses(info: LossesInfo) -> go.Figure:
    lost = [(name, values, loss_colour(i)) for i, (name, values) in enumerate(info.losses)]
    parts = [(f"{info.quantity} saved", info.saved, GREEN), *lost]
    traces = [*_bars(info.rows, parts, f"%{{x:.1f}} % of the dense {info.quantity}"), _diamonds(info)]
    figure = _laid_out(traces, f"Share of the dense {info.quantity} [%]", "", y=_named(info.rows))
    return figure.update_layout(barmode="relative")


def _time(info: TimeInfo) -> go.Figure:
    traces = _bars(info.rows, info.named(), f"%{{x:.4g}} {info.unit}")
    figure = _laid_out(traces, f"{info.title} [{info.unit}]", "", y=_named(info.rows))
    figure.update_layout(barmode="stack")
    return _with_dense(figure) if info.unit == RELATIVE else figure


def _bars(rows: FigureRows, parts: Sequence[tuple[str, Sequence[float], str]], amount: str) -> list[Any]:
    """Return a bar per row, of parts with their colours; ``amount`` is how a tooltip tells a value."""
    names = [_full(rows, i) for i in range(len(rows))]
    return [
        go.Bar(
            x=values, y=rows.places, orientation="h", name=name, marker={"color": colour}, customdata=names,
            hovertemplate=f"%{{customdata}}<br>{name}: {amount}<extra></extra>",
        )
        for name, values, colour in parts
    ]  # fmt: skip


def _diamonds(info: EnergyInfo | LossesInfo) -> go.Scatter:
    """Return a mark in every row: the dense network's energy, or the MACs that were saved."""
    if isinstance(info, EnergyInfo):
        values, name, told = info.dense, "dense network", f"%{{x:.4g}} {info.unit}"
    else:
        values, name, told = info.promised, "MACs saved", "%{x:.1f} %"
    return go.Scatter(
        x=[_finite(value) for value in values], y=info.rows.places, mode="markers", name=name,
        customdata=[_full(info.rows, i) for i in range(len(info.rows))],
        marker={"symbol": "diamond-tall", "size": 14, "color": BLACK, "line": {"width": 1.5, "color": "white"}},
        hovertemplate=f"%{{customdata}}<br>{name}: {told}<extra></extra>",
    )  # fmt: skip


def _named(rows: FigureRows) -> dict[str, Any]:
    """Return an axis of rows under the names of their groups."""
    words = [(place, plain(shorten(text, 30)), head) for place, text, head in rows.ticks]
    return {
        "range": [rows.height - 0.4, -0.6],
        "tickvals": [place for place, _, _ in words],
        "ticktext": [f"<b>{text}</b>" if head else text for _, text, head in words],
        "showgrid": False,
        "tickfont": {"size": 12},
    }


def _full(rows: FigureRows, i: int) -> str:
    """Return a row's name with its group's, as a tooltip shows them."""
    name = rows.names[i]
    return plain(f"{name.group} on {name.label}" if name.group else name.label)


def _heat(info: HeatInfo) -> go.Figure:
    names = [plain(name) for name in info.rows]
    columns = [plain(name) for name in info.columns]
    trace = go.Heatmap(
        z=[[_finite(value) for value in row] for row in info.values],
        x=list(range(len(columns))), y=list(range(len(names))), colorscale=HEAT, zmin=0, zmax=info.top,
        customdata=[[f"{row}<br>{info.column_title} {column}" for column in columns] for row in names],
        colorbar={"title": {"text": info.measure, "side": "right"}, "thickness": 12},
        hovertemplate=f"%{{customdata}}<br>{info.measure}: %{{z:.3g}}<extra></extra>", hoverongaps=False,
    )  # fmt: skip
    short = [plain(shorten(name, 24)) for name in info.rows]
    x = {
        "tickvals": list(range(len(columns))),
        "ticktext": [plain(shorten(c, 18)) for c in info.columns],
        "showgrid": False,
        "tickangle": -40 if max(map(len, info.columns), default=0) > 4 else 0,
    }
    y = {**_ROWS, "type": "linear", "tickvals": list(range(len(names))), "ticktext": short, "showgrid": False}
    figure = _laid_out([trace], info.column_title, info.row_title, x=x, y=y)
    return figure.update_layout(yaxis_tickfont_size=11)


def _waterfall(info: WaterfallInfo) -> go.Figure:
    trace = go.Bar(
        x=[bar.top - bar.bottom for bar in info.bars], base=[bar.bottom for bar in info.bars],
        y=[bar.name for bar in info.bars], orientation="h", showlegend=False,
        marker={"color": [BAR_COLOUR[bar.kind] for bar in info.bars]},
        text=[bar.label for bar in info.bars], textposition="outside", cliponaxis=False,
        hovertemplate="%{y}: %{text} % of dense<extra></extra>",
    )  # fmt: skip
    ends = [end for bar in info.bars for end in (bar.bottom, bar.top)]
    room = 0.16 * (max(ends) - min(ends))  # for the numbers beside the bars
    x = {"range": [min(ends) - room * (min(ends) < 0), max(ends) + room]}
    return _laid_out([trace], "Share of the dense network [%]", "", x=x, y=_ROWS)


def _roofline(info: RooflineInfo) -> go.Figure:
    xs = [point.intensity for point in info.points]
    low, high = min([info.ridge, *xs]) / 3, max([info.ridge, *xs]) * 3
    traces = [
        go.Scatter(
            x=[low, info.ridge, high], y=[low * info.bandwidth, info.peak, info.peak], mode="lines",
            name="roof of the design", line={"color": GREY, "width": 3},
            hovertemplate="roof: %{y:.4g} MAC/cycle at %{x:.3g} MAC/B<extra></extra>",
        )
    ]  # fmt: skip
    for bound, colour, symbol, name in (
        (True, ORANGE, "circle", "memory bound"),
        (False, BLUE, "square", "compute bound"),
    ):
        points = [point for point in info.points if point.memory_bound == bound]
        traces.append(
            go.Scatter(
                x=[p.intensity for p in points], y=[p.speed for p in points], mode="markers", name=name,
                marker={"color": colour, "symbol": symbol, "size": [_area(p) for p in points], "opacity": 0.8},
                customdata=[[plain(p.name), p.roof, 100 * p.share] for p in points],
                hovertemplate="%{customdata[0]}<br>%{y:.3g} of at most %{customdata[1]:.3g} MAC/cycle"
                "<br>%{x:.3g} MAC/B, %{customdata[2]:.1f} % of the cycles<extra></extra>",
            )
        )  # fmt: skip
    return _laid_out(traces, "Useful MACs per DRAM byte [MAC/B]", "Useful MACs per cycle", x=_LOG, y=_LOG)


def _area(point: RooflinePoint) -> float:
    """Return the diameter of a layer's marker [px], its area growing with the layer's share of the cycles."""
    return 8 + 24 * math.sqrt(point.share)


def _timeline(info: TimelineInfo) -> go.Figure:
    traces = []
    for i, number in enumerate(info.inputs):
        bars = [bar for bar in info.bars if bar.input == number]
        traces.append(
            go.Bar(
                x=[bar.length for bar in bars], base=[bar.start for bar in bars], y=[bar.row for bar in bars],
                orientation="h", name=f"input {number}" if number >= 0 else "tasks", width=0.72,
                marker={"color": series_colour(i), "line": {"color": "white", "width": 0.4}},
                customdata=[[plain(bar.name), bar.start] for bar in bars],
                hovertemplate="%{customdata[0]}<br>from %{customdata[1]:.4g} for %{x:.4g} "
                f"{info.time_unit}<extra></extra>",
            )
        )  # fmt: skip
    names = [plain(name) for name in info.units]
    y = {**_ROWS, "type": "linear", "tickvals": list(range(len(names))), "ticktext": names}
    figure = _laid_out(traces, f"Time since the first task [{info.time_unit}]", "", y=y)
    return figure.update_layout(barmode="overlay")


def _pareto(info: ParetoInfo) -> go.Figure:
    front = [info.points[i] for i in info.front]
    traces = [
        go.Scatter(
            x=[p.x for p in front], y=[p.y for p in front], mode="lines", hoverinfo="skip", showlegend=False,
            line={"color": BLUE, "width": 2, "shape": info.step},
        )
    ]  # fmt: skip
    others = [point for point in info.points if not point.on_front]
    traces.append(_points(others, "dominated", GREY, info))
    traces.append(_points(front, "Pareto front", BLUE, info))
    x, y = (_LOG if log else {} for log in (info.x_log, info.y_log))
    return _laid_out(traces, info.x_title, info.y_title, x=x, y=y)


def _points(points: Sequence[ParetoPoint], name: str, colour: str, info: ParetoInfo) -> go.Scatter:
    """Return points with their bands; hollow where the band could move them onto the front or off it."""
    crowded = len(points) > BANDED

    def band(low: str, high: str, value: str) -> dict[str, Any]:
        return {
            "type": "data",
            "array": [getattr(p, high) - getattr(p, value) for p in points],
            "arrayminus": [getattr(p, value) - getattr(p, low) for p in points],
            "color": colour,
            "thickness": 1,
            "width": 0,
        }

    return go.Scatter(
        x=[p.x for p in points], y=[p.y for p in points], name=name,
        mode="markers+text", textfont={"size": 11}, cliponaxis=False,
        text=[plain(shorten(p.name, 18)) if p.label else "" for p in points],
        textposition=[f"top {p.label or 'right'}" for p in points],
        marker={
            "color": colour, "size": 7 if crowded else 10, "opacity": 0.6 if crowded else 1.0,
            "symbol": ["circle-open-dot" if p.unsure else "circle" for p in points],
        },
        error_x=band("x_low", "x_high", "x"), error_y=band("y_low", "y_high", "y"),
        customdata=[[plain(p.name), p.anchor, _note(p)] for p in points],
        hovertemplate=f"<b>%{{customdata[0]}}</b><br>{_valued(info.x_title, 'x')}<br>{_valued(info.y_title, 'y')}"
        "%{customdata[2]}<extra></extra>",
    )  # fmt: skip


def _valued(title: str, axis: str) -> str:
    """Return what a tooltip says of an axis: "Mean latency [µs]" becomes "Mean latency: 238 µs"."""
    name, _, unit = title.removesuffix("]").partition(" [")
    return f"{plain(name)}: %{{{axis}:.4g}} {plain(unit)}".rstrip()


def _note(point: ParetoPoint) -> str:
    unsure = "<br>the ±2× energy band could change its place" if point.unsure else ""
    return (f"<br>{plain(point.note)}" if point.note else "") + unsure


_LOG: Final[dict[str, Any]] = {"type": "log", "dtick": "D2"}
_ROWS: Final[dict[str, Any]] = {"autorange": "reversed"}
_AXIS: Final[dict[str, Any]] = {"automargin": True, "gridcolor": "rgba(128,128,128,0.25)", "zeroline": False}


def _laid_out(
    traces: Sequence[Any],
    x_title: str,
    y_title: str,
    *,
    x: dict[str, Any] | None = None,
    y: dict[str, Any] | None = None,
) -> go.Figure:
    figure = go.Figure(data=traces, layout=_LAYOUT)
    figure.update_xaxes(title_text=x_title, **_AXIS, **(x or {}))
    figure.update_yaxes(title_text=y_title, **_AXIS, **(y or {}))
    return figure


def plain(name: str) -> str:
    """Return a name so that plotly shows it letter by letter: it reads text as a small HTML."""
    return html.escape(name, quote=False)


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else value


def _rounded(value: Any) -> Any:
    """Return nested JSON values with floats cut to :data:`_DIGITS` digits."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(inner) for inner in value]
    return value
