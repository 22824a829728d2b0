"""Static figures by matplotlib, readable at 600 pixels and in print: the only file that imports it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final, assert_never

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from analysis.figures.figure_info import RELATIVE, EnergyInfo, HeatInfo, LatencyInfo, TailInfo
from analysis.figures.losses_info import LossesInfo
from analysis.figures.networks_info import TradeOffSeries
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
    SERIES,
    SKY,
    loss_colour,
    series_colour,
)
from analysis.figures.pareto_info import BANDED, ParetoInfo
from analysis.figures.pictures import FIGURE_FORMATS, Info, Picture
from analysis.figures.roofline_info import RooflineInfo
from analysis.figures.rows import FigureRows, RowName
from analysis.figures.story_info import StoryInfo, Worth
from analysis.figures.time_info import TimeInfo
from analysis.figures.timeline_info import TimelineInfo
from analysis.figures.validation_info import ErrorLine, ValidationPanel
from analysis.figures.waterfall_info import WaterfallInfo
from analysis.words import digits, shorten
from traces import ConfigError, atomic_write, did_you_mean

WIDTH: Final = 6.0  # [inch]; 600 pixels at 100 dots per inch
_DPI: Final = 150  # of a PNG: sharp on a screen with two dots a pixel
_LEAST: Final = 0.001  # of an error axis: exact comparisons stand at its edge [1]
_DASH: Final = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
_MARKERS: Final = "osD^v<>PX*hd"
_STYLE: Final[dict[str, Any]] = {
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture on every machine
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "svg.hashsalt": "lacuna",  # element names of an SVG do not change from run to run
    "svg.fonttype": "path",
    "text.parse_math": False,  # a name with two $ is a name
}


def write_picture(picture: Picture, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Draw one picture into ``folder`` as ``<key>.<format>``; the same picture gives the same bytes."""
    for name in formats:
        if name not in FIGURE_FORMATS:
            raise ConfigError(
                f"figure format {name!r}: cannot be written{did_you_mean(name, FIGURE_FORMATS)}"
            )
    written = []
    with _styled():
        figure = draw(picture)
        for name in formats:
            path = folder / f"{picture.key}.{name}"
            with atomic_write(path) as part:
                figure.savefig(part, format=name, dpi=_DPI, metadata=_NO_DATE[name])
            written.append(path)
    return written


def styled_figure(picture: Picture) -> Figure:
    """Return the picture as a matplotlib figure in this project's style, as a notebook shows it."""
    with _styled():
        return draw(picture)


def draw(picture: Picture) -> Figure:
    """Return the picture as a matplotlib figure."""
    figure = Figure(figsize=(WIDTH, _height(picture.info)))
    axes = figure.add_subplot()
    _drawer(picture.info)(axes)
    figure.suptitle(picture.title, fontsize=10, x=0.01, ha="left", wrap=True)
    return figure


