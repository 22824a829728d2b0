"""What a report is about: replays, streams, a sweep and estimates, found in folders and files that a user names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analysis.reports.estimates_page import estimates_page, is_estimate
from analysis.reports.replays.page import replay_page
from analysis.reports.replays.view import SUMMARY_FILE, load_report_trace, read_views
from analysis.reports.report_page import Page
from traces import ConfigError, FileProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

SWEEP_FILE: Final = "space.json"
STREAM_FILE: Final = "stream.json"


@dataclass(frozen=True, slots=True)
class ResultPlaces:
    """Folders and files by what they hold; a replay or stream with its name, "" where it was named alone."""

    replays: tuple[tuple[Path, str], ...] = ()
    streams: tuple[tuple[Path, str], ...] = ()
    sweeps: tuple[Path, ...] = ()
    estimates: tuple[Path, ...] = ()


def find_results(places: Sequence[Path]) -> ResultPlaces:
    """Return what the places hold: each is results itself, a folder of results and tables, or a table of estimates.

    Raises
    ------
    FileProblem
        If a place is missing or holds nothing that a report is about.
    """
    found = []
    for place in places:
        table = place.is_file() and place.suffix == ".csv"
        if place.exists() and not place.is_dir() and not table:
            raise FileProblem(
                f"{place}: is a file; name the results folder of a replay, stream or sweep, "
                "or a table of estimates (.csv)"
            )
        held = results_in(place, alone=len(places) == 1)
        if held == ResultPlaces():
            raise FileProblem(
                f"{place}: is not a results folder: neither it nor a folder in it holds a {SUMMARY_FILE!r} of a replay "
                f"or {STREAM_FILE!r} of a stream, and it holds no {SWEEP_FILE!r} of a sweep and no table of estimates; "
                "`lacuna replay`, `stream`, `sweep` and `estimate --out` write such"
            )
        found.append(held)
    return ResultPlaces(
        replays=tuple(one for each in found for one in each.replays),
        streams=tuple(one for each in found for one in each.streams),
        sweeps=tuple(one for each in found for one in each.sweeps),
        estimates=tuple(one for each in found for one in each.estimates),
    )


def results_in(place: Path, *, alone: bool = True) -> ResultPlaces:
    """Return what one place holds, which may be nothing; ``alone``: no other is asked about.

    Raises
    ------
    FileProblem
        If it is missing.
    """
    if place.is_file():
        return ResultPlaces(estimates=(place,))
    if not place.is_dir():
        raise FileProblem(f"{place}: no such folder")
    own = "" if alone else place.name
    if (place / SWEEP_FILE).is_file():
        return ResultPlaces(sweeps=(place,))
    if (place / SUMMARY_FILE).is_file():
        return ResultPlaces(replays=((place, own),))
    if (place / STREAM_FILE).is_file():
        return ResultPlaces(streams=((place, own),))
    replays, streams = (tuple(_below(place, name)) for name in (SUMMARY_FILE, STREAM_FILE))
    tables = tuple(path for path in sorted(place.glob("*.csv")) if is_estimate(path))
    return ResultPlaces(replays=replays, streams=streams, estimates=tables)


def _below(place: Path, name: str) -> Iterator[tuple[Path, str]]:
    return ((path.parent, path.parent.name) for path in sorted(place.glob(f"*/{name}")))


def read_page(places: Sequence[Path], trace: str | Path | None = None, budget: Sequence[str] = ()) -> Page:
    """Return what a report on these places says, before any markup; ``budget``: what changes in that of a sweep."""
    found = find_results(places)
    if len(found.sweeps) > 1:
        raise FileProblem(f"{found.sweeps[1]}: is a second sweep; a report holds one, with whatever else")
    if budget and not found.sweeps:
        raise ConfigError("--budget: is held against the points of a sweep; there is none here")
    parts = []
    if found.replays:
        compared = len(places) > 1 and len(found.replays) > 1
        parts.append(
            replay_page(read_views(found.replays), load_report_trace(places[0], trace), compared=compared)
        )
    if found.streams:
        from analysis.reports.streams_page import streams_page  # noqa: PLC0415  (only a report on streams needs it)

        parts.append(streams_page(found.streams))
    if found.estimates:
        parts.append(estimates_page(found.estimates))
    if found.sweeps:
        from analysis.reports.sweeps.page import sweep_page  # noqa: PLC0415  (as above)
        from analysis.sweeps.folder.results import load_sweep  # noqa: PLC0415  (pulls in pandas)

        parts.append(sweep_page(load_sweep(found.sweeps[0]).under(budget)))
    return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: Sequence[Page]) -> Page:
    """Return one page of several, what all of them rest on last."""
    sections = [
        section.moved(
            f"part-{i}-{section.anchor}" if i else section.anchor,
            part.title if i and section.anchor == "summary" else "",
        )
        for i, part in enumerate(parts)
        for section in part.sections
        if section.anchor != "provenance"
    ]
    rest = [section for part in parts for section in part.sections if section.anchor == "provenance"]
    if rest:
        last = rest[0].moved("provenance")
        words, tables, code = (
            [one for each in rest for one in getattr(each, name)] for name in ("words", "tables", "code")
        )
        sections.append(
            replace(last, words=tuple(dict.fromkeys(words)), tables=tuple(tables), code=tuple(code))
        )
    return Page("; ".join(part.title for part in parts), tuple(sections))
