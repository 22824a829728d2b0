"""Every source, version, hash and command that a reader needs to make the numbers again."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from accel_models import STEPS, design_prices
from analysis.names import design_words
from analysis.reports.report_page import Cell, Table, text_row
from analysis.words import MISSING

if TYPE_CHECKING:
    from analysis.reports.replays.view import MisfitView, ReplayView
    from analysis.sweeps.folder.results import SweepResults
    from simulator import Policy
    from traces import Trace


FROM_PYTHON: Final = "none: made from Python"
_FOLD = 4  # Choice: longer tables of provenance open on a click


def replay_table(views: Sequence[ReplayView | MisfitView]) -> Table:
    """Return hashes, versions, policy and command of every replay."""
    head = ("Replay", "Folder", "Network", "Inputs", "Trace", "Design", "Model version", "Lacuna", "Command")
    rows = tuple(
        text_row(
            view.name.full,
            view.folder or MISSING,
            view.figures.network,
            f"{view.figures.inputs:,}",
            view.figures.trace_hash if view.figures.feasible else "",
            f"{view.figures.design} {view.figures.design_hash}",
            str(view.figures.model_version),
            version("lacuna"),
            again(view.figures.command or replay_command("TRACE", view.results.policy, view.figures.inputs)),
        )
        for view in views
    )
    return Table("Replays", head, rows, folded=len(rows) > _FOLD)


def again(command: str, out: str = "DIR") -> str:
    """Return the command that was typed for results, to be typed again: where they go is for its reader to say."""
    return f"{command} --out {out}" if command else FROM_PYTHON


def replay_command(trace: str, policy: Policy, inputs: int | None) -> str:
    """Return the command that makes a replay from Python again, from its trace and the design stored beside it."""
    words = [
        shlex.join(["lacuna", "replay", trace, "--design", "design.yaml"]),
        f"--prefetch {policy.prefetch}",
    ]
    if policy.fetching.reads_rates:
        words.append(f"--theta {policy.theta}")
    if policy.batch > 1:
        words.append(
            f"--batch {policy.batch} --batch-order {policy.batch_order} --compaction {policy.compaction}"
        )
    words += [f"--without {step}" for step in STEPS if step not in policy.compiler.steps]
    return " ".join([*words, *([] if inputs is None else [f"--limit {inputs}"])])


def trace_table(trace: Trace) -> Table:
    """Return where the trace comes from; what is not known is left out."""
    info = trace.info.model_dump(exclude={"rates"})  # a figure per channel: the file has them
    known = {name.replace("_", " "): str(value) for name, value in info.items() if value not in {None, ""}}
    rows = tuple(text_row(*item) for item in known.items())
    return Table("Trace shown by class", ("What", "Value"), rows)


def design_tables(view: ReplayView | MisfitView) -> list[Table]:
    """Return a design's sources and the price of every action on it."""
    design = view.results.design
    sources = tuple(text_row(path, source) for path, source in sorted(design.sources.items()))
    prices = tuple(
        (
            Cell(price.action),
            Cell(f"{price.value:.4g} {price.unit}", number=True),
            Cell("scaled, ±2×" if price.scaled else ""),
            Cell(price.source),
        )
        for price in design_prices(design)
    )
    return [
        Table(f"{design_words(design)}: sources of its values", ("Value", "Source"), sources, folded=True),
        Table(
            f"{design_words(design)}: energy prices", ("Action", "Price", "", "Source"), prices, folded=True
        ),
    ]


def sweep_tables(results: SweepResults) -> tuple[Table, ...]:
    """Return versions, hashes and commands of a sweep or search."""
    manifest = results.manifest
    rows = [
        text_row("Model version", manifest.model_version),
        text_row("Lacuna", version("lacuna")),
        text_row("Space", manifest.space_hash),
        *(text_row(f"Trace {name}", digest) for name, digest in sorted(manifest.trace_file_hashes.items())),
        text_row(
            "Inputs of each trace", "all" if manifest.inputs is None else f"the first {manifest.inputs:,}"
        ),
        text_row("Budget", ", ".join(bound.words for bound in results.budget) or "none"),
        *(text_row("Run", run.words) for run in manifest.runs),
        *(text_row("Command", again(run.command)) for run in manifest.runs),
    ]
    kinds = {run.kind for run in manifest.runs}
    title = "Search" if kinds == {"search"} else "Sweep"
    return (Table(title, ("What", "Value"), tuple(rows)),)
