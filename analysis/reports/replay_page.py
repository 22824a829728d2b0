"""The report page of replays: overview, comparison, one section per design, what did not fit, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from analysis.pareto.ranks import pareto_mask
from analysis.reports.provenance import design_tables, replay_table, trace_table
from analysis.reports.replay_pictures import layer_pictures, overview_pictures, replay_pictures
from analysis.reports.replay_view import MisfitView, ReplayView
from analysis.reports.replay_words import (
    energy_saved,
    key_figures,
    latency_saved,
    macs_saved,
    overview_words,
    replay_words,
    waterfalls,
)
from analysis.reports.report_page import Cell, Page, Section, Table
from analysis.words import MISSING, digits, percent, quantity

if TYPE_CHECKING:
    from traces import Trace

DETAILED: Final = 12  # Choice: designs with a section of their own; more would bury the comparison


def replay_page(views: Sequence[ReplayView | MisfitView], trace: Trace | None) -> Page:
    """Return the page for one or more replays; ``trace`` adds what differs by class."""
    fit = [view for view in views if isinstance(view, ReplayView)]
    rest = [view for view in views if isinstance(view, MisfitView)]
    detailed = _detailed(fit)
    sections = [
        *(_compared(fit, detailed, trace) if fit else []),
        *(_own(view, len(fit)) for view in detailed),
    ]
    if rest:
        sections.append(_infeasible(rest))
    sections.append(_provenance(views, trace))
    shown = fit or rest
    designs = {view.figures.design_hash for view in shown}
    where = shown[0].results.design.title if len(designs) == 1 else f"{len(designs)} designs"
    names = {view.figures.network for view in shown}
    what = names.pop() if len(names) == 1 else f"{len(names)} networks"
    return Page(f"{what} on {where}: what skipping brings", tuple(sections))


def _compared(
    views: Sequence[ReplayView], detailed: Sequence[ReplayView], trace: Trace | None
) -> list[Section]:
    alone = len(views) == 1
    return [
        Section(
            anchor="summary",
            title="In short",
            words=overview_words(views),
            key_figures=key_figures(views[0].figures) if alone else (),
            tables=(_latency_table(views, detailed), _energy_table(views, detailed)),
        ),
        Section(
            anchor="fronts",
            title="Energy" if alone else "Which design is best",
            words=() if alone else ("Tap a point to go to its design.",),
            pictures=overview_pictures(views),
        ),
        Section(anchor="layers", title="Layer by layer", pictures=layer_pictures(views, trace)),
    ]


def _about(view: ReplayView) -> str:
    """Describe the design that was replayed, which is not that of the file where values were changed."""
    design = view.results.design
    if not design.changed:
        return design.description
    changed = ", ".join(f"{path} = {value}" for path, value in design.changed.items())
    return f"{design.name} as shipped is: {design.description}. Here with {changed}."


def _own(view: ReplayView, others: int) -> Section:
    """Return a design's own section; the words are in the summary already when it is the only one."""
    return Section(
        anchor=view.anchor,
        title=view.name,
        words=(_about(view), *(replay_words(view) if others > 1 else ())),
        key_figures=key_figures(view.figures) if others > 1 else (),
        pictures=replay_pictures(view),
    )


def _detailed(views: Sequence[ReplayView]) -> list[ReplayView]:
    """Return the designs that get a section: all, or those on the front and then the fastest."""
    import numpy as np  # noqa: PLC0415  (keeps this module light for the command line)

    if len(views) <= DETAILED:
        return list(views)
    costs = np.array([[v.figures.latency_us.mean, v.figures.energy_uj.mean] for v in views])
    front = pareto_mask(costs)
    order = sorted(range(len(views)), key=lambda i: (not front[i], costs[i, 0], i))[:DETAILED]
    return [views[i] for i in sorted(order)]


def _latency_table(views: Sequence[ReplayView], detailed: Sequence[ReplayView]) -> Table:
    head = (
        "Design", "Accuracy", "MACs saved", "Latency saved", *_answers(views), "Per input (mean)", "p50", "p99",
        "Largest loss",
    )  # fmt: skip
    rows = []
    for view in views:
        s = view.figures
        rows.append(
            (
                _name(view, detailed),
                *_numbers(percent(s.accuracy), percent(macs_saved(s)), percent(latency_saved(s))),
                *_numbers(*(quantity(answer.latency_us, "us") for answer in s.answers.values())),
                *_numbers(
                    *(quantity(us, "us") for us in (s.latency_us.mean, s.latency_us.p50, s.latency_us.p99))
                ),
                Cell(_largest(view, 0)),
            )
        )
    return Table("Latency of one input", head, tuple(rows))


def _energy_table(views: Sequence[ReplayView], detailed: Sequence[ReplayView]) -> Table:
    head = (
        "Design", "Energy saved", *_answers(views), "Per input (mean)", "p99", "DRAM traffic", "Largest loss",
    )  # fmt: skip
    rows = []
    for view in views:
        s = view.figures
        answers = [answer.energy_uj for answer in s.answers.values()]
        energies = (*answers, s.energy_uj.mean, s.energy_uj.p99)
        rows.append(
            (
                _name(view, detailed),
                *_numbers(percent(energy_saved(s)), *(quantity(value, "uJ") for value in energies)),
                *_numbers(quantity(s.dram_bytes, "B")),
                Cell(_largest(view, 1)),
            )
        )
    return Table("Energy of one input", head, tuple(rows))


def _answers(views: Sequence[ReplayView]) -> list[str]:
    """Return the heads of the columns of what a replay is held against."""
    return [word[0].upper() + word[1:] for word in views[0].figures.answers]


def _largest(view: ReplayView, which: int) -> str:
    loss = waterfalls(view.figures)[which].largest_loss
    return f"{loss.name} ({digits(-loss.change)} points)" if loss else MISSING


def _name(view: ReplayView, detailed: Sequence[ReplayView]) -> Cell:
    """Return the cell that names a design: a link to its section, or the place that links lead to."""
    if view in detailed:
        return Cell(view.name, link=view.anchor)
    return Cell(view.name, anchor=view.anchor)


def _numbers(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text, number=True) for text in texts)


def _infeasible(views: Sequence[MisfitView]) -> Section:
    def bound(value: int | None) -> str:
        return MISSING if value is None else f"{value:,}"

    rows = tuple(
        (
            Cell(view.name, anchor=view.anchor),
            Cell(view.figures.reason),
            *_numbers(bound(view.figures.demand), bound(view.figures.bound)),
        )
        for view in views
    )
    table = Table("Designs without a result", ("Design", "Reason", "Needs", "Has"), rows)
    return Section(anchor="infeasible", title="What did not fit", tables=(table,))


def _provenance(views: Sequence[ReplayView | MisfitView], trace: Trace | None) -> Section:
    tables = [replay_table(views)]
    if trace is not None:
        tables.append(trace_table(trace))
    seen: set[str] = set()
    for view in views:
        if view.figures.design_hash not in seen:
            seen.add(view.figures.design_hash)
            tables += design_tables(view)
    return Section(
        anchor="provenance",
        title="Where the numbers come from",
        words=(
            "The same trace, design, policy and model version give the same numbers, bit for bit. "
            "Prices marked scaled were carried from another process node and are known to a factor of two.",
        ),
        tables=tuple(tables),
    )
