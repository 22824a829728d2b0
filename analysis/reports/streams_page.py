"""The part of a report on streams: frames that arrive in time, what they waited, and how many were late."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.pictures import Picture
from analysis.figures.report.latency import latency_info
from analysis.names import design_words, network_title
from analysis.reports.provenance import again
from analysis.reports.report_page import Cell, Page, Section, Table, text_row
from analysis.words import digits, percent, quantity, slug
from traces import unpriced_words

if TYPE_CHECKING:
    from simulator import StreamResults


def streams_page(folders: Sequence[tuple[Path, str]]) -> Page:
    """Return the page of one stream or more, read from their folders."""
    from simulator import load_stream  # noqa: PLC0415  (slow to import)

    streams = [(load_stream(folder), name) for folder, name in folders]
    named = [(one, _name(one, name, len(streams) > 1)) for one, name in streams]
    summary = Section(
        anchor="streams",
        title="Frames that arrive in time",
        words=(*(_words(one, name) for one, name in named), *_missing(named)),
        pictures=tuple(_picture(one, name) for one, name in named),
        tables=(_table(named),),
    )
    rows = tuple(
        text_row(
            name,
            f"{one.design.title} {one.figures.design_hash}",
            one.figures.model_version,
            version("lacuna"),
            again(one.figures.command),
        )
        for one, name in named
    )
    provenance = Section(
        anchor="provenance",
        title="Where the numbers come from",
        tables=(Table("Streams", ("Stream", "Design", "Model version", "Lacuna", "Command"), rows),),
    )
    title = named[0][1] if len(named) == 1 else f"{len(named)} streams"
    return Page(f"{title}: frames in time", (summary, provenance))


def _name(one: StreamResults, folder: str, several: bool) -> str:
    name = f"{network_title(one.figures.network)} on {design_words(one.design)}"
    return f"{name} ({folder})" if several and folder else name


def _words(one: StreamResults, name: str) -> str:
    s = one.figures
    steady = (
        "Frames arrive faster than they can be served: it never settles."
        if s.unstable
        else f"It is busy {percent(s.load)} of the time asked for."
    )
    deadline = "" if s.deadline_us is None else f" of {quantity(s.deadline_us, 'us')}"
    dropped = f", {s.dropped:,} of them dropped" if s.dropped else ""
    half, slow, waiting = (quantity(v, "us") for v in (s.latency_us.p50, s.latency_us.p99, s.wait_us.mean))
    return (
        f"{name}: {percent(s.miss_rate)} of {s.frames:,} frames missed their deadline{deadline} or got no answer"
        f"{dropped}. {steady} Half of the answers come within {half}, 99 in 100 within {slow}; waiting for the "
        f"machine takes {waiting} of it on average."
    )


def _missing(named: Sequence[tuple[StreamResults, str]]) -> list[str]:
    """Return what of the models has no price, a sentence per stream."""
    return [
        f"{name}: the figures are {unpriced_words(one.figures.skipped)}."
        for one, name in named
        if one.figures.skipped
    ]


def _picture(one: StreamResults, name: str) -> Picture:
    latency = np.asarray(one.columns["latency_us"], np.float64)
    return Picture(
        f"{slug(name)[:80]}_stream-latency",
        f"From arrival to answer: {name}",
        "Each step is a frame that was answered; waiting is part of it.",
        latency_info(latency[np.isfinite(latency)], {}),
    )


def _table(named: Sequence[tuple[StreamResults, str]]) -> Table:
    head = (
        "Stream", "Load", "Frames", "Missed", "Dropped", "Answers per second", "Mean latency", "p99", "Largest",
        "Waiting", "Energy per frame", "Asleep", "Accuracy",
    )  # fmt: skip
    return Table("Streams", head, tuple(_row(one, name) for one, name in named))


def _row(one: StreamResults, name: str) -> tuple[Cell, ...]:
    s = one.figures
    shares = {"load": s.load, "missed": s.miss_rate, "asleep": s.asleep, "accuracy": s.accuracy}
    share = {key: Cell(percent(value), number=True, order=value) for key, value in shares.items()}
    times = (s.latency_us.mean, s.latency_us.p99, s.latency_us.max, s.wait_us.mean)
    return (
        Cell(name),
        share["load"],
        _count(s.frames),
        share["missed"],
        _count(s.dropped),
        Cell(digits(s.frames_per_second), number=True, order=s.frames_per_second),
        *(Cell(quantity(value, "us"), number=True, order=value) for value in times),
        Cell(quantity(s.energy_uj_per_frame, "uJ"), number=True, order=s.energy_uj_per_frame),
        share["asleep"],
        share["accuracy"],
    )


def _count(value: int) -> Cell:
    return Cell(f"{value:,}", number=True, order=value)
