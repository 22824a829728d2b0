"""When each unit was busy for the first inputs, from a timeline in Chrome Trace Event form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from analysis.figures.palette import series_colour
from analysis.figures.plain_chart import DOWNWARDS, Chart, ChartMarks, laid_out, plain
from analysis.words import fitting_unit, shorten

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

SPANS_SHOWN = 600  # Choice: as many bars as a picture can hold apart
_NAMED = 0.08  # of the picture's width: a bar that holds a name


@dataclass(frozen=True, slots=True)
class Span:
    """One task on one unit; times in microseconds, the unit of Chrome Trace Events."""

    unit: str
    name: str
    start_us: float
    end_us: float
    input: int  # which input it belongs to; -1 where the event does not say


@dataclass(frozen=True, slots=True)
class TimelineBar:
    """A bar of the picture."""

    row: int  # index into ``units``
    name: str
    start: float  # [unit of time]
    length: float
    input: int


@dataclass(frozen=True, slots=True)
class TimelineInfo:
    """Busy times of every unit from the first task on."""

    time_unit: str
    units: tuple[str, ...]  # in order of first use
    bars: tuple[TimelineBar, ...]
    inputs: tuple[int, ...]  # inputs shown, in order
    left_out: int  # later spans that are not shown

    @property
    def height(self) -> float:
        """Height of the drawing [inch]."""
        return 1.7 + 0.45 * len(self.units)

    @property
    def chart_height(self) -> int:
        """Height of the chart [CSS pixels]."""
        return 90 + 54 * len(self.units)

    @property
    def title(self) -> str:
        """Of the axis."""
        return f"Time since the first task [{self.time_unit}]"

    def chart(self) -> Chart:
        """Return it for plotly."""
        names = [plain(name) for name in self.units]
        y = {**DOWNWARDS, "type": "linear", "tickvals": list(range(len(names))), "ticktext": names}
        marks = [self._chart_bars(number, series_colour(i)) for i, number in enumerate(self.inputs)]
        return laid_out(marks, (self.title, ""), y=y, barmode="overlay")

    def _chart_bars(self, number: int, colour: str) -> ChartMarks:
        bars = [bar for bar in self.bars if bar.input == number]
        return {
            "type": "bar", "x": [bar.length for bar in bars], "base": [bar.start for bar in bars],
            "y": [bar.row for bar in bars], "orientation": "h", "width": 0.72,
            "name": f"input {number}" if number >= 0 else "tasks",
            "marker": {"color": colour, "line": {"color": "white", "width": 0.4}},
            "customdata": [[plain(bar.name), bar.start] for bar in bars],
            "hovertemplate": "%{customdata[0]}<br>from %{customdata[1]:.4g} for %{x:.4g} "
            f"{self.time_unit}<extra></extra>",
        }  # fmt: skip

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes = canvas.axes
        for row, (i, number) in product(range(len(self.units)), enumerate(self.inputs)):
            spans = [(bar.start, bar.length) for bar in self.bars if (bar.row, bar.input) == (row, number)]
            axes.broken_barh(spans, (row - 0.36, 0.72), color=series_colour(i))
        self._draw_names(canvas)
        axes.set_yticks(range(len(self.units)), self.units)
        axes.set_ylim(len(self.units) - 0.4, -0.6)
        axes.set(xlabel=self.title)
        axes.grid(axis="y", visible=False)
        named = [(f"input {number}", series_colour(i)) for i, number in enumerate(self.inputs) if number >= 0]
        canvas.legend(5, [canvas.patch_key(*each) for each in named])

    def _draw_names(self, canvas: Canvas) -> None:
        """Write names into the bars that have room."""
        end = max((bar.start + bar.length for bar in self.bars), default=0.0)
        for bar in self.bars:
            if bar.length > _NAMED * end:
                middle = (bar.start + bar.length / 2, bar.row)
                canvas.axes.annotate(shorten(bar.name, 14), middle, ha="center", va="center", fontsize=6)


def timeline_info(spans: Sequence[Span], inputs: int = 3) -> TimelineInfo:
    """Return the busy times of the first ``inputs`` inputs, at most :data:`SPANS_SHOWN` spans."""
    order = sorted(spans, key=lambda span: (span.start_us, span.unit, span.end_us, span.name))
    seen = list(dict.fromkeys(span.input for span in order))[:inputs]
    wanted = [span for span in order if span.input in seen]
    shown = wanted[:SPANS_SHOWN]
    units = tuple(dict.fromkeys(span.unit for span in shown))
    begin = shown[0].start_us if shown else 0.0
    unit, holds = fitting_unit(max((span.end_us - begin for span in shown), default=0.0), "us")
    bars = tuple(
        TimelineBar(
            row=units.index(span.unit),
            name=span.name,
            start=(span.start_us - begin) / holds,
            length=(span.end_us - span.start_us) / holds,
            input=span.input,
        )
        for span in shown
    )
    return TimelineInfo(
        unit, units, bars, tuple(i for i in seen if i in {b.input for b in bars}), len(spans) - len(shown)
    )


def chrome_spans(events: Iterable[Mapping[str, Any]]) -> tuple[Span, ...]:
    """Return the complete events (``"ph": "X"``) of a Chrome trace that took any time.

    A unit's name is its thread's (metadata event ``thread_name``), or the thread's number.
    """
    events = list(events)
    named = {
        (event.get("pid"), event.get("tid")): str(event["args"]["name"])
        for event in events
        if event.get("ph") == "M" and event.get("name") == "thread_name"
    }
    return tuple(
        Span(
            unit=named.get((event.get("pid"), event.get("tid")), str(event.get("tid"))),
            name=str(event["name"]),
            start_us=float(event["ts"]),
            end_us=float(event["ts"]) + float(event["dur"]),
            input=int(event.get("args", {}).get("input", -1)),
        )
        for event in events
        if event.get("ph") == "X" and float(event["dur"]) > 0
    )
