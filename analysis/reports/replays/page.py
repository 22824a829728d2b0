"""The report page of replays: the story, comparison, one folded section per replay, what did not fit, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.names import design_words
from analysis.paired import compare
from analysis.reports.provenance import design_tables, replay_table, trace_table
from analysis.reports.replays.layers import layer_pictures, rate_pictures
from analysis.reports.replays.overview import front_pictures, loss_pictures, story_picture
from analysis.reports.replays.pictures import replay_pictures
from analysis.reports.replays.tables import estimate_tables, op_time_table, paired_row, worth_table
from analysis.reports.replays.view import MisfitView, ReplayView
from analysis.reports.replays.words import key_figures, notes_words, replay_words
from analysis.reports.report_page import Cell, Page, Section, Table
from analysis.words import MISSING
from traces import UnsupportedError

if TYPE_CHECKING:
    from traces import Trace


def replay_page(
    views: Sequence[ReplayView | MisfitView], trace: Trace | None, *, compared: bool = False
) -> Page:
    """Return the page for one or more replays; ``trace`` adds what differs by class, ``compared`` pairs by input."""
    views = _by_network(views)
    fit = [view for view in views if isinstance(view, ReplayView)]
    rest = [view for view in views if isinstance(view, MisfitView)]
    sections = _alone(fit[0], trace) if len(views) == len(fit) == 1 else _compared(views, fit, trace)
    if compared and len(fit) > 1:
        sections.insert(1, _paired(fit))
    if rest:
        sections.append(_infeasible(rest))
    sections.append(_provenance(views, trace))
    return Page(_title(views), tuple(sections))


def _title(views: Sequence[ReplayView | MisfitView]) -> str:
    if len(views) == 1:
        return views[0].name.full
    networks, labels = {view.name.network for view in views}, {view.name.label for view in views}
    what = networks.pop() if len(networks) == 1 else f"{len(networks)} networks"
    where = labels.pop() if len(labels) == 1 else f"{len({v.figures.design_hash for v in views})} designs"
    return f"{what} on {where}: what skipping is worth"


def _by_network(views: Sequence[ReplayView | MisfitView]) -> list[ReplayView | MisfitView]:
    """Return the replays of one network beside each other, networks and replays in their first order."""
    networks = list(dict.fromkeys(view.name.network for view in views))
    return sorted(views, key=lambda view: networks.index(view.name.network))


def _alone(view: ReplayView, trace: Trace | None) -> list[Section]:
    """Return the sections of a page on one replay."""
    own = Section(
        anchor=view.name.key,
        title="What skipping is worth",
        words=(_about(view), *replay_words(view)),
        key_figures=key_figures(view.figures),
        pictures=replay_pictures(view),
        tables=(*op_time_table(view), *estimate_tables([view])),
    )
    pictures = (*rate_pictures([view], trace), *layer_pictures([view]))
    return [
        own,
        Section(anchor="energy", title="Energy", pictures=front_pictures([view])),
        Section(anchor="layers", title="Layer by layer", pictures=pictures),
    ]


def _compared(
    views: Sequence[ReplayView | MisfitView], fit: Sequence[ReplayView], trace: Trace | None
) -> list[Section]:
    """Return the sections of a page that compares replays: the story first."""
    if not fit:
        return [Section(anchor="summary", title="In short", pictures=(story_picture(views),))]
    used = Section(anchor="used", title="How well each layer uses its unit", pictures=layer_pictures(fit))
    rates = Section(
        anchor="rates", title="How often each layer runs, and by class", pictures=rate_pictures(fit, trace)
    )
    maps = "Maps of all layers and designs, a network each."
    every = "One page per replay: its numbers, its distribution of latency, waterfalls, ops, roofline and timeline."
    return [
        Section(
            anchor="summary",
            title="Latency and energy saved",
            pictures=(story_picture(views),),
            tables=(worth_table(fit),),
        ),
        Section(
            anchor="losses",
            title="Where the saving goes",
            words=notes_words(fit),
            pictures=loss_pictures(fit),
        ),
        Section(
            anchor="fronts",
            title="Which is best",
            words=("Tap a point to go to its replay.",),
            pictures=front_pictures(fit),
        ),
        Section(anchor="layers", title="Layer by layer", words=(maps,), folds=(used, rates)),
        Section(anchor="replays", title="Every replay", words=(every,), folds=tuple(map(_own, fit))),
        Section(
            anchor="estimates",
            title="Estimates",
            tables=estimate_tables(fit),
        ),
    ]


def _paired(views: Sequence[ReplayView]) -> Section:
    """Return every replay against the first one, input by input, where both are of the same inputs."""
    first, *others = views
    head = ("Replay", "Quantity", "First", "This", "Unit", "Difference", "95 % interval", "Chance")
    rows, refused = [], []
    for view in others:
        try:
            found = compare(first.results, view.results)
        except UnsupportedError as problem:
            refused.append(f"{view.name.full} is not compared: {str(problem).removeprefix('compare: ')}.")
            continue
        rows += [paired_row(view.name.full, row) for row in found.rows]
    words = (
        f"First: {first.name.full}. Intervals are of the choice of inputs, which both replays share, not of the model.",
    )
    table = Table("Paired differences", head, tuple(rows))
    return Section(
        anchor="paired",
        title="Input by input",
        words=(*words, *refused),
        tables=(table,) if rows else (),
    )


def _about(view: ReplayView) -> str:
    """Describe the design that was replayed, which is not that of the file where values were changed."""
    design = view.results.design
    return f"{design_words(design)}: {design.about}."


def _own(view: ReplayView) -> Section:
    """Return the folded section of one replay among several."""
    return Section(
        anchor=view.name.key,
        title=view.name.full,
        words=(_about(view), *replay_words(view)),
        key_figures=key_figures(view.figures),
        pictures=replay_pictures(view),
        tables=op_time_table(view),
    )


def _infeasible(views: Sequence[MisfitView]) -> Section:
    def bound(value: int | None) -> str:
        return MISSING if value is None else f"{value:,}"

    rows = tuple(
        (
            Cell(view.name.full, anchor=view.name.key),
            Cell(view.figures.reason),
            Cell(bound(view.figures.demand), number=True),
            Cell(bound(view.figures.bound), number=True),
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
