"""The replays a report is about, as found in a folder: their results, names and timelines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.figures.timeline_info import Span, chrome_spans
from analysis.words import slug
from traces import FileProblem

if TYPE_CHECKING:
    from simulator import DoesNotFit, Explained, Results
    from traces import Trace

SUMMARY_FILE = "summary.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplayView:
    """One replay and what a report calls it."""

    name: str  # unique in the report
    anchor: str  # of its section
    results: Results
    figures: Explained
    spans: tuple[Span, ...]  # of its timeline, empty without one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MisfitView:
    """A replay of a network that does not fit the design."""

    name: str
    anchor: str
    results: Results
    figures: DoesNotFit


def read_replays(folder: Path) -> tuple[ReplayView | MisfitView, ...]:
    """Return the replay in ``folder``, or those in the folders below it in order of their names.

    Raises
    ------
    FileProblem
        If the folder is missing or holds no replay.
    """
    if not folder.is_dir():
        raise FileProblem(f"{folder}: no such folder; name the results folder of a replay or a sweep")
    if (folder / SUMMARY_FILE).is_file():
        return (_view(folder, "", 0),)
    below = sorted(path.parent for path in folder.glob(f"*/{SUMMARY_FILE}"))
    if not below:
        raise FileProblem(
            f"{folder}: is not a results folder: neither it nor a folder in it holds a {SUMMARY_FILE!r} of a replay, "
            f"and it holds no 'space.json' of a sweep; "
            f"`lacuna replay` and `lacuna sweep` write such folders"
        )
    return tuple(_view(path, path.name, i) for i, path in enumerate(below))


def trace_of_replays(folder: Path) -> Path | None:
    """Return the trace file that lies in ``folder``, if exactly one does."""
    from traces import read_info  # noqa: PLC0415  (pulls in pyarrow)

    found = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            read_info(path)
        except FileProblem:
            continue  # results are Parquet files too
        found.append(path)
    return found[0] if len(found) == 1 else None


def load_report_trace(folder: Path, trace: str | Path | None) -> Trace | None:
    """Return the trace named, or the one that lies in the folder; ``None`` if there is none."""
    from traces import load_trace  # noqa: PLC0415  (pulls in pyarrow)

    path = Path(trace) if trace is not None else trace_of_replays(folder)
    return load_trace(path) if path is not None else None


def view_of(results: Results, name: str, anchor: str) -> ReplayView | MisfitView:
    """Return what a report makes of one replay's results."""
    if not results.figures.feasible:
        return MisfitView(name=name, anchor=anchor, results=results, figures=results.figures)
    return ReplayView(
        name=name, anchor=anchor, results=results, figures=results.explained, spans=_spans(results, name)
    )


def _view(folder: Path, name: str, index: int) -> ReplayView | MisfitView:
    from simulator import load_results  # noqa: PLC0415  (pulls in pandas)

    results = load_results(folder)
    shown = name or results.design.title
    return view_of(results, shown, f"replay-{index}-{slug(shown)[:40]}")


def _spans(results: Results, name: str) -> tuple[Span, ...]:
    if not results.timeline:
        return ()
    try:
        return chrome_spans(json.loads(results.timeline)["traceEvents"])
    except (ValueError, KeyError, TypeError) as problem:
        raise FileProblem(f"timeline of {name}: is damaged or no Chrome trace: {problem!r}") from None
