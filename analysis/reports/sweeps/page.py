"""The report page of a sweep or search: its fronts, every point, what did not fit, provenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.pareto.ranks import pareto_mask
from analysis.reports.provenance import sweep_tables
from analysis.reports.report_page import Page, Section
from analysis.reports.sweeps.columns import costs_of_rows, value_of
from analysis.reports.sweeps.explorer import explorer_info
from analysis.reports.sweeps.naming import Naming, page_of
from analysis.reports.sweeps.pictures import front_pictures
from analysis.reports.sweeps.tables import front_table, importance_tables, misfit_section
from analysis.reports.sweeps.words import best_words, objective_figures, sweep_words

if TYPE_CHECKING:
    from analysis.sweeps.folder.results import SweepResults
    from analysis.sweeps.row import SweepRow
    from traces import Bools


def sweep_page(results: SweepResults) -> Page:
    """Return the page of a sweep."""
    rows = [row for row in results.rows if row.feasible]
    rest = [row for row in results.rows if not row.feasible]
    manifest, naming = results.manifest, Naming.of(results.rows)
    evaluated = Section(anchor="summary", title="What was evaluated", words=sweep_words(results, rows))
    if not rows:
        sections = [evaluated]
    else:
        costs = costs_of_rows(rows, manifest.minimize, manifest.maximize)
        mask = pareto_mask(costs)
        objectives = (*manifest.minimize, *manifest.maximize)
        front = _sorted_front(rows, mask, objectives[0])
        sections = [
            Section(
                anchor="explore",
                title="Which designs are best",
                key_figures=objective_figures(results, rows, costs),
                words=best_words(results, rows, naming, costs),
                explorer=explorer_info(
                    results, rows, mask.tolist(), [_page_of(results, row) for row in rows]
                ),
                drawn=front_pictures(rows, naming, manifest.minimize, manifest.maximize),
                tables=importance_tables(results),
            ),
            Section(
                anchor="front",
                title="Pareto front",
                tables=(
                    front_table("Designs that no other beats in every objective", front, naming, objectives),
                ),
            ),
            evaluated,
        ]
    if rest:
        sections.append(misfit_section(rest, naming, len(results.rows)))
    sections.append(
        Section(
            anchor="provenance",
            title="Where the numbers come from",
            words=("The same space, traces and model version give the same numbers, bit for bit.",),
            tables=sweep_tables(results),
            code=(manifest.space_text,),
        )
    )
    return Page(f"{len(results.rows):,} designs explored", tuple(sections))


def _sorted_front(rows: Sequence[SweepRow], mask: Bools, first: str) -> list[SweepRow]:
    """Return the rows on the front in order of the first objective."""
    on_front = [row for row, keep in zip(rows, mask, strict=True) if keep]
    return sorted(on_front, key=lambda row: (value_of(row, first), row.index))


def _page_of(results: SweepResults, row: SweepRow) -> str:
    """Return where the replay of a point is told, relative to the folder; "" where it was not replayed alone."""
    page = page_of(row) / "report.html"
    return page.as_posix() if (results.folder / page).is_file() else ""
