"""When each unit was busy for the first inputs, from a timeline in Chrome Trace Event form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.words import fitting_unit

SPANS_SHOWN = 600  # Choice: as many bars as a picture can hold apart


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