_NO_DATE: Final[dict[str, dict[str, str | None]]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


@contextmanager
def _styled() -> Iterator[None]:
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # wants literal names of its hundreds of settings
        yield


def _height(info: Info) -> float:  # noqa: PLR0911  (one return per kind of figure)
    """Height of the figure [inch]: a fixed picture, or one that grows with its rows."""
    match info:
        case HeatInfo():
            return 1.6 + 0.19 * len(info.rows)
        case TailInfo():
            return 1.5 + 0.22 * info.rows.height
        case WaterfallInfo():
            return 1.3 + 0.32 * len(info.bars)
        case EnergyInfo() | LossesInfo() | TimeInfo():
            return 1.9 + (0.24 if info.rows.height > 8 else 0.36) * info.rows.height
        case StoryInfo():
            return 1.7 + 0.3 * sum(1 + len(group.rows) for group in info.groups)
        case TimelineInfo():
            return 1.7 + 0.45 * len(info.units)
        case _:
            return 3.8


def _drawer(info: Info) -> Callable[[Axes], None]:  # noqa: PLR0911  (one return per kind of figure)
    match info:
        case StoryInfo():
            return lambda axes: _story(axes, info)
        case LossesInfo():
            return lambda axes: _losses(axes, info)
        case LatencyInfo():
            return lambda axes: _latency(axes, info)
        case TailInfo():
            return lambda axes: _tail(axes, info)
        case EnergyInfo():
            return lambda axes: _energy(axes, info)
        case TimeInfo():
            return lambda axes: _time(axes, info)
        case HeatInfo():
            return lambda axes: _heat(axes, info)
        case WaterfallInfo():
            return lambda axes: _waterfall(axes, info)
        case RooflineInfo():
            return lambda axes: _roofline(axes, info)
        case TimelineInfo():
            return lambda axes: _timeline(axes, info)
        case ParetoInfo():
            return lambda axes: _pareto(axes, info)
        case _:
            assert_never(info)


def _latency(axes: Axes, info: LatencyInfo) -> None:
    axes.step(info.latency, info.share, where="post", color=BLUE, linewidth=2, label="replayed per input")
    for mark in info.percentiles:
        level = int(mark.name[1:]) / 100
        axes.plot([mark.value], [level], "o", color=BLUE, markersize=5)
        side = "bottom" if mark.name == "p99" else "top"  # p95 and p99 lie close
        axes.annotate(mark.name, (mark.value, level), (6, 0), textcoords="offset points", va=side)
    for line in info.references:
        colour, dash = REFERENCES[line.name]
        text = f"{line.name}: {digits(line.value)} {info.unit}"
        axes.axvline(line.value, color=colour, linestyle=_DASH[dash], linewidth=1.6, label=text)
    axes.set(xlabel=f"Latency of one input [{info.unit}]", ylabel="Share of inputs that have ended")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_ylim(0, 1.04)
    axes.set_xlim(left=0)
    axes.figure.legend(loc="outside lower center", ncols=2, fontsize=8)


def _tail(axes: Axes, info: TailInfo) -> None:
    rows = info.rows
    for place, tail in zip(rows.places, info.tails, strict=True):
        axes.plot([tail.p50, tail.largest], [place, place], color=GREY, linewidth=1.5, zorder=1)
    for name, colour, marker in (
        ("p50", SKY, "o"),
        ("p95", BLUE, "s"),
        ("p99", RED, "D"),
        ("largest", BLACK, "|"),
    ):
        values = [getattr(tail, name) for tail in info.tails]
        axes.scatter(values, rows.places, color=colour, marker=marker, s=26, label=name, zorder=2)
    _name_rows(axes, rows)
    if info.unit == RELATIVE:
        axes.axvline(100, color=RED, linewidth=1)
    axes.set(xlabel=f"Latency of one input [{info.unit}]")
    axes.figure.legend(loc="outside lower center", ncols=4, fontsize=8)


def _energy(axes: Axes, info: EnergyInfo) -> None:
    _stacked(axes, info.rows, info.parts, series_colour)
    _diamonds(axes, info.dense, info.rows, 8, "dense network")
    axes.set(xlabel=f"Energy of one input [{info.unit}]")
    axes.figure.legend(loc="outside lower center", ncols=4, fontsize=8)


def _losses(axes: Axes, info: LossesInfo) -> None:
    parts = [(f"{info.quantity} saved", info.saved), *info.losses]
    _stacked(axes, info.rows, parts, lambda i: loss_colour(i - 1) if i else GREEN)
    _diamonds(axes, info.promised, info.rows, 7, "MACs saved")
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set(xlabel=f"Share of the dense {info.quantity} [%]")
    axes.figure.legend(loc="outside lower center", ncols=3, fontsize=8)


def _time(axes: Axes, info: TimeInfo) -> None:
    named = info.named()
    _stacked(axes, info.rows, [(name, values) for name, values, _ in named], lambda i: named[i][2])
    axes.set(xlabel=f"{info.title} [{info.unit}]")
    if info.unit == RELATIVE:
        axes.axvline(100, color=RED, linewidth=1.2)
    axes.figure.legend(loc="outside lower center", ncols=4, fontsize=8)


def _diamonds(axes: Axes, values: Sequence[float], rows: FigureRows, size: int, label: str) -> None:
    """Mark one value in every row."""
    axes.plot(values, rows.places, "d", color=BLACK, markeredgecolor="white", markersize=size, label=label)


def _stacked(
    axes: Axes, rows: FigureRows, parts: Sequence[tuple[str, Sequence[float]]], colour: Callable[[int], str]
) -> None:
    """Draw a bar per row, what is below zero to the left of it."""
    right, left = np.zeros(len(rows)), np.zeros(len(rows))
    for i, (part, amounts) in enumerate(parts):
        values = np.asarray(amounts)
        begin = np.where(values < 0, left, right)
        axes.barh(
            rows.places, values, left=begin, color=colour(i), edgecolor="white", height=0.66, label=part
        )
        right += np.maximum(values, 0)
        left += np.minimum(values, 0)
    _name_rows(axes, rows)


def _name_rows(axes: Axes, rows: FigureRows) -> None:
    axes.set_yticks([place for place, _, _ in rows.ticks], [shorten(text, 34) for _, text, _ in rows.ticks])
    for label, (_, _, head) in zip(axes.get_yticklabels(), rows.ticks, strict=True):
        label.set_fontweight("bold" if head else "normal")
    axes.set_ylim(rows.height - 0.4, -0.6)
    axes.grid(axis="y", visible=False)


def _story(axes: Axes, info: StoryInfo) -> None:
    rows = FigureRows.of([RowName(row.label, group.network) for group in info.groups for row in group.rows])
    worths = [row for group in info.groups for row in group.rows]
    for shift, colour, name in ((-0.17, BLUE, "latency"), (0.17, ORANGE, "energy")):
        for place, row in zip(rows.places, worths, strict=True):
            worth: Worth | None = getattr(row, name)
            if worth is not None:
                _worth(axes, place + shift, worth, colour)
    for (place, _, _), group in zip([tick for tick in rows.ticks if tick[2]], info.groups, strict=False):
        reach = [place - 0.3, place + len(group.rows) + 0.4]
        axes.plot([100 * group.promised] * 2, reach, color=BLACK, linewidth=1.2, linestyle=":")
    handles: list[Patch | Line2D] = [
        Patch(color=BLUE, label="latency, compiled"),
        Patch(color=ORANGE, label="energy, compiled"),
        Line2D([], [], color=BLACK, linestyle=":", label="MACs saved"),
    ]
    if info.written:
        handles.append(
            Line2D([], [], color=BLACK, marker="o", markerfacecolor="white", linestyle="", label="as written")
        )
    _name_rows(axes, rows)
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_xlim(100 * info.low - 2, 100 * info.high + 12)
    axes.set(xlabel="Saved of the dense network [%]; below zero: slower, more energy")
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=4, fontsize=8)


