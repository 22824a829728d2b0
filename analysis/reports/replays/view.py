"""The replays a report is about, as found in a folder: their results, names and timelines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from accel_models import STEPS
from analysis.figures.report.timeline import Span, chrome_spans
from analysis.reports.replays.names import ReplayName, name_replays
from traces import FileProblem

if TYPE_CHECKING:
    from simulator import DoesNotFit, Explained, Replayed, Results, Summary
    from traces import Trace

SUMMARY_FILE = "summary.json"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReplayView:
    """One replay and what a report calls it."""

    name: ReplayName
    folder: str  # its name, "" where the report is on this folder alone
    results: Results
    figures: Explained
    spans: tuple[Span, ...]  # of its timeline, empty without one
    written: Replayed | None = None  # the same replay with every step of the compiler left out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MisfitView:
    """A replay of a network that does not fit the design."""

    name: ReplayName
    folder: str
    results: Results
    figures: DoesNotFit


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


def view_of(
    results: Results, name: ReplayName, folder: str = "", written: Replayed | None = None
) -> ReplayView | MisfitView:
    """Return what a report makes of one replay's results."""
    if not results.figures.feasible:
        return MisfitView(name=name, folder=folder, results=results, figures=results.figures)
    spans = _spans(results, name.full)
    return ReplayView(
        name=name, folder=folder, results=results, figures=results.explained, spans=spans, written=written
    )


def read_views(folders: Sequence[tuple[Path, str]]) -> tuple[ReplayView | MisfitView, ...]:
    """Read folders of replays with their names.

    A replay as written that was not explained only stands beside the one that was compiled.
    """
    from simulator import load_results  # noqa: PLC0415  (pulls in pandas)

    loaded = [(load_results(path), name) for path, name in folders]
    written = {_twin(one): one.figures for one, _ in loaded if not one.policy.compiler.steps}
    shown = [(one, name) for one, name in loaded if not _only_beside(one, [other for other, _ in loaded])]
    names = name_replays([one for one, _ in shown], [name for _, name in shown])
    return tuple(
        view_of(one, name, folder, _fitting(written.get(_twin(one))) if one.policy.compiler.steps else None)
        for (one, folder), name in zip(shown, names, strict=True)
    )


def _twin(one: Results) -> tuple[object, ...]:
    """Return what a replay shares with the same one under another compiler."""
    figures, steps = one.figures, dict.fromkeys(STEPS, True)
    trace = figures.trace_hash if figures.feasible else ""
    policy = one.policy.model_copy(update=steps)
    return figures.network, figures.design_hash, trace, figures.inputs, policy.model_dump_json()


def _only_beside(one: Results, others: Sequence[Results]) -> bool:
    """Return whether a replay is there only for what it says of another."""
    from simulator import Explained  # noqa: PLC0415  (as above)

    if one.policy.compiler.steps or isinstance(one.figures, Explained):
        return False
    return any(other is not one and _twin(other) == _twin(one) for other in others)


def _fitting(figures: Summary | None) -> Replayed | None:
    return figures if figures is not None and figures.feasible else None


def _spans(results: Results, name: str) -> tuple[Span, ...]:
    if not results.timeline:
        return ()
    try:
        return chrome_spans(json.loads(results.timeline)["traceEvents"])
    except (ValueError, KeyError, TypeError) as problem:
        raise FileProblem(f"timeline of {name}: is damaged or no Chrome trace: {problem!r}") from None
