"""The replays a report is about, as found in a folder: their results, names and timelines."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from analysis.timeline_info import Span, chrome_spans
from analysis.words import slug
from traces.errors import FileProblem

if TYPE_CHECKING:
    from simulator import Results, Summary
    from traces.trace import Trace

SUMMARY_FILE = "summary.json"
TIMELINE_FILE = "timeline.json.gz"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplayView:
    """One replay and what a report calls it."""

    name: str  # unique in the report
    anchor: str  # of its section
    results: Results
    summary: Summary
    spans: tuple[Span, ...]  # of its timeline, empty without one


def read_replays(folder: Path) -> tuple[ReplayView, ...]:
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
            f"{folder}: is not a results folder: neither it nor a folder in it holds a {SUMMARY_FILE!r}; "
            f"`lacuna replay` and `lacuna sweep` write such folders"
        )
    return tuple(_view(path, path.name, i) for i, path in enumerate(below))


def find_trace(folder: Path) -> Path | None:
    """Return the trace file that lies in ``folder``, if exactly one does."""
    from traces.storage import read_info  # noqa: PLC0415  (pulls in pyarrow)

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
    from traces.storage import load_trace  # noqa: PLC0415  (pulls in pyarrow)

    path = Path(trace) if trace is not None else find_trace(folder)
    return load_trace(path) if path is not None else None


def _view(folder: Path, name: str, index: int) -> ReplayView:
    from simulator import load_results  # noqa: PLC0415  (pulls in pandas)

    results = load_results(folder)
    summary = results.summary()
    shown = name or summary.design
    return ReplayView(
        name=shown,
        anchor=f"replay-{index}-{slug(shown)[:40]}",
        results=results,
        summary=summary,
        spans=_spans(folder / TIMELINE_FILE),
    )


def _spans(path: Path) -> tuple[Span, ...]:
    if not path.is_file():
        return ()
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            data = json.load(file)
        return chrome_spans(data["traceEvents"])
    except (OSError, EOFError, ValueError, KeyError, TypeError) as problem:
        raise FileProblem(f"{path}: is damaged or no Chrome trace: {problem!r}") from None