def _worth(axes: Axes, place: float, worth: Worth, colour: str) -> None:
    axes.barh(place, 100 * worth.compiled, height=0.3, color=colour)
    if worth.written is not None:
        axes.plot([100 * worth.written], [place], "o", color=BLACK, markerfacecolor="white", markersize=4)
    if worth.mark:
        axes.annotate(
            worth.mark, (100 * max(worth.compiled, worth.written or 0, 0), place), (5, 0),
            textcoords="offset points", va="center", fontsize=7, fontweight="bold",
        )  # fmt: skip


def _heat(axes: Axes, info: HeatInfo) -> None:
    table = np.ma.masked_invalid(np.asarray(info.values).reshape(len(info.rows), len(info.columns)))
    image = axes.imshow(table, cmap=HEAT.lower(), vmin=0, vmax=info.top, aspect="auto")
    axes.set_facecolor("#EEEEEE")
    axes.grid(visible=False)
    slanted = max((len(name) for name in info.columns), default=0) > 4
    names = [shorten(name, 20) for name in info.columns]
    axes.set_xticks(
        range(len(names)), names, rotation=35 if slanted else 0, ha="right" if slanted else "center"
    )
    axes.set_yticks(range(len(info.rows)), [shorten(name) for name in info.rows], fontsize=7)
    axes.set(xlabel=info.column_title, ylabel=info.row_title)
    axes.figure.colorbar(image, ax=axes, label=info.measure, pad=0.02)


def _waterfall(axes: Axes, info: WaterfallInfo) -> None:
    rows = np.arange(len(info.bars))
    for row, bar in zip(rows, info.bars, strict=True):
        axes.barh(row, bar.top - bar.bottom, left=bar.bottom, color=BAR_COLOUR[bar.kind], height=0.62)
        axes.annotate(bar.label, (bar.top, row), (4, 0), textcoords="offset points", va="center")
    axes.axvline(0, color=BLACK, linewidth=0.8)
    axes.set_yticks(rows, [bar.name for bar in info.bars])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.margins(x=0.12)
    axes.grid(axis="y", visible=False)
    axes.set(xlabel="Share of the dense network [%]")


def _roofline(axes: Axes, info: RooflineInfo) -> None:
    xs = [point.intensity for point in info.points]
    low = min([info.ridge, *xs]) / 3
    high = max([info.ridge, *xs]) * 3
    axes.plot(
        [low, info.ridge, high], [low * info.bandwidth, info.peak, info.peak], color=BLACK, label="roof"
    )
    for bound, colour, marker, name in (
        (True, ORANGE, "o", "memory bound"),
        (False, BLUE, "s", "compute bound"),
    ):
        points = [point for point in info.points if point.memory_bound == bound]
        sizes = [18 + 400 * point.share for point in points]
        axes.scatter(
            [p.intensity for p in points], [p.speed for p in points], s=sizes, color=colour, marker=marker,
            alpha=0.75, edgecolor="white", label=name,
        )  # fmt: skip
    axes.set(xlabel="Useful MACs per DRAM byte [MAC/B]", ylabel="Useful MACs per cycle [MAC/cycle]")
    _log(axes, x=True, y=True)
    slowest = sorted(info.points, key=lambda p: (-p.share, p.name))[:6]
    _names(axes, [(p.name, p.intensity, p.speed) for p in slowest])
    handles = [
        Line2D([], [], color=BLACK, label="roof of the design"),
        Line2D([], [], color=ORANGE, marker="o", linestyle="", label="memory bound"),
        Line2D([], [], color=BLUE, marker="s", linestyle="", label="compute bound"),
    ]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)


def _timeline(axes: Axes, info: TimelineInfo) -> None:
    end = max((bar.start + bar.length for bar in info.bars), default=0.0)
    for row, number in product(range(len(info.units)), info.inputs):
        spans = [(bar.start, bar.length) for bar in info.bars if (bar.row, bar.input) == (row, number)]
        axes.broken_barh(spans, (row - 0.36, 0.72), color=series_colour(info.inputs.index(number)))
    for bar in info.bars:
        if bar.length > 0.08 * end:
            middle = (bar.start + bar.length / 2, bar.row)
            axes.annotate(shorten(bar.name, 14), middle, ha="center", va="center", fontsize=6)
    axes.set_yticks(range(len(info.units)), info.units)
    axes.set_ylim(len(info.units) - 0.4, -0.6)
    axes.set(xlabel=f"Time since the first task [{info.time_unit}]")
    axes.grid(axis="y", visible=False)
    handles = [
        Patch(color=series_colour(i), label=f"input {name}")
        for i, name in enumerate(info.inputs)
        if name >= 0
    ]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=5, fontsize=8)


def _pareto(axes: Axes, info: ParetoInfo) -> None:
    steps = {"hv": "post", "vh": "pre"}
    front = [info.points[i] for i in info.front]
    axes.plot(
        [p.x for p in front],
        [p.y for p in front],
        color=BLUE,
        drawstyle=f"steps-{steps[info.step]}",
        linewidth=1.4,
    )
    size = 4 if len(info.points) > BANDED else 6
    for point in info.points:
        colour = BLUE if point.on_front else GREY
        axes.plot([point.x_low, point.x_high], [point.y, point.y], color=colour, linewidth=0.8, alpha=0.5)
        axes.plot([point.x, point.x], [point.y_low, point.y_high], color=colour, linewidth=0.8, alpha=0.5)
        face = "white" if point.unsure else colour
        axes.plot([point.x], [point.y], "o", color=colour, markerfacecolor=face, markersize=size)
    axes.set(xlabel=info.x_title, ylabel=info.y_title)
    axes.margins(0.12)
    _log(axes, x=info.x_log, y=info.y_log)
    for point in info.points:
        if point.label:
            shift, side = (6, "left") if point.label == "right" else (-6, "right")
            axes.annotate(
                shorten(point.name, 24), (point.x, point.y), (shift, 4),
                textcoords="offset points", ha=side, va="center", fontsize=7,
            )  # fmt: skip
    handles = [
        Line2D([], [], color=BLUE, marker="o", label="Pareto front"),
        Line2D([], [], color=GREY, marker="o", linestyle="", label="dominated"),
        Line2D(
            [],
            [],
            color=BLUE,
            marker="o",
            markerfacecolor="white",
            linestyle="",
            label="the ±2× band could change it",
        ),
    ]
    axes.figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8)


def _log(axes: Axes, *, x: bool, y: bool) -> None:
    """Make axes logarithmic, their ticks plain numbers."""
    for wanted, scale, axis in ((x, axes.set_xscale, axes.xaxis), (y, axes.set_yscale, axes.yaxis)):
        if wanted:
            scale("log")
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())


def _names(axes: Axes, points: Sequence[tuple[str, float, float]]) -> None:
    """Write names beside points, first come first served: one that would cover another is left out."""
    axes.autoscale_view()
    taken: list[tuple[float, float]] = []
    for name, x, y in points:
        right, up = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
        if any(abs(right - r) < 0.3 and abs(up - u) < 0.06 for r, u in taken):
            continue
        taken.append((right, up))
        side, shift = ("right", -6) if right > 0.7 else ("left", 6)
        axes.annotate(shorten(name, 24), (x, y), (shift, 4), textcoords="offset points", ha=side, fontsize=7)


def write_trade_off(series: Sequence[TradeOffSeries], path: Path) -> None:
    """Draw accuracy against MACs, a line per method."""
    with _styled():
        figure = Figure(figsize=(1.45 * WIDTH, 4.6))
        axes = figure.add_subplot()
        for i, one in enumerate(series):
            axes.plot(
                one.macs,
                one.accuracy,
                _MARKERS[i % len(_MARKERS)],
                ls="-" if i < len(SERIES) else "--",  # colours repeat
                color=series_colour(i),
                ms=5,
                lw=1.2,
                label=one.name,
            )
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(1.0))
        axes.set(xlabel="MACs, share of the static ResNet-20", ylabel="test accuracy")
        figure.legend(loc="outside right center", fontsize=8)
        with atomic_write(path) as part:
            figure.savefig(part, format="png", dpi=_DPI, metadata=_NO_DATE["png"])


def write_validation(panels: Sequence[ValidationPanel], path: Path) -> None:
    """Draw predicted against measured, a panel per unit, on logarithmic axes, with a band of 25 %."""
    columns = 2
    rows = -(-len(panels) // columns)
    with _styled():
        figure = Figure(figsize=(2 * WIDTH, 3.4 * rows))
        for i, panel in enumerate(panels):
            _validation(figure.add_subplot(rows, columns, i + 1), panel)
        _save_png(figure, path)


def write_errors(lines: Sequence[ErrorLine], path: Path) -> None:
    """Draw the mean error of every comparison: as shipped, on rows left out with its interval, and its bound."""
    with _styled():
        figure = Figure(figsize=(1.6 * WIDTH, 0.6 + 0.19 * len(lines)))
        axes = figure.add_subplot()
        for y, line in enumerate(lines):
            _error(axes, y, line)
        axes.set(xscale="log", xlim=(_LEAST, 1.0), ylim=(len(lines) - 0.5, -0.5))
        axes.set_xlabel("mean absolute relative error; at the left edge: 0.1 % or less")
        axes.set_yticks(range(len(lines)), [shorten(line.name, 60) for line in lines], fontsize=7)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
        marks = {
            text: mark
            for mark, text in zip(axes.lines, map(lambda m: m.get_label(), axes.lines), strict=True)
        }
        named = {str(text): mark for text, mark in marks.items() if not str(text).startswith("_")}
        axes.legend(
            named.values(), named.keys(), fontsize=7, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4
        )
        _save_png(figure, path)


def _error(axes: Axes, y: int, line: ErrorLine) -> None:
    if line.spread is not None:
        axes.plot(
            [_LEAST, line.spread],
            [y, y],
            color="#DDDDDD",
            lw=6,
            solid_capstyle="butt",
            label="spread of the truth",
        )
    if line.low is not None and line.high is not None:
        axes.plot(_seen(line.low, line.high), [y, y], color=BLUE, lw=1.5)
    if line.predicted is not None:
        axes.plot(_seen(line.predicted), [y], "o", color=BLUE, ms=5, label="on predicted rows, 95 %")
    if line.fitted is not None:
        axes.plot(
            _seen(line.fitted), [y], "o", color=ORANGE, ms=5, mfc="none", label="on rows that a fit saw"
        )
    axes.plot(_seen(line.bound), [y], "|", color=RED, ms=7, label="bound")


def _seen(*values: float) -> list[float]:
    return [max(value, _LEAST) for value in values]


def _validation(axes: Axes, panel: ValidationPanel) -> None:
    span = np.array([panel.low, panel.high])
    axes.fill_between(span, span * 0.75, span * 1.25, color="#EEEEEE", lw=0)
    axes.plot(span, span, color=GREY, lw=0.8)
    for i, one in enumerate(panel.series):
        axes.plot(
            one.measured,
            one.predicted,
            _MARKERS[i % len(_MARKERS)],
            color=series_colour(i),
            ms=4,
            alpha=0.7,
            mew=0,
            label=shorten(one.name, 40),
        )
    axes.set(xscale="log", yscale="log", xlim=span, ylim=span)
    axes.set_xlabel(f"measured [{panel.unit}]")
    axes.set_ylabel(f"predicted [{panel.unit}]")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _save_png(figure: Figure, path: Path) -> None:
    with atomic_write(path) as part:
        figure.savefig(part, format="png", dpi=100, metadata=_NO_DATE["png"])
